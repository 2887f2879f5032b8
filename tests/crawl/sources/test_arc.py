"""Are ARC archives, versions 1.0 and 1.1, read as WARC archives are?"""

import gzip
import io
import random
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from crawl.damage import Damage
from crawl.image_ref import ImageRef
from crawl.page import Page
from crawl.sources.heads import Format
from crawl.sources.layout import probe
from crawl.sources.parts import parts
from crawl.sources.warc import ArchiveReader, read_part
from tests.crawl.sources.archives import HTML, JPEG, damages, pages, read, response, write

LIMIT = 10**7


def arc_record(url: str, http: bytes, content_type: str = "text/html") -> bytes:
    return f"{url} 192.0.2.7 20140216050221 {content_type} {len(http)}\n".encode() + http + b"\n"


def version_block(version: str) -> bytes:
    fields = "URL IP-address Archive-date Content-type Archive-length\n"
    more = "<?xml version='1.0'?>\n<arcmetadata/>\n" if version == "1 1" else ""
    block = f"{version} InternetArchive\n{fields}{more}".encode()
    line = f"filedesc://a.arc 0.0.0.0 20140216050221 text/plain {len(block)}\n"
    return line.encode() + block + b"\n"


def arc_page(n: int, n_bytes: int = 0, seed: int = 0) -> bytes:
    noise = random.Random(seed + n).randbytes(n_bytes)
    http = response(HTML + b"%d" % n + noise, "text/html")
    return arc_record(f"http://example.org/{n}.html", http)


def some(version: str) -> list[bytes]:
    return [
        version_block(version),
        arc_page(1),
        arc_record("dns:example.org", b"20140216050221\nexample.org. 1 IN A 192.0.2.7\n"),
        arc_record("http://example.org/a.jpg", response(JPEG, "image/jpeg"), "image/jpeg"),
        arc_record("http://example.org/a b c 2.html", response(HTML, "text/html"), "no type"),
        arc_page(3),
    ]


@pytest.mark.parametrize("kind", ["plain", "members", "stream"])
@pytest.mark.parametrize("version", ["1 0", "1 1"])
def test_pages_and_images(tmp_path: Path, kind: str, version: str) -> None:
    path, offsets = write(tmp_path / "a.arc", some(version), kind)
    assert (probe(str(path)).form, probe(str(path)).layout.value) == (Format.ARC, kind)
    one, image, spaced, three = read(path)
    assert isinstance(one, Page)
    assert isinstance(image, ImageRef)
    assert isinstance(spaced, Page)
    assert (one.url, one.body) == ("http://example.org/1.html", HTML + b"1")
    assert one.headers == (("content-type", "text/html"),)
    assert one.fetched_at == "2014-02-16T05:02:21Z"
    assert (image.n_bytes, image.status, image.content_type) == (len(JPEG), 200, "image/jpeg")
    assert spaced.url == "http://example.org/a%20b%20c%202.html"
    found = [item.offset for item in (one, image, spaced, three)]
    assert found == [offsets[i] for i in (1, 3, 4, 5)]
    with ArchiveReader(str(path)) as reader:
        assert reader.body(image.offset, LIMIT) == JPEG
        assert reader.body(spaced.offset, LIMIT) == HTML
        with pytest.raises(ValueError, match="no HTTP response"):
            reader.body(offsets[2], LIMIT)


def test_warcio_reads_the_same(tmp_path: Path) -> None:
    """What these tests call an ARC archive is one to others too."""
    data = b"".join(some("1 1"))
    urls = [r.rec_headers.get_header("uri") for r in ArchiveIterator(io.BytesIO(data))]
    assert urls[1:4] == ["http://example.org/1.html", "dns:example.org", "http://example.org/a.jpg"]
    assert len(urls) == 6


@pytest.mark.parametrize("kind", ["plain", "members"])
def test_damage_costs_no_other_record(tmp_path: Path, kind: str) -> None:
    records = [version_block("1 0"), *(arc_page(n, 2000) for n in range(1, 9))]
    path, offsets = write(tmp_path / "a.arc", records, kind)
    data = bytearray(path.read_bytes())
    data[offsets[4] + 2 : offsets[4] + 40] = bytes(38)
    path.write_bytes(data[:-30])
    items = read(path)
    assert pages(items) == [f"{n}.html" for n in (1, 2, 3, 5, 6, 7)]
    assert damages(items) == [("bad_record", offsets[4]), ("truncated", offsets[8])]


def test_a_line_of_text_is_no_record(tmp_path: Path) -> None:
    """A record whose length is false is not continued in the middle of a text about ARC."""
    text = b"http://example.org/ 192.0.2.7 is an address\nhttp://e.org/ 20140216050221\n"
    records = [version_block("1 0"), arc_page(1) + text, arc_page(2)]
    path, offsets = write(tmp_path / "a.arc", records, "plain")
    items = read(path)
    assert pages(items) == ["1.html", "2.html"]
    assert damages(items) == [("bad_record", offsets[2] - len(text))]


@pytest.mark.parametrize("kind", ["plain", "members"])
def test_parts(tmp_path: Path, kind: str) -> None:
    records = [version_block("1 0"), *(arc_page(n, 5000) for n in range(300))]
    path, _ = write(tmp_path / "a.arc", records, kind)
    whole = read(path)
    assert len(whole) == 300
    for part_bytes in (9_999, 400_000):
        cut = list(parts(str(path), part_bytes))
        assert len(cut) > 3
        assert whole == [
            item
            for part in cut
            for item in read_part(part, max_page_bytes=10**6, max_image_bytes=10**6)
        ]


def test_line_ends_of_servers(tmp_path: Path) -> None:
    """A response whose head has bare line feeds is a response."""
    http = response(HTML, "text/html").replace(b"\r\n", b"\n")
    path, _ = write(
        tmp_path / "a.arc", [version_block("1 0"), arc_record("http://e.org/", http)], "plain"
    )
    (page,) = read(path)
    assert isinstance(page, Page)
    assert (page.body, page.headers) == (HTML, (("content-type", "text/html"),))


def test_a_compressed_archive_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.arc.gz"
    path.write_bytes(gzip.compress(version_block("1 0")) + gzip.compress(b"nothing"))
    (damage,) = read(path)
    assert isinstance(damage, Damage)
