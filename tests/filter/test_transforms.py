"""Do the Beam shells route every value, and write the same whatever the order of arrival?"""

from dataclasses import replace

import apache_beam as beam
import pyarrow.parquet as pq
import pytest
from apache_beam.testing.util import assert_that, equal_to

from crawl.config import CrawlConfig
from crawl.damage import Damage
from filter.config import FilterConfig
from filter.decode import DecodeLimits
from filter.recipe import lait
from filter.sieve import dropped
from filter.sinks import WriteDeadLetters, WriteLedger, WriteThumbnails, bucket_of, n_buckets_for
from filter.transforms import (
    BLOCK_BYTES,
    DROPPED,
    KEPT,
    Aggregate,
    JoinImages,
    JudgeImages,
    SievePages,
    block,
)
from filter.verdict import Drop

CASCADE = lait(FilterConfig(max_images_per_text=2, max_phash_distance=None), CrawlConfig())
LIMITS = DecodeLimits(min_bytes=0, max_bytes=2**25, max_pixels=64_000_000)


@pytest.fixture
def pipeline():
    return beam.Pipeline(runner="FnApiRunner")


def fate(verdict) -> tuple[int, str | None]:
    return int(verdict.candidate.candidate_id, 16), verdict.reason


def test_sieve_pages(pipeline, make_candidate) -> None:
    candidates = [
        make_candidate(candidate_id="1"),
        make_candidate(candidate_id="2", language="fr"),
        make_candidate(candidate_id="3", texts=()),
    ]
    with pipeline as p:
        out = p | beam.Create(candidates) | SievePages(CASCADE)
        expected = [(1, None), (2, "language"), (3, "text_missing")]
        assert_that(out | "f" >> beam.Map(fate), equal_to(expected))


def test_join_images(pipeline, make_verdict, make_candidate, make_ref) -> None:
    def wants(number: int, *urls: str):
        candidate = make_candidate(
            candidate_id=f"{number:032x}", image_url=urls[0], alternative_urls=urls[1:]
        )
        return make_verdict(number, candidate=candidate, ref=None, image=None)

    verdicts = [wants(1, "a"), wants(2, "big", "a"), wants(3, "gone"), wants(4, "bad", "b")]
    # One that has fallen already learns where its image lies, and stays fallen.
    verdicts.append(dropped(wants(5, "a"), "main_image", Drop(reason="not_main")))
    refs = [
        make_ref(url="a", offset=10),
        make_ref(url="a", offset=5),
        make_ref(url="big", offset=20),
        make_ref(url="bad", offset=30, status=404),
        make_ref(url="b", offset=40),
        make_ref(url="nobody", offset=50),
    ]
    with pipeline as p:
        out = {
            "verdicts": p | "v" >> beam.Create(verdicts),
            "images": p | "i" >> beam.Create(refs),
        } | JoinImages(CASCADE)
        found = out[KEPT] | "k" >> beam.Map(lambda v: (fate(v)[0], v.ref.offset))
        assert_that(found, equal_to([(1, 5), (2, 20), (4, 40)]), "kept")
        lost = out[DROPPED] | "d" >> beam.Map(lambda v: (*fate(v), v.ref and v.ref.offset))
        expected = [(3, "image_missing", None), (5, "not_main", 5)]
        assert_that(lost, equal_to(expected), "dropped")


def test_judge_images(pipeline, make_verdict, make_archive, picture) -> None:
    archive = make_archive({"https://a.org/1": picture(), "https://a.org/2": picture(200, 200)})
    verdicts = [
        make_verdict(n, ref=ref, image=None, texts=_judged("A red umbrella on the beach"))
        for n, ref in enumerate(archive.refs)
    ]
    with pipeline as p:
        out = p | beam.Create(verdicts) | JudgeImages(CASCADE, None, 4)
        kept = out[KEPT] | "k" >> beam.Map(lambda v: (v.image.width_px, v.text))
        assert_that(kept, equal_to([(400, "A red umbrella on the beach")]), "kept")
        lost = out[DROPPED] | "d" >> beam.Map(fate)
        assert_that(lost, equal_to([(1, "min_side")]), "dropped")


def _judged(text: str):
    from filter.verdict import ScoredText

    return (ScoredText(source="alt", text=text, score=None, drop=None),)


def test_blocks_are_stretches_of_an_archive(make_verdict, make_ref) -> None:
    places = [("a", 0), ("a", BLOCK_BYTES - 1), ("a", BLOCK_BYTES), ("b", 0)]
    found = [block(make_verdict(1, ref=make_ref(file=f, offset=o))) for f, o in places]
    assert found == [("a", 0), ("a", 0), ("a", 1), ("b", 0)]


