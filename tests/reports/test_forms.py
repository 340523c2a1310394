"""The forms of a comparison: terminal, Markdown, JSON and the page."""

import json
import re
import sys
from html.parser import HTMLParser

import pytest

import tastespace as ts
from tastespace.errors import FileError, InputError, MissingExtraError, MissingFileError
from tests.reports.conftest import ALS

EVIL = "<script>alert('1')</script> | $x$ \x1b[31m & _ö_"


@pytest.fixture(scope="module")
def evil(split):
    return ts.compare({EVIL: ALS, "plain": ts.Popularity()}, split, resamples=100, progress=False)


def test_the_terminal_has_100_columns(comparison):
    text = str(comparison)
    assert max(map(len, text.splitlines())) <= 100
    assert "* best" in text
    assert f"Holm's correction over all {len(comparison.tests)} tests" in " ".join(text.split())
    assert comparison.facts.how in text
    assert "±" in text
    row = next(line for line in text.splitlines() if line.startswith("implicit"))
    assert "*▲" in row


def test_names_do_not_steer_a_terminal(evil):
    assert "\x1b" not in str(evil)
    assert max(map(len, str(evil).splitlines())) <= 100


def test_one_model_alone(split):
    found = ts.compare({"p": ts.Popularity()}, split, resamples=100)
    assert "no order to tell" in str(found)
    assert "reference" not in str(found)
    assert "## Tests" not in found.to_markdown()


def test_models_that_cannot_be_told_apart(split):
    found = ts.compare({"a": ALS, "b": ALS}, split, resamples=100)
    assert "a and b share the best ndcg@10: " in str(found)
    rows = [line for line in str(found).splitlines() if line[:2] in ("a ", "b ")]
    assert [line.count("*") for line in rows[:2]] == [3, 3]
    assert found.to_markdown().count(r"\*") >= 10
    close = ts.compare({"a": ALS, "b": ALS.replace(seed=1)}, split, resamples=100, metrics="recall@3")
    assert "The test does not tell it from" in str(close)


def test_a_mark_stands_beside_its_meaning(comparison):
    for line in str(comparison).splitlines():
        assert line.rstrip()[-1:] not in ("±", "↓") or line.endswith("mae ↓")


def test_two_models_and_the_direction_of_errors(split):
    models = {"biases": ts.Baseline(regularization=1), "mean": ts.Baseline(regularization=1e6)}
    found = ts.compare(models, split, metrics="mae", resamples=500)
    assert found.test("mae", "mean").paired.difference < 0
    text = " ".join(str(found).split())
    assert "mean has the best mae" in text
    assert "Its lead over the other model is more than chance." in text
    assert "↓ less is better" in text


def test_markdown_keeps_its_table(evil):
    lines = [line for line in evil.to_markdown().splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines[:4]}) == 1
    assert "<script" not in evil.to_markdown()


def test_json_is_plain_and_whole(comparison):
    found = json.loads(comparison.to_json())
    assert found["kind"] == "comparison"
    assert list(found["models"]) == list(comparison.models)
    als = found["models"]["als"]
    assert als["estimates"]["ndcg@10"]["value"] == comparison.estimates["als"]["ndcg@10"].value
    assert len(als["runs"]) == 2
    assert als["runs"][0]["params"]["factors"] == 4
    assert len(als["runs"][0]["curve"]) == 4
    assert "per_user" not in als["runs"][0]
    assert len(found["tests"]) == len(comparison.tests)
    assert found["versions"]["tastespace"] == ts.__version__
    whole = json.loads(comparison.to_json(per_user=True))
    table = comparison.reports["als"].per_user("ndcg@10")
    assert whole["models"]["als"]["runs"][0]["per_user"]["ndcg@10"]["value"] == table["value"].tolist()


class Tags(HTMLParser):
    """The elements of a page, in balance."""

    VOID = ("meta", "br")

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.text = [], [], []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parsed(text):
    tags = Tags()
    tags.feed(text)
    tags.close()
    assert tags.open == []
    return tags


