"""How is the demo web written as WARC files whose bytes never differ?

WARC 1.1 (ISO 28500:2017) through fastwarc. Dates are fixed, record ids are made of the content,
and each record is a gzip member of its own without a time.
"""

import gzip
import hashlib
import io
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from fastwarc.warc import WarcRecord, WarcRecordType

from lait.world.web_response import Response

_EPOCH: Final = datetime(2024, 3, 1, 12, 0, 0, tzinfo=UTC)
"""When the first record of every file was fetched; the others follow a second apart."""
_SOFTWARE: Final = b"software: lait demo world\r\nformat: WARC File Format 1.1\r\n"


def write_warc(path: Path, responses: Sequence[Response]) -> None:
    """A warcinfo record and the responses in order; gzip when the name ends in `.gz`."""
    packed = path.suffix == ".gz"
    with path.open("wb") as out:
        for number in range(len(responses) + 1):
            plain = io.BytesIO()
            if number == 0:
                record, payload = _warcinfo(path.name), None
            else:
                record, payload = _response(responses[number - 1])
            _identify(record, f"{path.name}#{number}", number, payload or _SOFTWARE)
            record.write(
                plain,
                checksum_data=True,
                payload_digest=None if payload is None else _sha1(payload),
            )
            data = plain.getvalue()
            # Level 1: pictures hardly shrink, and they are most of the bytes.
            out.write(gzip.compress(data, compresslevel=1, mtime=0) if packed else data)


def _warcinfo(name: str) -> WarcRecord:
    record = WarcRecord()
    record.init_headers(record_type=WarcRecordType.warcinfo)
    record.headers["Content-Type"] = "application/warc-fields"
    record.headers["WARC-Filename"] = name
    record.set_bytes_payload(_SOFTWARE)
    return record


def _response(response: Response) -> tuple[WarcRecord, bytes]:
    """The record and its payload: the message body as it went over the wire."""
    status, headers = response.head()
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    payload = response.message()
    record = WarcRecord()
    record.init_headers(record_type=WarcRecordType.response)
    record.headers["WARC-Target-URI"] = response.url
    record.headers["Content-Type"] = "application/http; msgtype=response"
    record.set_bytes_payload(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode("latin-1") + payload)
    return record, payload


def _identify(record: WarcRecord, place: str, number: int, content: bytes) -> None:
    """A date and an id that depend on the place and the content of the record only."""
    digest = hashlib.sha256(place.encode() + content).digest()
    record.record_id = f"<urn:uuid:{uuid.UUID(bytes=digest[:16], version=5)}>"
    when = _EPOCH + timedelta(seconds=number)
    record.headers["WARC-Date"] = when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _sha1(data: bytes) -> bytes:
    """The digest that the format's tools expect; it guards against damage, not against people."""
    return hashlib.sha1(data, usedforsecurity=False).digest()
