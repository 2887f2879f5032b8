"""Is a record read by its bytes alone the record that reading its whole archive gives?"""

import gzip
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from crawl.config import CrawlConfig
from crawl.damage import Damage
from crawl.extract import extract
from crawl.page import Page
from crawl.sources import storage
from crawl.sources.commoncrawl import join
from crawl.sources.picks import Pick
from crawl.sources.ranges import (
    Asking,
    Lost,
    Record,
    check,
    read_record,
    read_span,
    spans,
    to_items,
)
from crawl.sources.responses import Limits
from crawl.sources.warc import read_archive
from tests.crawl.small_crawl import Asked, Row

LIMITS = Limits(max_page_bytes=10**6, max_image_bytes=10**6)
DEFAULT = Asking()
EXACT = Asking(max_gap_bytes=0)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow one another at once."""
    monkeypatch.setattr(storage, "_WAIT_S", 0.001)


def pick(row: Row) -> Pick:
    return Pick(url=row.url, file=row.file, offset=row.offset, length=row.length)


def picks(rows: list[Row]) -> list[Pick]:
    return sorted(map(pick, rows), key=Pick.place)


def read(base: str, pick: Pick, asking: Asking = DEFAULT) -> Page | Damage:
    (item,) = read_record(base, pick, LIMITS, asking)
    return item


def damage(base: str, pick: Pick, asking: Asking = DEFAULT) -> tuple[str, str]:
    """Reason and detail of what cannot be read; it names the archive and the place."""
    item = read(base, pick, asking)
    assert isinstance(item, Damage)
    assert (item.file, item.offset) == (join(base, pick.file), pick.offset)
    assert "\n" not in item.detail
    return item.reason, item.detail


def test_the_same_as_from_the_whole_archive(asked: Asked, rows: list[Row]) -> None:
    whole = [
        item
        for file in sorted({row.file for row in rows})
        for item in read_archive(
            join(asked.base, file), max_page_bytes=10**6, max_image_bytes=10**6
        )
    ]
    one_by_one = [read(asked.base, each) for each in picks(rows)]
    together = [
        item
        for span in spans(picks(rows), DEFAULT)
        for found in read_span(asked.base, span, DEFAULT)
        if isinstance(found, Record)
        for item in to_items(asked.base, found, LIMITS)
    ]
    assert whole == one_by_one == together
    assert len(whole) == len(rows)
    ids = [candidate_ids(items) for items in (whole, one_by_one)]
    assert len(ids[0]) == len(rows)
    assert ids[0] == ids[1]


def candidate_ids(items: Iterable[object]) -> list[str]:
    pages = [item for item in items if isinstance(item, Page)]
    return [c.candidate_id for page in pages for c in extract(page, CrawlConfig())]


def test_only_the_ranges_are_read(asked: Asked, rows: list[Row]) -> None:
    some = picks(rows)[::7]
    for span in spans(some, EXACT):
        read_span(asked.base, span, EXACT)
    assert asked.of(".warc.gz") == [(each.offset, each.length) for each in some]


def test_neighbours_come_in_one_request(asked: Asked, rows: list[Row]) -> None:
    groups = list(spans(picks(rows), DEFAULT))
    assert [len(group) for group in groups] == [20, 20, 20]
    for group in groups:
        assert all(isinstance(found, Record) for found in read_span(asked.base, group, DEFAULT))
    assert len(asked.ranges) == 3
    last = groups[0][-1]
    assert asked.ranges[0][1:] == (
        groups[0][0].offset,
        last.offset + last.length - groups[0][0].offset,
    )


def place(offset: int, length: int, file: str = "a") -> Pick:
    return Pick(url="http://e.org/", file=file, offset=offset, length=length)


@pytest.mark.parametrize(
    ("places", "sizes"),
    [
        ([], []),
        ([place(0, 10), place(10, 10), place(20, 10)], [3]),
        ([place(0, 10), place(15, 10), place(31, 10)], [2, 1]),
        ([place(0, 10), place(10, 10, "b")], [1, 1]),
        ([place(0, 60), place(60, 40), place(100, 1)], [2, 1]),
        ([place(0, 500), place(500, 1)], [1, 1]),
        ([place(0, 10), place(5, 10)], [1, 1]),
    ],
)
def test_spans_are_bounded(places: list[Pick], sizes: list[int]) -> None:
    groups = list(spans(places, Asking(max_gap_bytes=5, max_span_bytes=100)))
    assert [len(group) for group in groups] == sizes
    assert [each for group in groups for each in group] == places


def test_a_failing_server_is_asked_again(asked: Asked, rows: list[Row]) -> None:
    one = pick(rows[3])
    asked.fail["/" + one.file] = 2
    assert isinstance(read(asked.base, one), Page)
    assert len(asked.ranges) == 3
    asked.fail["/" + one.file] = 99
    asked.ranges.clear()
    reason, detail = damage(asked.base, one)
    assert reason == "unreachable"
    assert "after 3 tries" in detail
    assert len(asked.ranges) == 3


def test_an_answer_cut_short_is_asked_for_again(asked: Asked, rows: list[Row]) -> None:
    one = pick(rows[3])
    asked.cut["/" + one.file] = 1
    assert isinstance(read(asked.base, one), Page)
    assert len(asked.ranges) == 2
    asked.cut["/" + one.file] = 99
    assert damage(asked.base, one)[0] == "unreachable"


def test_what_came_of_a_short_answer_is_kept(asked: Asked, rows: list[Row]) -> None:
    group = next(spans(picks(rows), DEFAULT))
    asked.short.add("/" + group[0].file)
    found = read_span(asked.base, group, DEFAULT)
    assert [each.pick for each in found] == group
    kept = [isinstance(each, Record) for each in found]
    assert kept == sorted(kept, reverse=True)
    assert 10 < sum(kept) < 20
    lost = found[-1]
    assert isinstance(lost, Lost)
    assert lost.damage.reason == "truncated"
    assert len(asked.ranges) == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"offset": 1}, "bad_range"),
        ({"length": -1}, "bad_gzip"),
        ({"length": -300}, "bad_gzip"),
        ({"length": 1}, "bad_range"),
        ({"offset": 10**6}, "truncated"),
    ],
)
def test_a_wrong_place(asked: Asked, rows: list[Row], change: dict[str, int], reason: str) -> None:
    one = pick(rows[3])
    moved = replace(
        one,
        offset=one.offset + change.get("offset", 0),
        length=one.length + change.get("length", 0),
    )
    assert damage(asked.base, moved)[0] == reason


def test_another_record_is_no_find(asked: Asked, rows: list[Row]) -> None:
    one = pick(rows[3])
    reason, detail = damage(asked.base, replace(one, url="https://e.org/"))
    assert reason == "other_record"
    assert one.url in detail
    # The request record before it is one gzip member, too.
    before = rows[2]
    start = before.offset + before.length
    request = replace(one, offset=start, length=one.offset - start)
    assert damage(asked.base, request)[0] == "bad_range"
    assert isinstance(read(asked.base, replace(one, url=one.url.replace("h", "H", 1))), Page)


def test_what_is_not_there(asked: Asked) -> None:
    gone = Pick(url="http://e.org/", file="gone.warc.gz", offset=0, length=10)
    assert damage(asked.base, gone)[0] == "not_found"


def test_a_record_too_large_is_not_asked_for(asked: Asked, rows: list[Row]) -> None:
    small = Asking(max_record_bytes=100)
    assert damage(asked.base, pick(rows[0]), small)[0] == "too_large"
    assert not asked.ranges


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    head = b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://e.org/\r\n"
    body = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + bytes(65 * 2**20)
    data = head + b"Content-Length: %d\r\n\r\n" % len(body) + body + b"\r\n\r\n"
    bomb = gzip.compress(data, 1)
    one = Pick(url="http://e.org/", file="a.warc.gz", offset=0, length=len(bomb))
    (tmp_path / one.file).write_bytes(bomb)
    assert damage(str(tmp_path), one)[0] == "too_large"
    assert check("a", one, bomb, len(data) - 1) is not None
    assert check("a", one, bomb, len(data)) is None


def test_a_server_without_ranges_stops_the_run(asked: Asked, rows: list[Row]) -> None:
    asked.ignore_ranges = True
    with pytest.raises(ValueError, match="ignores ranges"):
        read(asked.base, pick(rows[0]))


def write(folder: Path, status: str, after: bytes = b"") -> Pick:
    """An archive whose second member is a response with something after it."""
    head = b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://e.org/\r\n"
    body = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\n\r\n<html>".encode()
    record = head + b"Content-Length: %d\r\n\r\n" % len(body) + body + b"\r\n\r\n"
    first, second = gzip.compress(record), gzip.compress(record + after)
    (folder / "a.warc.gz").write_bytes(first + second)
    return Pick(url="http://e.org/", file="a.warc.gz", offset=len(first), length=len(second))


def test_a_record_without_a_page(tmp_path: Path) -> None:
    assert damage(str(tmp_path), write(tmp_path, "404 Not Found"))[0] == "no_page"


def test_damage_after_a_page_is_told_with_its_place(tmp_path: Path) -> None:
    one = write(tmp_path, "200 OK", b"and something else")
    page, after = read_record(str(tmp_path), one, LIMITS)
    assert isinstance(page, Page)
    assert isinstance(after, Damage)
    assert page.offset == after.offset == one.offset > 0
    assert after.reason == "bad_record"
