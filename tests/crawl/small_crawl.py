"""A small copy of Common Crawl's layout, and a web server on loopback that counts what is asked.

Archives are written by warcio, the index by pyarrow: what reads them is none of what wrote them.
"""

import gc
import gzip
import hashlib
import io
import json
import random
import re
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

CRAWL = "CC-MAIN-2024-51"
N_ARCHIVES = 3
N_PAGES = 20
"""In each archive."""
_LANGUAGES = ("eng", "deu,eng", "eng,fra", None, "engx")
_TLDS = ("org", "com", "de", "org", "net")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the index says of one record."""

    url: str
    file: str
    offset: int
    length: int
    language: str | None
    tld: str
    host: str
    mime: str


def html(n: int) -> bytes:
    """A page with an image; long words of hex keep it from being squeezed to nothing."""
    noise = hashlib.sha512(b"%d" % n).hexdigest() * 20
    return (
        f"<!doctype html><html><head><title>Page {n}</title></head><body><h1>Page {n}</h1>"
        f"<img src='/i/{n}.jpg' alt='A picture of number {n}' width=640 height=480>"
        f"<p>The text of page {n} goes on for a while. {noise}</p></body></html>"
    ).encode()


def build(root: Path) -> list[Row]:
    """Write the crawl below `root`; gives what its index holds, in the order of the archives."""
    with warnings.catch_warnings():
        # warcio leaves temporary files to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        rows = _build(root)
        gc.collect()
    return rows


def _build(root: Path) -> list[Row]:
    rows: list[Row] = []
    files = []
    for a in range(N_ARCHIVES):
        file = f"crawl-data/{CRAWL}/segments/17.{a}/warc/CC-MAIN-2024-0000{a}.warc.gz"
        files.append(file)
        (root / file).parent.mkdir(parents=True)
        rows += _write_archive(root / file, file, a)
    _listing(root, "warc", files)
    wats = [file.replace("/warc/", "/wat/").replace(".warc.gz", ".warc.wat.gz") for file in files]
    _listing(root, "wat", wats)
    # The index is sorted by reversed host, not by archive.
    by_host = sorted(rows, key=lambda row: (row.tld, row.host, row.url))
    half = len(by_host) // 2
    table = f"cc-index/table/cc-main/warc/crawl={CRAWL}/subset"
    parts = [
        f"{table}=warc/part-00000-x.c000.gz.parquet",
        f"{table}=warc/part-00001-x.c000.gz.parquet",
    ]
    for part, some in zip(parts, (by_host[:half], by_host[half:]), strict=True):
        write_index(root / part, some)
    _listing(root, "cc-index-table", [f"{table}=crawldiagnostics/part-00000.parquet", *parts])
    return rows


def _write_archive(path: Path, file: str, a: int) -> list[Row]:
    rows = []
    with path.open("wb") as out:
        writer = WARCWriter(out, gzip=True)
        writer.write_record(writer.create_warcinfo_record(path.name, {"software": "test"}))
        for i in range(N_PAGES):
            n = a * N_PAGES + i
            tld = _TLDS[n % len(_TLDS)]
            host = f"h{n % 7}.example.{tld}"
            url = f"https://{host}/page-{n}.html"
            writer.write_record(_record(writer, url, "request", b""))
            start = out.tell()
            writer.write_record(_record(writer, url, "response", html(n)))
            mime = "application/pdf" if n % 10 == 9 else "text/html"
            language = _LANGUAGES[n % len(_LANGUAGES)]
            rows.append(
                Row(url=url, file=file, offset=start, length=out.tell() - start, tld=tld,
                    host=host, mime=mime, language=language)
            )  # fmt: skip
    return rows


def _record(writer: WARCWriter, url: str, kind: str, body: bytes) -> Any:
    if kind == "request":
        head = StatusAndHeaders("GET / HTTP/1.1", [("Host", "x")], is_http_request=True)
    else:
        head = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
    return writer.create_warc_record(
        url,
        kind,
        payload=io.BytesIO(body),
        http_headers=head,
        warc_headers_dict={"WARC-Date": "2024-12-01T00:00:00Z"},
    )


def write_index(path: Path, rows: list[Row], group_rows: int = 10) -> None:
    """One Parquet file of the index, with some columns that nobody asks for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {
        "url_surtkey": [",".join(reversed(row.host.split("."))) + ")" for row in rows],
        "url": [row.url for row in rows],
        "url_host_name": [row.host for row in rows],
        "url_host_tld": [row.tld for row in rows],
        "url_host_registered_domain": [f"example.{row.tld}" for row in rows],
        # Incompressible and never needed: reading it shows in the bytes that were served.
        "content_digest": [random.Random(row.url).randbytes(8000) for row in rows],
        "content_mime_detected": [row.mime for row in rows],
        "content_languages": [row.language for row in rows],
        "fetch_status": pa.array([200] * len(rows), pa.int16()),
        "warc_filename": [row.file for row in rows],
        "warc_record_offset": pa.array([row.offset for row in rows], pa.int32()),
        "warc_record_length": pa.array([row.length for row in rows], pa.int32()),
    }
    pq.write_table(pa.table(columns), path, row_group_size=group_rows, compression="gzip")


