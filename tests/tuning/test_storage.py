import dataclasses
import sys

import numpy as np
import pytest

import tastespace as ts
from tastespace.data.split.recipe import Recipe
from tastespace.errors import DamagedFileError, FileError, MissingExtraError, ParameterError
from tastespace.tuning.fingerprint import of_events
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


def changed(events, **changes):
    """The same cells with other ids, values, weights or times."""
    table = events.by_user
    given = {"values": table.values, "times": table.times, "weights": table.weights}
    return ts.Interactions.from_events(
        changes.pop("users", events.users),
        changes.pop("items", events.items),
        events.user_rows(),
        table.indices,
        explicit=True,
        **(given | changes),
    )


@pytest.mark.filterwarnings("ignore:.*have their user and item in train too")  # where names change sides meet
def test_a_file_of_other_data_is_refused_whatever_differs(file):
    events, valid = ts.split.random(clicks(explicit=True), seed=0)
    base = changed(events, weights=np.ones(events.n_events, np.float32))
    valid = changed(valid, weights=np.ones(valid.n_events, np.float32))
    table = base.by_user
    trainer, space = ts.ALS(factors=2, epochs=1), {"factors": [2]}

    def search(train, **options):
        options = {"valid": valid, "metric": "rmse", "relevant": 3.0} | options
        return ts.tune(trainer, space, train, trials=1, storage=file, **options)

    search(base)
    search(changed(base))
    ids = [*base.users]
    ids[:2] = ids[1::-1]  # two users change their names
    for train in (
        changed(base, users=ts.Vocabulary(ids, noun="user")),
        changed(base, items=ts.Vocabulary([item + 1 for item in base.items], noun="item")),
        changed(base, values=np.roll(table.values, 1)),
        changed(base, times=table.times + 1),
        changed(base, weights=2 * table.weights),
        changed(base, scale=(0, 9)),
    ):
        with pytest.raises(ParameterError, match=r"training events was .* there and is"):
            search(train)
    with pytest.raises(ParameterError, match=r"validation events was .* there and is"):
        search(base, valid=changed(valid, times=valid.by_user.times + 1))
    file.unlink()
    search(base, relevant=lambda values: values >= 3)
    search(base, relevant=lambda values: values > 2.9)  # another function that chooses the same
    with pytest.raises(ParameterError, match=r"relevant events was .* there and is"):
        search(base, relevant=lambda values: values >= 4)


def test_known_events_are_part_of_the_question(file):
    def search(known):
        outer = ts.split.users_out(clicks(), users=0.2, known=0.5)
        inner = outer.recipe.again(outer.train)
        inner = dataclasses.replace(inner, known=known(inner.known))
        recipe = Recipe(lambda train: inner, {})
        return ts.tune(trained(), SPACE, dataclasses.replace(outer, recipe=recipe), trials=1, storage=file)

    search(lambda known: known)
    with pytest.raises(ParameterError, match=r"known events was .* there and is"):
        search(lambda known: known.decay("1d"))


def test_lists_of_ids_that_read_alike_when_joined_differ():
    def table(*ids):
        users = ts.Vocabulary(ids, noun="user")
        return ts.Interactions.from_events(
            users, ts.Vocabulary(["x"], noun="item"), [0, 1], [0, 0], explicit=False
        )

    assert of_events(table("ab", "c")) != of_events(table("a", "bc"))
    assert of_events(table("ab", "c")) == of_events(table("ab", "c"))
    assert of_events(table("1", "2")) != of_events(table(1, 2))


@pytest.mark.parametrize("storage", [5, True, b"trials.log", ["trials.log"]])
def test_storage_is_a_path(split, storage):
    with pytest.raises(
        ParameterError, match=r"storage of tune must be the path of a file such as 'trials.log', or None; got"
    ):
        ts.tune(trained(), SPACE, split, storage=storage)


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