def test_aggregate_applies_rule_one_before_rule_two(pipeline, make_verdict) -> None:
    verdicts = [
        # One image on three pages with one text: one pair stays, and counts once.
        make_verdict(1, image="a", text="A dog", relevance=0.9),
        make_verdict(2, image="a", text="a  dog", relevance=0.8),
        make_verdict(3, image="a", text="a dog", relevance=0.7),
        make_verdict(4, image="b", text="a dog", relevance=0.6),
        # One text on three images.
        *(make_verdict(n, image=i, text="Nice view") for n, i in ((5, "c"), (6, "d"), (7, "e"))),
    ]
    with pipeline as p:
        out = p | beam.Create(verdicts[::-1]) | Aggregate(CASCADE)
        kept = out[KEPT] | "k" >> beam.Map(lambda v: fate(v)[0])
        assert_that(kept, equal_to([1, 4]), "kept")
        expected = [(2, "duplicate_image"), (3, "duplicate_image")]
        expected += [(n, "text_on_many_images") for n in (5, 6, 7)]
        assert_that(out[DROPPED] | "d" >> beam.Map(fate), equal_to(expected), "dropped")


def test_aggregate_drops_near_copies_when_asked(pipeline, make_verdict) -> None:
    verdicts = [
        make_verdict(1, image="a", text="one", phash="00000000000000ff", relevance=0.5),
        make_verdict(2, image="b", text="two", phash="00000000000000fe", relevance=0.9),
        make_verdict(3, image="c", text="three", phash="ff000000000000ff", relevance=0.9),
    ]
    with pipeline as p:
        out = p | beam.Create(verdicts) | Aggregate(replace(CASCADE, max_phash_distance=4))
        kept = out[KEPT] | "k" >> beam.Map(lambda v: fate(v)[0])
        assert_that(kept, equal_to([2, 3]), "kept")
        lost = out[DROPPED] | "d" >> beam.Map(lambda v: (*fate(v), v.value))
        assert_that(lost, equal_to([(1, "near_duplicate", f"{2:032x}")]), "dropped")


def test_write_ledger(tmp_path, make_verdict) -> None:
    verdicts = [make_verdict(n << 124 | n) for n in range(10)]
    for name, order in (("one", verdicts), ("other", verdicts[::-1])):
        with beam.Pipeline(runner="FnApiRunner") as p:
            rows = p | beam.Create(order) | WriteLedger(tmp_path / name, rows_per_file=4)
            assert_that(rows, equal_to([6, 4, 0]))
    files = sorted((tmp_path / "one").iterdir())
    assert [file.name for file in files] == ["00000.parquet", "00001.parquet", "00002.parquet"]
    ids = [i for file in files for i in pq.read_table(file)["candidate_id"].to_pylist()]
    assert ids == sorted(v.candidate.candidate_id for v in verdicts)
    for file in files:
        assert file.read_bytes() == (tmp_path / "other" / file.name).read_bytes()


def test_write_dead_letters(tmp_path, pipeline, make_verdict) -> None:
    raised = dropped(make_verdict(1), "decode", Drop(reason="error", value="Odd: OSError: no"))
    damage = Damage(file="a.warc", offset=3, reason="truncated", detail="cut")
    with pipeline as p:
        rows = {
            "damage": p | "d" >> beam.Create([damage]),
            "verdicts": p | "v" >> beam.Create([raised, make_verdict(2)]),
        } | WriteDeadLetters(tmp_path)
        assert_that(rows, equal_to([2]))
    letters = pq.read_table(tmp_path / "00000.parquet").to_pylist()
    assert [(one["file"], one["offset"], one["reason"]) for one in letters] == [
        ("a.warc", 3, "truncated"), ("folder/a.warc.gz", 100, "error"),
    ]  # fmt: skip
    assert "decode: Odd: OSError: no" in letters[1]["detail"]


def test_write_thumbnails(tmp_path, pipeline, make_verdict, make_archive, picture) -> None:
    archive = make_archive({f"https://a.org/{n}": picture(seed=n) for n in range(4)})
    kept = [make_verdict(n, ref=ref) for n, ref in enumerate(archive.refs[:3])]
    early = make_verdict(9, ref=archive.refs[3], image=None)
    private = dropped(replace(early, kept=True), "page", Drop(reason="opt_out"))
    verdicts = [*kept, dropped(early, "text", Drop(reason="text_short")), private]
    with pipeline as p:
        rows = p | beam.Create(verdicts) | WriteThumbnails(tmp_path, 2, LIMITS)
        assert_that(rows, equal_to([3]))
    table = pq.read_table(tmp_path / "00000.parquet").to_pylist()
    assert [(row["reason"], int(row["candidate_id"], 16)) for row in table] == [
        ("kept", 0), ("kept", 1), ("text_short", 9),
    ]  # fmt: skip


def test_buckets_keep_the_order_of_hashes() -> None:
    hashes = [f"{n * 0x1111111111111111:016x}" for n in range(16)]
    found = [bucket_of(one, 5) for one in hashes]
    assert found == sorted(found)
    assert set(found) == set(range(5))
    assert [n_buckets_for(n, 10) for n in (0, 1, 10, 11)] == [1, 1, 1, 2]
