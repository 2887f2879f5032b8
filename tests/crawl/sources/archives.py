"""Small archives for the tests of this folder: records, layouts, what was read."""

import gzip
import random
from pathlib import Path

from crawl.damage import Damage
from crawl.image_ref import ImageRef
from crawl.page import Page
from crawl.sources.warc import read_archive

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 20
HTML = b"<!doctype html><title>x</title><img src=/a.jpg>"


def record(url: str, http: bytes, kind: str = "response") -> bytes:
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\n"
        "WARC-Date: 2024-01-02T03:04:05Z\r\nWARC-Record-ID: <urn:uuid:0>\r\n"
        f"Content-Type: application/http; msgtype={kind}\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


def response(body: bytes, content_type: str, status: int = 200, *more: str) -> bytes:
    lines = [
        f"HTTP/1.1 {status} X",
        *more,
        *([f"Content-Type: {content_type}"] * bool(content_type)),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def page_record(n: int, body: bytes | None = None) -> bytes:
    html = body if body is not None else HTML + b"%d" % n
    return record(f"http://example.org/{n}.html", response(html, "text/html"))


def write(path: Path, records: list[bytes], layout: str) -> tuple[Path, list[int]]:
    """Write an archive; also give where each of its records begins, as offsets count there."""
    if layout == "members":
        records = [gzip.compress(r, mtime=0) for r in records]
    data = b"".join(records)
    offsets = [0]
    for r in records:
        offsets.append(offsets[-1] + len(r))
    path.write_bytes(gzip.compress(data, mtime=0) if layout == "stream" else data)
    return path, offsets


def read(path: Path, max_bytes: int = 10**6) -> list[Page | ImageRef | Damage]:
    return list(read_archive(str(path), max_page_bytes=max_bytes, max_image_bytes=max_bytes))


def pages(items: list[Page | ImageRef | Damage]) -> list[str]:
    return [item.url[-6:] for item in items if isinstance(item, Page)]


def damages(items: list[Page | ImageRef | Damage]) -> list[tuple[str, int]]:
    return [(item.reason, item.offset) for item in items if isinstance(item, Damage)]


def numbered() -> list[bytes]:
    rng = random.Random(3)
    return [page_record(n, HTML + rng.randbytes(3000)) for n in range(1, 8)]
