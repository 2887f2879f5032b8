"""Are encodings removed, bombs refused while they expand, and lying headers survived?"""

import gzip
import tracemalloc
import zlib
from pathlib import Path

import brotli
import pytest

from crawl.bodies import BodyTooLarge, BodyUnreadable, decode_body

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
        # Headers that the crawler should have dropped.
        (TEXT, "chunked", "gzip"),
        (TEXT, "", "br"),
        (TEXT, "", "deflate"),
        (TEXT, "identity", "identity"),
    ],
)
def test_encodings_are_removed(raw: bytes, transfer: str, content: str) -> None:
    body = decode_body(raw, transfer, content, 10**6)
    assert body.data == TEXT
    assert body.complete


@pytest.mark.parametrize("cut", [gzip.compress(TEXT)[:-20], chunked(TEXT)[:-300]])
def test_truncated_body_keeps_its_beginning(cut: bytes) -> None:
    content, transfer = ("gzip", "") if cut.startswith(b"\x1f") else ("", "chunked")
    body = decode_body(cut, transfer, content, 10**6)
    assert not body.complete
    assert body.data
    assert TEXT.startswith(body.data)


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip"])
def test_bombs_are_refused(coding: str, shared_data: Path) -> None:
    raw = (shared_data / f"corpora/http/scrapy-compressed/bomb-{coding}.bin").read_bytes()
    with pytest.raises(BodyTooLarge):
        decode_body(raw, "", coding, 10**6)
    assert len(decode_body(raw, "", coding, 12 * 10**6).data) == 11_511_612


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip"])
def test_bombs_are_refused_while_they_expand(coding: str, shared_data: Path) -> None:
    raw = (shared_data / f"corpora/http/scrapy-compressed/bomb-{coding}.bin").read_bytes()
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            decode_body(raw, "", coding, 10**5)
        assert tracemalloc.get_traced_memory()[1] < 2 * 10**6
    finally:
        tracemalloc.stop()


def test_limit_holds_for_plain_bodies_too() -> None:
    with pytest.raises(BodyTooLarge):
        decode_body(TEXT, "", "", len(TEXT) - 1)
    assert decode_body(TEXT, "", "", len(TEXT)).data == TEXT


@pytest.mark.parametrize("content", ["zstd", "gzip, gzip, gzip, gzip, gzip", "x-unknown"])
def test_what_cannot_be_removed_says_so(content: str) -> None:
    with pytest.raises(BodyUnreadable):
        decode_body(TEXT, "", content, 10**6)
