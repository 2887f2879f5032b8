"""How does what a server said become WARC records whose bytes depend on nothing else?

WARC 1.1 (ISO 28500:2017), one gzip member a record. Bodies stand decoded, as they came out of
`crawl.fetch`; the headers that described the encoded form are kept under `X-Crawler-` names, as
Common Crawl does.
"""

import gzip
import hashlib
import io
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from fastwarc.warc import WarcRecord, WarcRecordType

from crawl.asked import Asked, to_row
from crawl.fetch.outcome import Outcome, Status
from crawl.optout import response_signals
from crawl.page import Page
from crawl.sources.responses import Limits, Response, items

_NOT_MODIFIED: Final = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
_RENAMED: Final = ("content-encoding", "content-length", "transfer-encoding")
_LEFT_OUT: Final = ("set-cookie", "set-cookie2", "authorization", "www-authenticate")
"""Of no use to anybody later, and they may identify the visit."""
_FIRST: Final = ("content-type", "x-robots-tag", "tdm-reservation", "tdm-policy", "etag")
_HEAD_BYTES: Final = 24 * 2**10
"""Readers of archives look for the end of a head within 32 KiB."""
_PACKED: Final = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/avif")
_LEVEL: Final = 6
"""Of gzip, for what is not compressed already."""
NOT_IN_RECORD: Final = ("shard", "offset")
"""Fields of a row that tell its place."""


def kept_body(outcome: Outcome) -> bytes:
    """The body to keep: none of an HTML page that came in place of an image."""
    if outcome.status is not Status.OK:
        return b""
    return b"" if outcome.kind == "image" and _reads_as_page(outcome) else outcome.body


def has_response(outcome: Outcome) -> bool:
    """Whether there is something to tell later readers beyond the row of the ledger.

    For an image that was refused with a status or an opt-out header there is: a response without
    body lets `lait curate` name that reason.
    """
    if outcome.status in (Status.OK, Status.NOT_MODIFIED):
        return True
    if outcome.kind != "image" or not outcome.http_status:
        return False
    if outcome.status is Status.OPT_OUT:
        return bool(response_signals(outcome.headers))
    return outcome.status is Status.HTTP_ERROR


def records(outcome: Outcome, body: bytes, asked: Asked) -> bytes:
    """The gzip members of one request: the response, if there is one, and the row."""
    seed = f"{asked.kind}\n{asked.url}\n{asked.visit}\n{asked.fetched_at}\n{asked.sha256}"
    members = b""
    response_id = ""
    if asked.offset >= 0:
        response_id = _record_id(seed, "response")
        members = _response(outcome, body, asked, response_id)
    record = WarcRecord()
    record.init_headers(record_type=WarcRecordType.metadata)
    record.headers["WARC-Target-URI"] = asked.url
    if response_id:
        record.headers["WARC-Concurrent-To"] = response_id
    record.headers["Content-Type"] = "application/json"
    row = {name: value for name, value in to_row(asked).items() if name not in NOT_IN_RECORD}
    record.set_bytes_payload(json.dumps(row, ensure_ascii=True, separators=(",", ":")).encode())
    return members + _member(record, _record_id(seed, "metadata"), asked.fetched_at, None)


def warcinfo(about: Mapping[str, str], date: str) -> bytes:
    """The gzip member that begins a raw shard: who crawled, and how."""
    lines = "".join(f"{name}: {' '.join(value.split())}\r\n" for name, value in about.items())
    record = WarcRecord()
    record.init_headers(record_type=WarcRecordType.warcinfo)
    record.headers["Content-Type"] = "application/warc-fields"
    record.set_bytes_payload(lines.encode("utf-8", "replace"))
    return _member(record, _record_id(lines, f"warcinfo {date}"), date, None)


