"""The public surface: what is exported is named, documented, typed and light to import."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import tastespace

ROOT = Path(__file__).parents[1]
PACKAGE = Path(tastespace.__file__).parent
PRIVATE = {"data", "evaluation", "models", "reports", "store", "trainers", "tuning", "version"}
ON_DEMAND = {"cli", "sklearn", "testing"}  # attributes once something has imported them


def is_ours(value):
    """Whether a member of a class or module is a property, or a function or class of tastespace."""
    method = isinstance(value, property | staticmethod | classmethod)
    return method or (callable(value) and getattr(value, "__module__", "").startswith("tastespace"))


def members(thing):
    """The public members of a module or class that should be documented, inherited ones among them."""
    names = getattr(thing, "__all__", None) or [name for name in dir(thing) if not name.startswith("_")]
    return [name for name in names if is_ours(inspect.getattr_static(thing, name))]


def test_all_is_what_is_exported():
    public = {name for name in vars(tastespace) if not name.startswith("_")} - PRIVATE - ON_DEMAND
    assert set(tastespace.__all__) == public | {"__version__"}  # ruff sorts it


@pytest.mark.parametrize("name", [name for name in tastespace.__all__ if name != "__version__"])
def test_everything_public_is_documented(name):
    thing = getattr(tastespace, name)
    assert inspect.getdoc(thing)
    if inspect.isclass(thing) or isinstance(thing, ModuleType):
        assert [member for member in members(thing) if not inspect.getdoc(getattr(thing, member))] == []


def test_members_are_found():
    assert {"n_users", "from_events", "filter"} <= set(members(tastespace.Interactions))
    assert {"load", "items"} <= set(members(tastespace.datasets))


def test_import_is_quiet_and_loads_no_extra():
    code = (
        "import sys, tastespace\n"
        "heavy = {'pandas', 'pyarrow', 'matplotlib', 'sqlalchemy', 'sklearn', 'optuna', 'hypothesis', 'rich', "
        "'typer', 'umap'}\n"
        "tastespace.plots.space, tastespace.plots.topics\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert done.stderr == ""


def test_version_is_that_of_the_wheel():
    assert tastespace.__version__[0].isdigit()
    assert "source" not in tastespace.__version__


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").is_file()


def test_imports_run_one_way():
    # A process of its own, because the linter switches all loggers off. The contract is in pyproject.toml.
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def from_package(path):
    """What a file imports from the package itself: the names, and "tastespace" for the whole."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "tastespace":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name == "tastespace")


def test_only_the_top_layers_import_the_package_itself():
    # The contract of imports cannot see these: all but the native module would lead up and down again.
    inner = [
        path
        for path in PACKAGE.glob("*/**/*.py")
        if path.relative_to(PACKAGE).parts[0] not in ("cli", "testing")
    ]
    found = {path.name: names for path in inner if (names := set(from_package(path)) - {"_native"})}
    assert inner
    assert found == {}
