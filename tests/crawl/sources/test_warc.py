"""Does reading an archive give every page and image, and survive every kind of damage?"""

import gzip
import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import brotli
import pytest

from crawl.bodies import BodyTooLarge
from crawl.damage import Damage
from crawl.image_ref import ImageRef
from crawl.page import Page
from crawl.sources.layout import probe
from crawl.sources.warc import ArchiveReader, check_archive, read_archive
from tests.crawl.sources.archives import (
    HTML,
    JPEG,
    damages,
    numbered,
    page_record,
    pages,
    read,
    record,
    response,
    write,
)

RECORDS = [
    record("http://example.org/0.html", b"GET / HTTP/1.1\r\n\r\n", "request"),
    page_record(1),
    record("http://example.org/a.jpg", response(JPEG, "image/jpeg")),
    page_record(2),
    record("http://example.org/b.jpg#x", response(b"", "text/html", 404)),
    page_record(3),
]


@pytest.fixture(params=["plain", "members", "stream"])
def layout(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_pages_and_images(tmp_path: Path, layout: str) -> None:
    path, offsets = write(tmp_path / "a.warc", RECORDS, layout)
    assert probe(str(path)).layout.value == layout
    items = read(path)
    one, jpeg, two, missing, three = items
    assert isinstance(one, Page)
    assert isinstance(jpeg, ImageRef)
    assert isinstance(missing, ImageRef)
    assert pages([one, two, three]) == ["1.html", "2.html", "3.html"]
    assert one.body == HTML + b"1"
    assert one.headers == (("content-type", "text/html"),)
    assert (one.fetched_at, one.file) == ("2024-01-02T03:04:05Z", str(path))
    assert (jpeg.url, jpeg.status, jpeg.n_bytes) == ("http://example.org/a.jpg", 200, len(JPEG))
    assert (missing.url, missing.status) == ("http://example.org/b.jpg", 404)
    assert [item.offset for item in items] == offsets[1:6]


def test_layout_of_large_records(tmp_path: Path) -> None:
    """The first record fills many pieces of the decompressor before the second one shows."""
    records = [page_record(1, HTML + random.Random(5).randbytes(300_000)), page_record(2)]
    for kind in ("members", "stream"):
        path, _ = write(tmp_path / kind, records, kind)
        assert probe(str(path)).layout.value == kind
        assert pages(read(path)) == ["1.html", "2.html"]


def test_random_access_gives_the_same_bytes(tmp_path: Path, layout: str) -> None:
    path, _ = write(tmp_path / "a.warc", RECORDS, layout)
    items = read(path)
    with ArchiveReader(str(path)) as reader:
        for item in reversed(items):
            assert not isinstance(item, Damage)
            expected = item.body if isinstance(item, Page) else JPEG if item.status == 200 else b""
            assert reader.body(item.offset, 10**6) == expected
        with pytest.raises(BodyTooLarge):
            reader.body(items[1].offset, len(JPEG) - 1)
        for nowhere in (3, 10**9):
            with pytest.raises(ValueError, match=rf"no response at byte {nowhere}"):
                reader.body(nowhere, 10**6)


@pytest.mark.parametrize(
    ("body", "content_type", "url", "kinds"),
    [
        (HTML, "text/html", "http://e.org/x", ["Page"]),
        (HTML, "application/xhtml+xml; charset=utf-8", "http://e.org/x", ["Page"]),
        (HTML, "", "http://e.org/x", ["Page"]),
        (HTML, "text/plain", "http://e.org/x", []),
        (HTML, "image/jpeg", "http://e.org/x", ["ImageRef"]),
        (HTML, "text/html", "http://e.org/wiki/File:x.jpg", ["ImageRef", "Page"]),
        (JPEG, "text/html", "http://e.org/x", ["ImageRef"]),
        (JPEG, "application/octet-stream", "http://e.org/x", ["ImageRef"]),
        (b"GIF89a...", "", "http://e.org/x", ["ImageRef"]),
        (b"body { }", "text/css", "http://e.org/x.css", []),
        (JPEG, "image/jpeg", "dns:e.org", []),
        (HTML, "text/html", "<http://e.org/x>", ["Page"]),
    ],
)
def test_what_a_response_is(
    tmp_path: Path, body: bytes, content_type: str, url: str, kinds: list[str]
) -> None:
    path, _ = write(tmp_path / "a.warc", [record(url, response(body, content_type))], "plain")
    assert [type(item).__name__ for item in read(path)] == kinds


def test_only_responses_count(tmp_path: Path) -> None:
    kinds = ("request", "metadata", "revisit", "warcinfo", "resource")
    records = [record("http://e.org/", response(HTML, "text/html"), kind) for kind in kinds]
    assert read(write(tmp_path / "a.warc", records, "members")[0]) == []


def test_encodings_are_removed(tmp_path: Path, layout: str) -> None:
    chunked = b"5\r\n" + HTML[:5] + b"\r\n%x\r\n" % len(HTML[5:]) + HTML[5:] + b"\r\n0\r\n\r\n"
    records = [
        record(
            "http://e.org/1",
            response(gzip.compress(HTML), "text/html", 200, "Content-Encoding: gzip"),
        ),
        record(
            "http://e.org/2",
            response(brotli.compress(HTML), "text/html", 200, "Content-Encoding: br"),
        ),
        record("http://e.org/3", response(chunked, "text/html", 200, "Transfer-Encoding: chunked")),
        record(
            "http://e.org/4",
            response(gzip.compress(JPEG), "image/jpeg", 200, "Content-Encoding: gzip"),
        ),
    ]
    path, _ = write(tmp_path / "a.warc", records, layout)
    *found, image = read(path)
    assert [item.body for item in found if isinstance(item, Page)] == [HTML] * 3
    assert isinstance(image, ImageRef)
    assert image.n_bytes == len(JPEG)
    with ArchiveReader(str(path)) as reader:
        assert reader.body(image.offset, 10**6) == JPEG


def test_bombs_and_large_bodies_become_damage(tmp_path: Path) -> None:
    zeros = gzip.compress(bytes(3_000_000))
    encoded = "Content-Encoding: gzip"
    records = [
        record("http://e.org/1", response(zeros, "text/html", 200, encoded)),
        record("http://e.org/2", response(HTML + b" " * 2_000_000, "text/html")),
        record("http://e.org/3.png", response(zeros, "image/png", 200, encoded)),
        record("http://e.org/4.png", response(bytes(2_000_000), "image/png")),
        page_record(5),
    ]
    path, offsets = write(tmp_path / "a.warc", records, "plain")
    items = read(path)
    assert damages(items) == [("body_too_large", offset) for offset in offsets[:3]]
    sizes = [item.n_bytes for item in items if isinstance(item, ImageRef)]
    assert sizes == [10**6 + 1, 2_000_000]
    assert pages(items) == ["5.html"]


def test_body_that_is_mostly_chunk_sizes_is_too_large(tmp_path: Path) -> None:
    tiny = b"1\r\nx\r\n" * 500_000 + b"0\r\n\r\n"
    http = response(tiny, "text/html", 200, "Transfer-Encoding: chunked")
    path, _ = write(tmp_path / "a.warc", [record("http://e.org/", http)], "members")
    assert damages(read(path)) == [("body_too_large", 0)]


def test_image_opt_out_is_kept(tmp_path: Path) -> None:
    http = response(JPEG, "image/jpeg", 200, "X-Robots-Tag: noimageai", "TDM-Reservation: 1")
    (image,) = read(write(tmp_path / "a.warc", [record("http://e.org/a.jpg", http)], "plain")[0])
    assert isinstance(image, ImageRef)
    assert image.opt_out == ("noimageai", "tdm")


@pytest.mark.parametrize(("kind", "at"), [("plain", 0), ("members", 20), ("members", 1500)])
def test_records_around_damage_are_kept(tmp_path: Path, kind: str, at: int) -> None:
    path, offsets = write(tmp_path / "a.warc", numbered(), kind)
    data = bytearray(path.read_bytes())
    data[offsets[3] + at : offsets[3] + at + 60] = bytes(60)
    path.write_bytes(data)
    items = read(path)
    assert pages(items) == [f"{n}.html" for n in (1, 2, 3, 5, 6, 7)]
    assert damages(items) == [("bad_record", offsets[3])]


def test_record_that_swallows_its_neighbour_is_damage(tmp_path: Path) -> None:
    path, offsets = write(tmp_path / "a.warc", numbered(), "plain")
    data = path.read_bytes()
    path.write_bytes(data[: offsets[3] + 900] + data[offsets[3] + 1100 :])
    items = read(path)
    assert pages(items) == [f"{n}.html" for n in (1, 2, 3, 5, 6, 7)]
    assert damages(items) == [("bad_record", offsets[3])]


def test_truncated_archive_keeps_what_came_before(tmp_path: Path, layout: str) -> None:
    path, offsets = write(tmp_path / "a.warc", numbered(), layout)
    data = path.read_bytes()
    for cut in (40, 300, 2500):
        path.write_bytes(data[: len(data) - cut])
        items = read(path)
        assert pages(items)[:6] == [f"{n}.html" for n in range(1, 7)]
        assert len(pages(items)) == 6
        assert ("truncated", offsets[6]) in damages(items)


def test_junk_between_members_is_damage(tmp_path: Path) -> None:
    records = [gzip.compress(r) for r in numbered()]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join(records[:3]) + b"junk" * 50 + b"".join(records[3:]))
    items = read(path)
    assert pages(items) == [f"{n}.html" for n in range(1, 8)]
    assert len(damages(items)) == 1


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.warc", b"", "is empty"),
        ("page.html", HTML, "does not begin with 'WARC/'"),
        ("x.gz", gzip.compress(b"no archive"), "does not begin with 'WARC/'"),
        ("broken.gz", b"\x1f\x8b\x08junk", "does not begin with 'WARC/'"),
    ],
)
def test_what_is_no_archive_says_so_at_once(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    for check in (check_archive, lambda p: read_archive(p, max_page_bytes=1, max_image_bytes=1)):
        with pytest.raises(ValueError, match=words) as error:
            check(str(path))
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.warc does not exist"):
        read_archive(str(tmp_path / "nowhere.warc"), max_page_bytes=1, max_image_bytes=1)
    with pytest.raises(ValueError, match="is a folder"):
        check_archive(str(tmp_path))


REAL = {"aut-example.warc.gz": (94, 55), "books.toscrape.warc": (1, 20), "frogTest.warc": (1, 1)}
REAL |= {"govuk-2014.warc.gz": (32, 8), "lil-projects.warc.gz": (1, 18)}


@pytest.mark.parametrize("name", REAL)
def test_real_archives(shared_data: Path, name: str) -> None:
    path = shared_data / "warc" / name
    items = read(path, 32 * 2**20)
    found = [item for item in items if isinstance(item, Page)]
    images = [item for item in items if isinstance(item, ImageRef)]
    assert (len(found), len(images), damages(items)) == (*REAL[name], [])
    with ArchiveReader(str(path)) as reader:
        assert all(len(reader.body(i.offset, 10**8)) == i.n_bytes for i in images)
        assert all(reader.body(p.offset, 10**8) == p.body for p in found)


HOSTILE: dict[str, tuple[int, list[tuple[str, int]]]] = {
    # A head without a length, a response without HTTP, two heads whose lengths are no numbers.
    "bad.arc": (
        0,
        [("bad_record", 0), ("bad_record", 134), ("bad_http", 202), ("truncated", 262)],
    ),
    "example-bad-non-chunked.warc.gz": (1, []),
    "example-bad.warc.gz.bad": (1, []),
    "example-digest.warc": (0, []),
    "example-iana.org-chunked.warc": (1, []),
    "example-resource.warc.gz": (0, []),
    "example-space-in-target-uri.warc.gz": (0, []),
    # Its line ends were converted: the record is shorter than it says.
    "example-space-in-url.arc": (0, [("truncated", 151)]),
    # A length that is two bytes short.
    "example-trunc.warc": (1, [("body_incomplete", 1197), ("bad_record", 2560)]),
    "example-wget-bad-target-uri.warc.gz": (1, []),
    "example-wrong-chunks.warc.gz": (1, []),
    "example.arc": (1, []),
    "example.arc.gz": (1, []),
    "example.warc": (1, []),
    "example.warc.gz": (1, []),
    "post-test.warc.gz": (0, []),
}


def test_hostile_archives(shared_data: Path) -> None:
    """warcio's own corpus: what warcio reads and what it gives up on."""
    files = [f for f in sorted((shared_data / "corpora/warc/warcio").iterdir()) if "arc" in f.name]
    assert [f.name for f in files] == sorted(HOSTILE)
    for file in files:
        items = read(file)
        assert (len(pages(items)), damages(items)) == HOSTILE[file.name], file.name


def mutations(seed: int, n: int) -> Iterator[bytes]:
    rng = random.Random(seed)
    plain = b"".join(numbered())
    members = b"".join(gzip.compress(r) for r in numbered())
    for _ in range(n):
        data = bytearray(rng.choice([plain, members, gzip.compress(plain)]))
        for _ in range(rng.randint(1, 5)):
            at = rng.randrange(len(data) or 1)
            cut = rng.choice([0, rng.randint(1, 300)])
            data[at : at + cut] = rng.randbytes(rng.choice([0, 1, rng.randint(1, 90)]))
        yield bytes(data)


def test_no_damage_raises(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    n_read = 0
    for data in mutations(11, 400):
        path.write_bytes(data)
        try:
            items = read(path)
        except ValueError:
            assert probe_fails(path)
            continue
        n_read += 1
        offsets = [offset for reason, offset in damages(items) if reason == "bad_record"]
        assert all(a < b for a, b in pairwise(offsets))
    assert n_read > 300


def probe_fails(path: Path) -> bool:
    try:
        return not probe(str(path))
    except ValueError:
        return True
