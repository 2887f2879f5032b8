"""Are encodings removed, bombs refused while they expand, and lying headers survived?"""

import gzip
import tracemalloc
import zlib
from pathlib import Path

import brotli
import pytest
import zstandard

from crawl.bodies import BodyTooLarge, BodyUnreadable, Decoder, decode_body

TEXT = b"<p>hello</p>" * 500


def chunked(body: bytes, size: int = 700) -> bytes:
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x;x=y\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("raw", "transfer", "content"),
    [
        (TEXT, "", ""),
        (chunked(TEXT), "chunked", ""),
        (chunked(gzip.compress(TEXT)), "chunked", "gzip"),
        (gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:]), "", "gzip"),
        (zlib.compress(TEXT), "", "deflate"),
        (zlib.compress(TEXT)[2:-4], "", "deflate"),
        (brotli.compress(TEXT), "", "br"),
        (brotli.compress(gzip.compress(TEXT)), "", "gzip, br"),
        (gzip.compress(TEXT) + b"padding", "", "gzip"),
        (zstandard.compress(TEXT), "", "zstd"),
        (zstandard.compress(TEXT[:9]) + zstandard.compress(TEXT[9:]), "", "zstd"),
        (gzip.compress(zstandard.compress(TEXT)), "", "zstd, x-gzip"),
        # Headers that the crawler should have dropped.
        (TEXT, "chunked", "gzip"),
        (TEXT, "", "br"),
        (TEXT, "", "deflate"),
        (TEXT, "", "zstd"),
        (TEXT, "identity", "identity"),
    ],
)
def test_encodings_are_removed(raw: bytes, transfer: str, content: str) -> None:
    body = decode_body(raw, transfer, content, 10**6)
    assert body.data == TEXT
    assert body.complete


@pytest.mark.parametrize(
    ("raw", "transfer", "content"),
    [
        (gzip.compress(TEXT)[:-20], "", "gzip"),
        (chunked(TEXT)[:-300], "chunked", ""),
        (zlib.compress(TEXT)[:-20], "", "deflate"),
        (brotli.compress(bytes(range(256)) * 9)[:-20], "", "br"),
        (zstandard.compress(bytes(range(256)) * 2000)[:-9], "", "zstd"),
    ],
)
def test_truncated_body_keeps_its_beginning(raw: bytes, transfer: str, content: str) -> None:
    whole = TEXT if content in ("gzip", "", "deflate") else bytes(range(256)) * 2000
    body = decode_body(raw, transfer, content, 10**6)
    assert not body.complete
    assert whole.startswith(body.data)
    assert body.data or content in ("br", "zstd")


def test_body_cut_before_anything_came_out_is_incomplete() -> None:
    for raw, coding in ((gzip.compress(TEXT)[:12], "gzip"), (zstandard.compress(TEXT)[:7], "zstd")):
        body = decode_body(raw, "", coding, 10**6)
        assert (body.data, body.complete) == (b"", False)


def test_damaged_gzip_is_incomplete() -> None:
    raw = bytearray(gzip.compress(bytes(i * i % 251 for i in range(10**5))))
    raw[-6] ^= 1  # the checksum
    assert not decode_body(bytes(raw), "", "gzip", 10**6).complete


@pytest.mark.parametrize("n_bytes", [1, 2, 3, 5, 64, 1000])
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, br", ""])
def test_it_does_not_matter_how_the_bytes_arrive(coding: str, n_bytes: int) -> None:
    raw = {
        "gzip": gzip.compress(TEXT[:7]) + gzip.compress(TEXT[7:]),
        "deflate": zlib.compress(TEXT),
        "br": brotli.compress(TEXT),
        "zstd": zstandard.compress(TEXT[:7]) + zstandard.compress(TEXT[7:]),
        "gzip, br": brotli.compress(gzip.compress(TEXT)),
        "": TEXT,
    }[coding]
    decoder = Decoder(coding, 10**6)
    for position in range(0, len(raw), n_bytes):
        decoder.push(raw[position : position + n_bytes])
    body = decoder.finish()
    assert body.complete
    assert body.data == TEXT


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("html-br", "br"),
        ("html-gzip", "gzip"),
        ("html-rawdeflate", "deflate"),
        ("html-zlibdeflate", "deflate"),
        ("html-zstd-static-content-size", "zstd"),
        ("html-zstd-static-no-content-size", "zstd"),
        ("html-zstd-streaming-no-content-size", "zstd"),
        ("html-gzip-deflate", "gzip, deflate"),
        ("html-gzip-deflate-gzip", "gzip, deflate, gzip"),
    ],
)
def test_real_encodings(name: str, content: str, shared_data: Path) -> None:
    raw = (shared_data / f"corpora/http/scrapy-compressed/{name}.bin").read_bytes()
    body = decode_body(raw, "", content, 10**6)
    assert body.complete
    assert body.data.rstrip().endswith(b"</html>")


def test_deflate_keeps_what_is_left_in_the_inflater() -> None:
    # The last match of a raw stream does not fit into the piece that took its last input byte.
    for n_bytes in range(2 * 65_536 - 300, 2 * 65_536 + 300, 7):
        compressor = zlib.compressobj(wbits=-15)
        raw = compressor.compress(bytes(n_bytes)) + compressor.flush()
        body = decode_body(raw, "", "deflate", 10**6)
        assert (len(body.data), body.complete) == (n_bytes, True)


def test_thousands_of_tiny_members_cost_little() -> None:
    raw = gzip.compress(b"") * 50_000
    body = decode_body(raw, "", "gzip", 10**6)
    assert body.data == b""


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip", "zstd"])
def test_bombs_are_refused(coding: str, shared_data: Path) -> None:
    raw = (shared_data / f"corpora/http/scrapy-compressed/bomb-{coding}.bin").read_bytes()
    with pytest.raises(BodyTooLarge):
        decode_body(raw, "", coding, 10**6)
    assert len(decode_body(raw, "", coding, 12 * 10**6).data) == 11_511_612


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip", "zstd"])
def test_bombs_are_refused_while_they_expand(coding: str, shared_data: Path) -> None:
    raw = (shared_data / f"corpora/http/scrapy-compressed/bomb-{coding}.bin").read_bytes()
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            decode_body(raw, "", coding, 10**5)
        # One slice of zstd may come to 4 MiB.
        assert tracemalloc.get_traced_memory()[1] < (9 if coding == "zstd" else 2) * 10**6
    finally:
        tracemalloc.stop()


def test_limit_holds_for_plain_bodies_too() -> None:
    with pytest.raises(BodyTooLarge):
        decode_body(TEXT, "", "", len(TEXT) - 1)
    assert decode_body(TEXT, "", "", len(TEXT)).data == TEXT


@pytest.mark.parametrize("content", ["compress", "gzip, gzip, gzip, gzip, gzip", "x-unknown"])
def test_what_cannot_be_removed_says_so(content: str) -> None:
    with pytest.raises(BodyUnreadable):
        decode_body(TEXT, "", content, 10**6)
