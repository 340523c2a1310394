import sys

import pytest

import tastespace as ts
from tastespace.errors import DamagedFileError, FileError, MissingExtraError, ParameterError
from tastespace.tuning.trial import Validation
from tests.tuning.worlds import SPACE, clicks, rows, trained


@pytest.fixture(scope="module")
def split():
    return ts.split.random(clicks(), 0.25)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "trials.log"


def test_a_resumed_search_ends_as_one_that_was_not_interrupted(split, file, monkeypatch, capsys):
    whole = ts.tune(trained(), SPACE, split, trials=14)
    run, calls = Validation.run, []

    def stops_now_and_then(self, *arguments):
        calls.append(1)
        if len(calls) % 4 == 0:
            raise KeyboardInterrupt
        return run(self, *arguments)

    monkeypatch.setattr(Validation, "run", stops_now_and_then)
    while len((found := ts.tune(trained(), SPACE, split, trials=14, storage=file)).trials) < 14:
        assert "interrupted" in capsys.readouterr().err
    assert rows(found) == rows(whole)
    assert found.trainer == whole.trainer


def test_trials_in_the_file_count(split, file):
    ts.tune(trained(), SPACE, split, trials=4, storage=file)
    found = ts.tune(trained(), SPACE, split, trials=4, storage=str(file))
    assert len(found.trials) == 4
    assert len(ts.tune(trained(), SPACE, split, trials=6, storage=file).trials) == 6


def test_a_killed_process_leaves_a_usable_file(split, file):
    whole = ts.tune(trained(), SPACE, split, trials=8)
    ts.tune(trained(), SPACE, split, trials=5, storage=file)
    lines = file.read_bytes().splitlines(keepends=True)
    cut = max(
        place for place, line in enumerate(lines) if b'"op_code":4' in line
    )  # the last trial begins there
    file.write_bytes(b"".join(lines[: cut + 3]) + lines[cut + 3][:9])
    assert rows(ts.tune(trained(), SPACE, split, trials=8, storage=file)) == rows(whole)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metric": "map@10"}, r"metric was 'ndcg@10' there and is 'map@10' here"),
        ({"space": {"factors": [2]}}, r"space was \{.* there and is \{"),
        ({"seed": 1}, r"seed was 0 there and is 1 here"),
        ({"trainer": trained(alpha=2.0)}, r"settings was .* there"),
        ({"split": ts.split.random(clicks(), 0.3)}, r"training events was .* there"),
    ],
)
def test_a_file_of_another_search_is_refused(split, file, changes, message):
    ts.tune(trained(), SPACE, split, trials=1, storage=file)
    arguments = {"trainer": trained(), "space": SPACE, "split": split, "trials": 2} | changes
    with pytest.raises(ParameterError, match=message):
        ts.tune(
            arguments.pop("trainer"),
            arguments.pop("space"),
            arguments.pop("split"),
            storage=file,
            **arguments,
        )


@pytest.mark.parametrize("content", [b"userId,movieId\n1,2", b"[1]\n", b"\xff\xfe"])
def test_a_file_of_something_else_is_left_alone(split, file, content):
    file.write_bytes(content)
    with pytest.raises(
        DamagedFileError, match=r"trials.log is no file of trials; give storage a file of its own"
    ):
        ts.tune(trained(), SPACE, split, storage=file)
    assert file.read_bytes() == content


def test_a_damaged_file(split, file):
    ts.tune(trained(), SPACE, split, trials=2, storage=file)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([lines[0], b"{broken\n", *lines[1:]]))
    with pytest.raises(DamagedFileError, match="is a damaged file of trials"):
        ts.tune(trained(), SPACE, split, trials=2, storage=file)


def test_places_that_cannot_be_written(split, tmp_path):
    with pytest.raises(FileError, match="there is no folder"):
        ts.tune(trained(), SPACE, split, storage=tmp_path / "no" / "trials.log")
    with pytest.raises(FileError, match="it is a folder"):
        ts.tune(trained(), SPACE, split, storage=tmp_path)


def test_optuna_is_an_extra(split, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'tastespace\[tune\]'"):
        ts.tune(trained(), SPACE, split)


def test_optuna_keeps_its_words_to_itself(split, file, capfd):
    import optuna

    before = optuna.logging.get_verbosity()
    ts.tune(trained(), SPACE, split, trials=2, storage=file)
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "")
