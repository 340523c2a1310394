"""Models saved by each release load for ever and say the same."""

import json
from pathlib import Path

import pytest

import tastespace as ts
from tests.golden.make import MODELS, answers

FILES = sorted(Path(__file__).parent.glob("*.taste"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_golden_file(path):
    said = json.loads(path.with_suffix(".json").read_text())
    says = answers(ts.load(path))
    assert says["repr"] == said["repr"]
    assert says["trainer"] == said["trainer"]
    assert says["recommend"][:2] == said["recommend"][:2]
    for name in {"predict", "fold_in"} & said.keys():
        assert says[name] == pytest.approx(said[name], rel=1e-4, abs=1e-5)
    assert says["recommend"][2] == pytest.approx(said["recommend"][2], rel=1e-4, abs=1e-5)


def test_every_kind_of_model_has_one():
    assert {path.stem.rsplit("-", 1)[0] for path in FILES} == set(MODELS)