def _listing(root: Path, kind: str, files: list[str]) -> None:
    path = root / f"crawl-data/{CRAWL}/{kind}.paths.gz"
    path.write_bytes(gzip.compress("".join(f"{file}\n" for file in files).encode()))


@dataclass(slots=True, kw_only=True)
class Asked:
    """What the server was asked for, and how it misbehaves when told to."""

    base: str = ""
    ranges: list[tuple[str, int, int]] = field(default_factory=list)
    """Path, first byte and length of every GET."""
    fail: dict[str, int] = field(default_factory=dict)
    """How many more answers for a path are to be 503."""
    cut: dict[str, int] = field(default_factory=dict)
    """How many more answers for a path are to be half as long as they say."""
    short: set[str] = field(default_factory=set)
    """Paths whose answers are half as long as asked, and say so."""
    ignore_ranges: bool = False
    delay_s: float = 0.0

    def of(self, suffix: str) -> list[tuple[int, int]]:
        """Offset and length of the GETs of paths with an ending."""
        return [(start, n) for path, start, n in self.ranges if path.endswith(suffix)]

    def n_bytes(self, suffix: str = "") -> int:
        return sum(n for _, n in self.of(suffix))


class _Server(ThreadingHTTPServer):
    """Clients that are killed are nothing to talk about."""

    def handle_error(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def serve(root: Path) -> Iterator[Asked]:
    """A real web server with ranges, on a free port of loopback."""
    asked = Asked()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # or each answer waits 40 ms for an acknowledgement

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, body: bool) -> None:
            path = root / self.path.lstrip("/")
            if not path.is_file():
                self.send_error(404)
                return
            data = path.read_bytes()
            match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            ranged = match is not None and not asked.ignore_ranges
            start = int(match[1]) if match and ranged else 0
            end = min(int(match[2]) + 1, len(data)) if match and ranged and match[2] else len(data)
            if body:
                asked.ranges.append((self.path, start, end - start))
                time.sleep(asked.delay_s)
                if asked.fail.get(self.path, 0):
                    asked.fail[self.path] -= 1
                    self.send_error(503)
                    return
            if start >= len(data):
                self.send_error(416)
                return
            piece = data[start:end]
            if body and self.path in asked.short:
                piece = piece[: len(piece) // 2]
            self.send_response(206 if ranged else 200)
            self.send_header("Content-Length", str(len(piece)))
            self.send_header("Accept-Ranges", "none" if asked.ignore_ranges else "bytes")
            if ranged:
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
            self.end_headers()
            if not body:
                return
            if asked.cut.get(self.path, 0):
                asked.cut[self.path] -= 1
                piece = piece[: len(piece) // 2]
                self.close_connection = True
            self.wfile.write(piece)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    asked.base = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def picks_json(rows: list[Row]) -> str:
    """The rows as a pick list of JSON lines."""
    return "".join(
        json.dumps({"url": r.url, "file": r.file, "offset": r.offset, "length": r.length}) + "\n"
        for r in rows
    )