def test_the_page_stands_alone(comparison, tmp_path):
    path = comparison.to_html(tmp_path / "report.html")
    text = path.read_text(encoding="utf-8")
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    assert len(text) < 120_000
    assert not re.search(r"https?:|//[a-z]|@import|<script|<link|<img|<iframe", text)
    assert set(re.findall(r"url\((.)", text)) <= {"#"}
    tags = parsed(text)
    ids = [attributes["id"] for _, attributes in tags.seen if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert sum(tag == "figure" for tag, _ in tags.seen) == 3 + bool(comparison.slices())
    assert comparison.to_html(tmp_path / "again.html").read_text(encoding="utf-8") == text


def test_the_page_shows_everything(comparison, tmp_path):
    tags = parsed(comparison.to_html(tmp_path / "report.html").read_text(encoding="utf-8"))
    text = " ".join(tags.text)
    for word in ("Quality", "Pictures", "Costs", "How it was done", "popular", "implicit", "over seeds"):
        assert word in text
    assert comparison.facts.how in text
    assert comparison.protocol in text
    assert ts.__version__ in text
    for model in comparison.models:
        assert f"{comparison.estimates[model]['ndcg@10'].value:.4f}" in text


def test_the_page_fits_a_phone(comparison, tmp_path):
    """Tables and pictures scroll in boxes of their own, and pictures keep a width at which they can be read."""
    text = comparison.to_html(tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.count("<table>") == text.count('<div class="wide" tabindex="0"><table>') == 3
    assert text.count("<figure>") == text.count('<div class="chart" tabindex="0"><svg') == 4
    assert re.search(r"\.chart \{ overflow-x: auto", text)
    assert re.search(r"\.chart > svg \{[^}]*min-width: 460px", text)
    assert "95\N{NO-BREAK SPACE}% interval" in text
    assert "p\N{NO-BREAK SPACE}&lt;\N{NO-BREAK SPACE}0.05" in text


def test_names_are_text_in_the_page(evil, tmp_path):
    tags = parsed(evil.to_html(tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "script" not in [tag for tag, _ in tags.seen]
    assert EVIL in "".join(tags.text)


def test_warnings_stand_first(split, tmp_path):
    fewer = (ts.Popularity(), lambda train: train.filter(users=[f"u{n}" for n in range(9)]))
    found = ts.compare({"p": ts.Popularity(), "few": fewer}, split, resamples=100)
    text = found.to_html(tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.index("Before you trust the numbers") < text.index("<h2>Quality")
    assert "- the models did not score the same users" in found.to_markdown()


def test_validation_metrics_have_a_picture(split, tmp_path):
    inner = ts.split.last_out(split.train, n=1)
    found = ts.compare({"als": ALS}, ts.Split(inner.train, split.test, "a"), valid=inner.test, resamples=100)
    assert "Learning: rmse on the validation set" in found.to_html(tmp_path / "r.html").read_text(
        encoding="utf-8"
    )


def test_groups_of_items_have_a_picture_where_models_share_them(comparison, tmp_path, monkeypatch):
    def sliced(report, by):
        other = report is comparison.reports["als"]
        labels = ["30 items, 1-9 events", f"10 items, {11 if other else 10}-99 events", "cold"]
        return ts.Table(
            {"slice": labels, "users": [3, 4, 5], "events": [6, 7, 8], "ndcg@10": [0.1, 0.2, 0.0]}
        )

    monkeypatch.setattr(ts.Report, "slices", sliced, raising=False)
    table = comparison.slices("item_popularity")
    assert table.columns == ("model", "slice", "users", "events", "ndcg@10")
    assert len(table) == 9
    text = comparison.to_html(tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.count("<figure>") == 4
    assert ">10–99<" in text
    assert ">cold<" not in text
    assert "Left out, because other training events make other groups: als." in text
    assert json.loads(comparison.to_json())["slices"]["warmth"][8]["model"] == "implicit"


def test_without_slices(split, tmp_path):
    found = ts.compare({"p": ts.Popularity()}, split, resamples=100, slices=0)
    assert found.slices() is None
    assert "Quality by popularity" not in found.to_html(tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_folder_that_is_not_there(comparison, tmp_path):
    with pytest.raises(MissingFileError, match="there is no folder"):
        comparison.to_html(tmp_path / "none" / "report.html")


def test_what_cannot_be_written(comparison, tmp_path):
    for path in (tmp_path, ".", f"{tmp_path}/"):
        with pytest.raises(FileError, match="cannot be written: it is a folder; give the page a file name"):
            comparison.to_html(path)
    with pytest.raises(FileError, match="path is empty; give the page a file name"):
        comparison.to_html("")
    with pytest.raises(FileError, match=r"cannot be written: .*choose another path"):
        comparison.to_html(tmp_path / ("x" * 300))
    with pytest.raises(FileError, match="a file name holds no zero character"):
        comparison.to_html("a\0b")
    for path in (None, 5, b"report.html"):
        with pytest.raises(
            InputError, match=r'path must be the name of a file to write, such as "report\.html"'
        ):
            comparison.to_html(path)
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib(comparison, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"the page of a comparison needs .*tastespace\[plot\]"):
        comparison.to_html(tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []
