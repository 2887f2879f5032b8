"""Is everything that was fetched in the raw shard, readable by all, after any kill?"""

import hashlib
import io
from dataclasses import replace
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from crawl.asked import SCHEMA, from_row, to_row
from crawl.fetch.outcome import Outcome, Status
from crawl.image_ref import ImageRef
from crawl.page import Page
from crawl.raw import Growing, copy, entries
from crawl.sources.warc import ArchiveReader, read_archive

ABOUT = {"software": "lait", "operator": "you@example.org"}
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 20
HTML = b"<!doctype html><html><body><p>Story</p></body></html>"


def outcome(url: str = "https://a.example/", **changes) -> Outcome:
    values = {
        "url": url,
        "kind": "page",
        "status": Status.OK,
        "final_url": url,
        "http_status": 200,
        "headers": (("content-type", "text/html"),),
        "body": HTML,
        "fetched_at": "2026-01-02T03:04:05Z",
        "n_attempts": 1,
        "opt_out": (),
        "detail": "",
        "retryable": False,
    } | changes
    return Outcome(**values)


def picture(url: str = "https://a.example/p.jpg", **changes) -> Outcome:
    headers = {"headers": (("content-type", "image/jpeg"),)}
    return outcome(url, **({"kind": "image", "body": JPEG} | headers | changes))


def write(path: Path, *outcomes: Outcome):
    with Growing(path, ABOUT) as growing:
        return [growing.add(one, "https://a.example/", 1) for one in outcomes]


def read(path: Path) -> list:
    return list(read_archive(str(path), max_page_bytes=2**20, max_image_bytes=2**20))


SEVERAL = (
    outcome(),
    picture(),
    outcome("https://b.example/x", status=Status.ROBOTS, http_status=0, body=b"", n_attempts=0),
    picture("https://b.example/gone.jpg", status=Status.HTTP_ERROR, http_status=404, body=b""),
    picture("https://c.example/q.jpg"),
)


def test_pages_and_images_are_read_back_by_our_reader(tmp_path: Path) -> None:
    path = tmp_path / "00000.warc.gz"
    rows = write(path, *SEVERAL)
    page, first, gone, second = read(path)
    assert isinstance(page, Page)
    assert (page.url, page.body, page.fetched_at) == (
        "https://a.example/",
        HTML,
        rows[0].fetched_at,
    )
    assert isinstance(first, ImageRef)
    assert (first.url, first.status, first.n_bytes) == (SEVERAL[1].url, 200, len(JPEG))
    assert (gone.status, gone.n_bytes) == (404, 0)
    with ArchiveReader(str(path)) as archive:
        assert [archive.body(ref.offset, 2**20) for ref in (first, second)] == [JPEG, JPEG]
    offsets = [row.offset for row in rows]
    assert offsets == [page.offset, first.offset, -1, gone.offset, second.offset]


def test_other_tools_read_it_and_its_digests_are_right(tmp_path: Path) -> None:
    path = tmp_path / "00000.warc.gz"
    write(path, *SEVERAL)
    found = []
    with path.open("rb") as file:
        for record in ArchiveIterator(file, check_digests="raise"):
            body = record.content_stream().read()
            found.append((record.rec_type, record.rec_headers.get_header("WARC-Target-URI")))
            if record.rec_type == "warcinfo":
                assert body == b"software: lait\r\noperator: you@example.org\r\n"
            if record.rec_type == "response":
                length = record.http_headers.get_header("content-length")
                assert length == str(len(body))
    urls = [one.url for one in SEVERAL]
    expected = [("warcinfo", None)]
    for url, kept in zip(urls, (True, True, False, True, True), strict=True):
        expected += [("response", url)] * kept + [("metadata", url)]
    assert found == expected


def test_rows_come_back_from_the_records_alone(tmp_path: Path) -> None:
    path = tmp_path / "part"
    odd = outcome(
        "https://d.example/?q=%C3%A9",
        detail="two\r\nlines \udcff" * 90,
        opt_out=("noai", "tdm"),
        headers=(("etag", 'W/"1\udce9"'), ("last-modified", "yesterday"), ("x", "y")),
    )
    rows = write(path, *SEVERAL, odd)
    assert [entry.asked for entry in entries(path)] == rows
    assert rows[-1].etag == 'W/"1?"'
    assert rows[-1].last_modified == "yesterday"
    assert "\n" not in rows[-1].detail
    assert len(rows[-1].detail) == 300
    assert rows[0].sha256 == hashlib.sha256(HTML).hexdigest()
    assert [from_row(to_row(row)) for row in rows] == rows
    assert list(to_row(rows[0])) == SCHEMA.names


def test_a_cut_anywhere_loses_only_what_was_being_written(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    write(whole, *SEVERAL)
    data = whole.read_bytes()
    ends = [entry.end for entry in entries(whole)]
    assert ends[-1] == len(data)
    cuts = {0, 1, 15, *(end + step for end in ends for step in (-9, -1, 0, 1, 40, 1000))}
    for cut in sorted(cut for cut in cuts if 0 <= cut <= len(data)):
        path = tmp_path / f"cut{cut}"
        path.write_bytes(data[:cut])
        n_whole = sum(end <= cut for end in ends)
        with Growing(path, ABOUT) as growing:
            assert len(growing.keys) == n_whole, cut
            for one in SEVERAL[n_whole:]:
                growing.add(one, "https://a.example/", 1)
        assert path.read_bytes() == data, cut


def test_damage_in_the_middle_keeps_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "part"
    write(path, *SEVERAL)
    ends = [entry.end for entry in entries(path)]
    data = bytearray(path.read_bytes())
    data[ends[1] + 30 : ends[1] + 60] = bytes(30)
    path.write_bytes(bytes(data))
    assert [entry.end for entry in entries(path)] == ends[:2]


def test_same_answers_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a", *SEVERAL)
    write(tmp_path / "b", *SEVERAL)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_page_stands_where_redirects_led_and_an_image_where_it_is_looked_for(
    tmp_path: Path,
) -> None:
    path = tmp_path / "00000.warc.gz"
    moved = "https://new.example/there"
    rows = write(path, outcome(final_url=moved), picture(final_url=moved + ".jpg"))
    page, image = read(path)
    assert (page.url, image.url) == (moved, "https://a.example/p.jpg")
    assert [row.url for row in rows] == ["https://a.example/", "https://a.example/p.jpg"]
    assert [row.final_url for row in rows] == [moved, moved + ".jpg"]


def test_headers_are_kept_but_for_encodings_and_cookies(tmp_path: Path) -> None:
    path = tmp_path / "00000.warc.gz"
    headers = (
        ("content-encoding", "br"),
        ("content-length", "17"),
        ("set-cookie", "who=you"),
        ("content-type", "text/html; charset=latin1"),
        ("x-long", "a" * 30_000),
        ("x-odd", "a\r\nb\udce9"),
    )
    write(path, outcome(headers=headers))
    (page,) = read(path)
    assert page.body == HTML
    assert page.headers == (
        ("x-crawler-content-encoding", "br"),
        ("x-crawler-content-length", "17"),
        ("content-type", "text/html; charset=latin1"),
        ("x-odd", "a bé"),
        ("content-length", str(len(HTML))),
    )


def test_html_in_place_of_an_image_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "00000.warc.gz"
    html = (("content-type", "text/html"),)
    lying = picture("https://a.example/l.jpg", headers=html)
    rows = write(path, picture(headers=html, body=HTML), lying)
    assert [row.n_bytes for row in rows] == [0, len(JPEG)]
    assert [(item.url, item.n_bytes) for item in read(path) if isinstance(item, ImageRef)] == [
        ("https://a.example/p.jpg", 0),
        ("https://a.example/l.jpg", len(JPEG)),
    ]
    assert all(not page.body for page in read(path) if isinstance(page, Page))


def test_an_opt_out_of_an_image_reaches_the_reader_without_the_image(tmp_path: Path) -> None:
    path = tmp_path / "00000.warc.gz"
    headers = (("content-type", "image/jpeg"), ("x-robots-tag", "noai"))
    refused = {"status": Status.OPT_OUT, "body": b"", "opt_out": ("noai",)}
    rows = write(
        path,
        picture(headers=headers, **refused),
        picture("https://a.example/tdm.jpg", **refused | {"opt_out": ("tdm",)}),
        outcome(headers=(("content-type", "text/html"), ("x-robots-tag", "noai")), **refused),
    )
    (image,) = read(path)
    assert (image.url, image.opt_out, image.n_bytes) == (rows[0].url, ("noai",), 0)
    assert [row.status for row in rows] == [Status.OPT_OUT] * 3
    assert [row.offset >= 0 for row in rows] == [True, False, False]


def test_not_modified_is_a_revisit(tmp_path: Path) -> None:
    path = tmp_path / "00000.warc.gz"
    same = outcome(status=Status.NOT_MODIFIED, http_status=304, body=b"", headers=(("etag", "1"),))
    (row,) = write(path, same)
    assert not read(path)
    records = [(r.rec_type, r.http_headers) for r in ArchiveIterator(io.BytesIO(path.read_bytes()))]
    assert [kind for kind, _ in records] == ["warcinfo", "revisit", "metadata"]
    assert (row.status, row.sha256, row.etag) == (Status.NOT_MODIFIED, "", "1")


def test_some_entries_are_copied_as_they_are(tmp_path: Path) -> None:
    path, wanted = tmp_path / "all", tmp_path / "some"
    write(path, *SEVERAL)
    write(wanted, SEVERAL[0], *SEVERAL[2:4])
    found = list(entries(path))
    assert b"".join(copy(path, [found[0], *found[2:4]])) == wanted.read_bytes()


@pytest.mark.parametrize("status", list(Status))
def test_every_status_is_a_row(tmp_path: Path, status: Status) -> None:
    body = JPEG if status is Status.OK else b""
    for kind in ("page", "image"):
        one = replace(picture(status=status, body=body), kind=kind)
        (row,) = write(tmp_path / f"{kind}{status}", one)
        assert (row.status, row.kind, row.n_bytes) == (status, kind, len(body))
