"""Do the histograms count every candidate, and put the thresholds where they belong?"""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from review.load import open_run
from review.scores import Histogram, histograms
from tests.review.conftest import RunMaker, row


def by_name(run_folder: object) -> dict[str, Histogram]:
    return {h.score: h for h in histograms(open_run(run_folder))}  # type: ignore[arg-type]


def test_each_score_of_the_ledger_has_a_histogram(make_run: RunMaker) -> None:
    assert list(by_name(make_run())) == [
        "main_score", "language_score", "relevance",
        "words", "side_px", "aspect_ratio", "pixels", "image_bytes",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("score", "bounds"),
    [
        ("language_score", [("min_language_score", 0.5, 20)]),
        ("main_score", []),
        ("relevance", [("min_relevance", 0.5, 20)]),
        ("words", [("min_words", 3.0, 20), ("max_words", 64.0, 0)]),
        ("side_px", [("min_side_px", 300.0, 19)]),
        ("aspect_ratio", [("max_aspect_ratio", 3.0, 0)]),
        ("pixels", [("max_pixels", 64e6, 0)]),
        ("image_bytes", [("min_image_bytes", 1000.0, 0)]),
    ],
)
def test_bounds_are_found_by_name(
    make_run: RunMaker, score: str, bounds: list[tuple[str, float, int]]
) -> None:
    histogram = by_name(make_run())[score]
    assert list(histogram.bounds) == bounds
    for _, value, _ in bounds:
        assert histogram.edges[0] <= value <= histogram.edges[-1]


def test_a_new_score_and_its_threshold_need_no_new_code(make_run: RunMaker) -> None:
    out = make_run()
    for file in (out / "ledger").glob("*.parquet"):
        table = pq.read_table(file)
        table = table.append_column("glamour", pa.array([0.25] * len(table)))
        pq.write_table(table, file)
    config = (out / "config.json").read_text()
    (out / "config.json").write_text(
        config.replace('"filter": {', '"filter": {"min_glamour": 0.5, ')
    )
    assert by_name(out)["glamour"].bounds == (("min_glamour", 0.5, 100),)


def test_words_are_of_the_text_that_decided(make_run: RunMaker) -> None:
    texts = [
        {"source": "alt", "text": "one two", "drop": "text_short"},
        {"source": "title", "text": "Img 1234.jpg by me and you", "drop": "text_file_name"},
    ]
    rows = [
        row(0, stage="text", reason="text_short", texts=texts),
        row(1, text="one two three four", texts=texts),
        row(2, stage="page", reason="language", texts=texts),
    ]
    histogram = by_name(make_run(rows))["words"]
    counts = dict(
        zip(histogram.edges, zip(histogram.kept, histogram.dropped, strict=True), strict=False)
    )
    assert {edge: pair for edge, pair in counts.items() if pair != (0, 0)} == {
        1.5: (0, 1),  # two words: the bin of 2 and 3
        3.5: (1, 0),
    }
    assert histogram.n_unscored == 1


VALUES = st.one_of(
    st.none(),
    st.just(float("nan")),
    st.floats(min_value=-1e6, max_value=1e9, allow_nan=False),
    st.floats(min_value=0, max_value=1),
)


@given(st.lists(st.tuples(VALUES, st.booleans()), max_size=12))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_counted_once_or_without_score(
    make_run: RunMaker, drawn: list[tuple[float | None, bool]]
) -> None:
    rows = [
        row(n, relevance=value, stage=None if kept else "x", reason=None if kept else "relevance")
        for n, (value, kept) in enumerate(drawn)
    ]
    histogram = by_name(make_run(rows)).get("relevance")
    n_scored = sum(value is not None and value == value for value, _ in drawn)
    if histogram is None:
        assert n_scored == 0
        return
    assert sum(histogram.kept) + sum(histogram.dropped) == n_scored
    assert histogram.n_unscored == len(drawn) - n_scored
    assert sum(histogram.kept) == sum(
        kept and value is not None and value == value for value, kept in drawn
    )
    assert list(histogram.edges) == sorted(set(histogram.edges))
