"""The public surface: what is exported is named, documented and light to import."""

import inspect
import subprocess
import sys

import pytest

import tastespace

MODULES = {"data", "evaluation", "models", "store", "trainers", "version"}


def test_all_is_what_is_exported():
    public = {name for name in vars(tastespace) if not name.startswith("_")} - MODULES
    assert public - set(tastespace.__all__) <= {"cli", "plots", "testing"}  # submodules that a test imported
    assert set(tastespace.__all__) - {"__version__"} <= public
    assert tastespace.__all__ == sorted(tastespace.__all__)


@pytest.mark.parametrize("name", [name for name in tastespace.__all__ if name != "__version__"])
def test_everything_public_is_documented(name):
    thing = getattr(tastespace, name)
    assert inspect.getdoc(thing), name
    if not inspect.isclass(thing):
        return
    for member, value in vars(thing).items():
        if not member.startswith("_") and (callable(value) or isinstance(value, property)):
            assert inspect.getdoc(getattr(thing, member)), f"{name}.{member}"


def test_import_is_quiet_and_loads_no_extra():
    code = (
        "import sys, tastespace\n"
        "extras = {'pandas', 'pyarrow', 'matplotlib', 'sqlalchemy', 'sklearn', 'hypothesis', 'rich', 'typer'}\n"
        "print(sorted(extras & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
    assert done.stderr == ""


def test_version_is_that_of_the_wheel():
    assert tastespace.__version__[0].isdigit()
    assert "source" not in tastespace.__version__