def _reads_as_page(outcome: Outcome) -> bool:
    """Whether whoever reads the archive would take a response for a page."""
    if _content_type(outcome).startswith("image/"):
        return False
    n_bytes = len(outcome.body)
    headers = tuple(one for one in outcome.headers if one[0] not in _RENAMED)
    response = Response(
        url=outcome.url,
        file="",
        offset=0,
        fetched_at="",
        status=HTTPStatus.OK,
        headers=headers,
        n_bytes=n_bytes,
        beginning=outcome.body,
        rest=io.BytesIO(),
    )
    limits = Limits(max_page_bytes=n_bytes, max_image_bytes=n_bytes)
    return any(isinstance(item, Page) for item in items(response, limits))


def _response(outcome: Outcome, body: bytes, asked: Asked, record_id: str) -> bytes:
    """A page stands under the URL that redirects led to, its links being relative to that; an image
    under the one that its page names: there it will be looked for."""
    revisit = asked.status is Status.NOT_MODIFIED
    record = WarcRecord()
    kind = WarcRecordType.revisit if revisit else WarcRecordType.response
    record.init_headers(record_type=kind)
    is_page = asked.kind == "page"
    record.headers["WARC-Target-URI"] = asked.final_url if is_page else asked.url
    if asked.final_url != asked.url:
        other = ("X-Requested-URI", asked.url) if is_page else ("X-Final-URI", asked.final_url)
        record.headers[other[0]] = other[1]
    if revisit:
        record.headers["WARC-Profile"] = _NOT_MODIFIED
    elif not body and (outcome.body or outcome.status is not Status.OK):
        record.headers["WARC-Truncated"] = "unspecified"
    record.headers["Content-Type"] = "application/http; msgtype=response"
    record.set_bytes_payload(_head(outcome, len(body)) + body)
    return _member(record, record_id, asked.fetched_at, body, _level(outcome))


def _head(outcome: Outcome, n_bytes: int) -> bytes:
    """Status line and headers; those beyond 24 KiB are left out, the ones that matter last."""
    try:
        phrase = HTTPStatus(outcome.http_status).phrase
    except ValueError:
        phrase = ""
    lines: dict[int, bytes] = {}
    room = _HEAD_BYTES
    order = sorted(enumerate(outcome.headers), key=lambda one: (one[1][0] not in _FIRST, one[0]))
    for place, (name, value) in order:
        if name in _LEFT_OUT:
            continue
        shown = f"x-crawler-{name}" if name in _RENAMED else name
        line = f"{shown}: {' '.join(value.split())}\r\n".encode("utf-8", "surrogateescape")
        if len(line) <= room:
            lines[place] = line
            room -= len(line)
    ordered = b"".join(line for _, line in sorted(lines.items()))
    length = b"" if outcome.status is Status.NOT_MODIFIED else b"content-length: %d\r\n" % n_bytes
    return f"HTTP/1.1 {outcome.http_status} {phrase}\r\n".encode() + ordered + length + b"\r\n"


def _level(outcome: Outcome) -> int:
    """Pictures hardly shrink, and they are most of the bytes: they are stored as they are."""
    return 0 if _content_type(outcome) in _PACKED else _LEVEL


def _content_type(outcome: Outcome) -> str:
    found = next((value for name, value in outcome.headers if name == "content-type"), "")
    return found.partition(";")[0].strip().lower()


def _member(
    record: WarcRecord, record_id: str, date: str, payload: bytes | None, level: int = _LEVEL
) -> bytes:
    record.record_id = record_id
    record.headers["WARC-Date"] = date or now()
    digest = None if payload is None else _sha1(payload)
    plain = io.BytesIO()
    record.write(plain, checksum_data=True, payload_digest=digest)
    return gzip.compress(plain.getvalue(), compresslevel=level, mtime=0)


def now() -> str:
    """As WARC-Date and `Asked.fetched_at` write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _record_id(content: str, part: str) -> str:
    digest = hashlib.sha256(f"{part}\n{content}".encode("utf-8", "surrogatepass")).digest()
    return f"<urn:uuid:{uuid.UUID(bytes=digest[:16], version=5)}>"


def _sha1(data: bytes) -> bytes:
    """The digest that the format's tools expect; it guards against damage, not against people."""
    return hashlib.sha1(data, usedforsecurity=False).digest()
