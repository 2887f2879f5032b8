"""Does a ledger tell everything of every candidate, in the same bytes every time?"""

import random

import pyarrow.parquet as pq
import pytest

from crawl.damage import Damage
from filter.ledger import (
    DEAD_LETTER_SCHEMA,
    SCHEMA,
    THUMBNAIL_SCHEMA,
    write_dead_letters,
    write_ledger,
    write_table,
    write_thumbnails,
)
from filter.sieve import dropped
from filter.verdict import Drop, ScoredText, Verdict


@pytest.fixture
def verdicts(make_verdict, make_candidate) -> list[Verdict]:
    texts = (
        ScoredText(source="alt", text="a red umbrella", score=0.8, drop=None),
        ScoredText(source="heading", text="lone \ud800 half", score=None, drop="not_eligible"),
    )
    kept = make_verdict(3, texts=texts, shard="00001")
    small = dropped(make_verdict(1), "size", Drop(reason="min_side", value=200, threshold=300))
    foreign = Verdict(
        candidate=make_candidate(candidate_id=f"{2:032x}"),
        kept=False,
        stage="page",
        reason="language",
        value="de",
        threshold="en",
    )
    return [kept, small, foreign]


def test_rows(tmp_path, verdicts) -> None:
    assert write_ledger(tmp_path, "00000", verdicts) == 3
    table = pq.read_table(tmp_path / "00000.parquet")
    assert table.schema.equals(SCHEMA)
    small, foreign, kept = table.to_pylist()
    assert (small["stage"], small["reason"], small["value"], small["threshold"]) == (
        "size", "min_side", 200.0, 300.0,
    )  # fmt: skip
    assert (small["kept"], small["key"], small["shard"]) == (False, None, None)
    assert (foreign["value"], foreign["threshold"], foreign["detail"]) == (None, None, "de | en")
    assert foreign["sha256"] is None
    assert foreign["image_file"] is None
    # Words of a candidate that fell early are there too, so that a replay can judge them.
    assert [text["text"] for text in foreign["texts"]] == ["A red umbrella on the beach"]
    assert (kept["kept"], kept["shard"], kept["key"]) == (True, "00001", "a" * 32)
    assert (kept["image_file"], kept["image_offset"]) == ("folder/a.warc.gz", 5000)
    assert (kept["width_px"], kept["phash"]) == (640, "0" * 16)
    assert kept["texts"] == [
        {"source": "alt", "text": "a red umbrella", "score": 0.8, "drop": None},
        {"source": "heading", "text": "lone ? half", "score": None, "drop": "not_eligible"},
    ]
    assert kept["dom"]["heading_distance"] == 2
    assert kept["dom"]["declared_height_px"] is None


def test_order_of_arrival_does_not_matter(tmp_path, verdicts) -> None:
    write_ledger(tmp_path, "00000", verdicts)
    random.Random(5).shuffle(verdicts)
    write_ledger(tmp_path, "00001", verdicts[::-1])
    assert (tmp_path / "00000.parquet").read_bytes() == (tmp_path / "00001.parquet").read_bytes()


def test_an_empty_ledger_is_a_table_too(tmp_path) -> None:
    assert write_ledger(tmp_path, "00000", []) == 0
    assert pq.read_table(tmp_path / "00000.parquet").schema.equals(SCHEMA)


def test_dead_letters(tmp_path) -> None:
    letters = [
        Damage(file="b.warc", offset=5, reason="truncated", detail="x"),
        Damage(file="a.warc", offset=9, reason="bad_http", detail="y"),
        Damage(file="a.warc", offset=1, reason="bad_http", detail="\ud800"),
    ]
    assert write_dead_letters(tmp_path, letters) == 3
    table = pq.read_table(tmp_path / "00000.parquet")
    assert table.schema.equals(DEAD_LETTER_SCHEMA)
    assert [(row["file"], row["offset"]) for row in table.to_pylist()] == [
        ("a.warc", 1), ("a.warc", 9), ("b.warc", 5),
    ]  # fmt: skip


def test_thumbnails_are_sorted(tmp_path) -> None:
    rows = [
        {"candidate_id": "2", "reason": "kept", "thumbnail": b"x"},
        {"candidate_id": "1", "reason": "kept", "thumbnail": b"y"},
        {"candidate_id": "9", "reason": "min_side", "thumbnail": b"z"},
    ]
    assert write_thumbnails(tmp_path, rows[::-1]) == 3
    table = pq.read_table(tmp_path / "00000.parquet")
    assert table.schema.equals(THUMBNAIL_SCHEMA)
    assert table["candidate_id"].to_pylist() == ["1", "2", "9"]


def test_a_file_appears_whole_or_not_at_all(tmp_path, monkeypatch) -> None:
    import filter.ledger as ledger

    def broken(_fd: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(ledger.os, "fsync", broken)
    with pytest.raises(OSError, match="disk full"):
        write_table(tmp_path / "00000.parquet", SCHEMA.empty_table())
    assert list(tmp_path.iterdir()) == []
