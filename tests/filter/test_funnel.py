"""Do the funnel's numbers flow from row to row, and does a lost candidate stop the run?"""

import pyarrow as pa
import pytest

from filter.funnel import REASONS, build, count_fates
from filter.sieve import STAGES

FATES = {
    (None, None): 3,
    ("page", "language"): 2,
    ("text", "text_short"): 1,
    ("text", "text_file_name"): 4,
    ("text", "error"): 1,
    ("aggregate", "duplicate_image"): 1,
}


def test_rows_flow() -> None:
    funnel = build(12, FATES, pages=7, relevance="none")
    assert (funnel.seen, funnel.kept, funnel.dropped, funnel.pages) == (12, 3, 9, 7)
    left = funnel.seen
    for row in funnel.rows:
        assert row.seen == left
        assert row.kept == row.seen - row.dropped
        left = row.kept
    assert left == funnel.kept
    text = [row.reason for row in funnel.rows if row.stage == "text"]
    assert text == ["text_file_name", "text_short", "error"]


def test_every_stage_has_a_row_in_order() -> None:
    stages = [row.stage for row in build(12, FATES).rows]
    assert list(dict.fromkeys(stages)) == list(STAGES)
    assert set(REASONS) == set(STAGES)


def test_a_skipped_step_says_so() -> None:
    rows = {row.stage: row for row in build(12, FATES, relevance="none").rows}
    assert rows["relevance"].reason == "no model"
    rows = {row.stage: row for row in build(12, FATES, relevance="abc").rows}
    assert rows["relevance"].reason == ""


@pytest.mark.parametrize("seen", [11, 13])
def test_lost_and_doubled_candidates_stop_the_run(seen) -> None:
    with pytest.raises(RuntimeError, match=f"seen {seen}.*12"):
        build(seen, FATES)


def test_an_unknown_stage_is_our_mistake() -> None:
    with pytest.raises(AssertionError, match="weather"):
        build(1, {("weather", "rain"): 1})


def test_count_fates() -> None:
    table = pa.table({"stage": [None, "page", "page"], "reason": [None, "language", "language"]})
    assert count_fates([table, table]) == {(None, None): 2, ("page", "language"): 4}
