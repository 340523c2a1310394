"""The page of speed says what the result files say."""

from benchmarks import common, page


def test_no_number_is_typed_by_hand():
    written = page.PAGE.read_text()
    assert page.fill(written, common.RESULTS) == written
