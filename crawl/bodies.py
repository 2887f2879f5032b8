"""What was the entity, before transfer and content encodings were put around it?"""

import re
import zlib
from dataclasses import dataclass

import brotli

_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_PIECE_BYTES = 64 * 2**10
MAX_ENCODINGS = 4
"""Nobody needs more layers of compression; a longer chain is an attack."""


class BodyTooLarge(ValueError):  # noqa: N818 -- reads as the fact it states
    """A body expands beyond the bytes we are willing to hold."""


class BodyUnreadable(ValueError):  # noqa: N818
    """A body is in an encoding we cannot remove."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """An entity body, and whether all of it was there."""

    data: bytes
    complete: bool
    """False when the encoded stream ended early or broke: `data` is what came before."""


def decode_body(raw: bytes, transfer: str, content: str, max_bytes: int) -> Body:
    """Remove chunked transfer coding and content codings, never holding more than `max_bytes`.

    Archives often keep the headers of encodings that their crawler has already removed: a body
    that plainly is not in the encoding it claims is passed through.

    Args:
        raw: The body as received.
        transfer: Value of the Transfer-Encoding header, or ''.
        content: Value of the Content-Encoding header, or ''; codings in the order applied.
        max_bytes: Limit of the decoded body, and of every layer between.

    Raises:
        BodyTooLarge: The body, or a layer of it, is larger than `max_bytes`.
        BodyUnreadable: An unknown coding, or more than four of them.
    """
    body = Body(data=raw, complete=True)
    if "chunked" in transfer.lower():
        body = _dechunk(raw)
    codings = [word for word in re.split(r"[\s,]+", content.lower()) if word]
    if len(codings) > MAX_ENCODINGS:
        raise BodyUnreadable(f"{len(codings)} content encodings, more than {MAX_ENCODINGS}")
    for coding in reversed(codings):
        if coding in ("identity", "none", "binary", "utf-8", "utf8"):
            continue  # what misconfigured servers write for "as it is"
        inner = _decompress(body.data, coding, max_bytes)
        body = Body(data=inner.data, complete=body.complete and inner.complete)
    if len(body.data) > max_bytes:
        raise BodyTooLarge(f"body of {len(body.data)} bytes is over {max_bytes}")
    return body


def _dechunk(raw: bytes) -> Body:
    pieces: list[bytes] = []
    position = 0
    while match := _CHUNK_SIZE.match(raw, position):
        size = int(match[1], 16)
        if size == 0:
            return Body(data=b"".join(pieces), complete=True)
        piece = raw[match.end() : match.end() + size]
        pieces.append(piece)
        position = match.end() + size
        if len(piece) < size:
            break
        if raw.startswith(b"\r\n", position):
            position += 2
        elif raw.startswith(b"\n", position):
            position += 1
    if not pieces:
        return Body(data=raw, complete=True)  # the crawler has removed the chunks already
    return Body(data=b"".join(pieces), complete=False)


def _decompress(raw: bytes, coding: str, max_bytes: int) -> Body:
    if coding in ("gzip", "x-gzip"):
        if not raw.startswith(b"\x1f\x8b"):
            return Body(data=raw, complete=True)
        return _inflate(raw, 31, max_bytes)
    if coding == "deflate":
        # Half of the web means zlib, half raw deflate; the header tells.
        zlib_header = len(raw) > 1 and raw[0] & 15 == 8 and (raw[0] << 8 | raw[1]) % 31 == 0
        body = _inflate(raw, 15 if zlib_header else -15, max_bytes)
        return body if body.data or not raw else Body(data=raw, complete=True)
    if coding == "br":
        return _unbrotli(raw, max_bytes)
    raise BodyUnreadable(f"unknown content encoding {coding[:40]!r}")


def _inflate(raw: bytes, window_bits: int, max_bytes: int) -> Body:
    data = bytearray()
    rest = raw
    while True:
        inflater = zlib.decompressobj(window_bits)
        try:
            while rest and not inflater.eof:
                data += inflater.decompress(rest, _PIECE_BYTES)
                rest = inflater.unconsumed_tail
                _check(len(data), max_bytes, "deflate")
        except zlib.error:
            return Body(data=bytes(data), complete=False)
        rest = inflater.unused_data
        # A gzip body may hold several members; anything else after the end is padding.
        if not (inflater.eof and window_bits == 31 and rest.startswith(b"\x1f\x8b")):
            return Body(data=bytes(data), complete=inflater.eof)


def _unbrotli(raw: bytes, max_bytes: int) -> Body:
    decompressor = brotli.Decompressor()
    data = bytearray()
    piece = raw
    try:
        while not decompressor.is_finished():
            out = decompressor.process(piece, output_buffer_limit=_PIECE_BYTES)
            data += out
            _check(len(data), max_bytes, "br")
            if not out and not piece:
                break  # neither input nor output left: the stream was cut
            piece = b""
    except brotli.error:
        if not data:
            return Body(data=raw, complete=True)  # decoded by the crawler already
        return Body(data=bytes(data), complete=False)
    return Body(data=bytes(data), complete=bool(decompressor.is_finished()))


def _check(n_bytes: int, max_bytes: int, coding: str) -> None:
    if n_bytes > max_bytes:
        raise BodyTooLarge(f"{coding} body expands beyond {max_bytes} bytes")
