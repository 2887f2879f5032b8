"""What is left of an image file when everything but the picture is taken out?

EXIF, XMP and IPTC hold places, names and serial numbers of cameras. The pixels are not touched: not
a byte of the compressed picture changes. Only the orientation stays, as a minimal EXIF block, for
without it a viewer would show the picture lying on its side.

JPEG (ITU-T T.81 annex B, EXIF 2.32), PNG (W3C third edition), WebP (RFC 9649).
"""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Final

from PIL import Image

_ORIENTATION_TAG: Final = 0x0112
_EXIF: Final = b"Exif\0\0"
_JPEG_START: Final = b"\xff\xd8"
_PNG_START: Final = b"\x89PNG\r\n\x1a\n"
_APP0, _APP2, _APP14, _APP15, _COM, _SOS, _EOI = 0xE0, 0xE2, 0xEE, 0xEF, 0xFE, 0xDA, 0xD9
_KEPT_APPS: Final = {_APP0: b"JFIF\0", _APP2: b"ICC_PROFILE\0", _APP14: b"Adobe"}
"""Segments that decide how the pixels look: density, colour profile, colour transform."""
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_PNG_TEXT: Final = frozenset({b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME"})
_WEBP_META: Final = frozenset({b"EXIF", b"XMP "})
_WEBP_FLAG_EXIF, _WEBP_FLAG_XMP = 0x08, 0x04
_MAX_PIECES: Final = 100_000


def strip_metadata(body: bytes, orientation: int | None = None) -> bytes:
    """A JPEG, PNG or WebP file without EXIF, XMP, IPTC, comments and what follows its end.

    Who knows the orientation already saves finding it, which for a PNG may mean decoding it. The
    same object comes back when there is nothing to take out, and for bytes that are not one of the
    three or not whole: what cannot be read for sure is not rewritten.
    """
    turned = _orientation(body) if orientation is None else orientation
    try:
        if body.startswith(_JPEG_START):
            stripped = b"".join(_jpeg(body, turned))
        elif body.startswith(_PNG_START):
            stripped = b"".join(_png(body, turned))
        elif body[:4] == b"RIFF" and body[8:12] == b"WEBP":
            stripped = _webp(body, turned)
        else:
            return body
    except (ValueError, IndexError, struct.error):
        return body
    return body if stripped == body else stripped


def _orientation(body: bytes) -> int:
    """2..8 when a viewer turns the picture, else 1. Never raises."""
    if body.startswith(_PNG_START) and not any(kind in body for kind in _PNG_TEXT):
        return 1  # Pillow would decode it all to look for a block behind the pixels
    try:
        with Image.open(io.BytesIO(body), formats=("JPEG", "PNG", "WEBP")) as image:
            value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:
        # Pillow's parsers raise freely on hostile bytes: a damaged block turns nothing.
        return 1
    return value if isinstance(value, int) and value in range(1, 9) else 1


def minimal_exif(orientation: int) -> bytes:
    """A TIFF block with one entry, the orientation."""
    header = struct.pack(">2sHI", b"MM", 42, 8)
    entry = struct.pack(">HHIHH", _ORIENTATION_TAG, 3, 1, orientation, 0)
    return header + struct.pack(">H", 1) + entry + struct.pack(">I", 0)


def _jpeg(body: bytes, orientation: int) -> Iterator[bytes]:
    yield _JPEG_START
    if orientation > 1:
        exif = _EXIF + minimal_exif(orientation)
        yield struct.pack(">BBH", 0xFF, 0xE1, len(exif) + 2) + exif
    place = 2
    while True:
        if body[place : place + 1] != b"\xff":
            raise ValueError(f"no marker at {place}")
        while body[place + 1 : place + 2] == b"\xff":
            place += 1  # fill bytes may stand before a marker
        marker = body[place + 1]
        if marker == _EOI:
            yield body[place : place + 2]
            return  # what follows is a second picture or a stowaway
        if marker in _STANDALONE:
            yield body[place : place + 2]
            place += 2
            continue
        (length,) = struct.unpack_from(">H", body, place + 2)
        stop = place + 2 + length
        if length < 2 or stop > len(body):
            raise ValueError(f"a segment at {place} does not fit")
        if marker == _SOS:
            stop = _scan_end(body, stop)
        if _is_picture(marker, body[place + 4 : place + 20]):
            yield body[place:stop]
        place = stop


def _is_picture(marker: int, start: bytes) -> bool:
    if marker == _COM:
        return False
    return not _APP0 <= marker <= _APP15 or start.startswith(_KEPT_APPS.get(marker, b"\0never"))


def _scan_end(body: bytes, place: int) -> int:
    """Where the coded data ends: at the next marker that is neither stuffing nor restart."""
    while True:
        place = body.index(b"\xff", place)
        following = body[place + 1 : place + 2]
        if not following:
            raise ValueError("the scan has no end")
        if following == b"\xff":
            place += 1
        elif following == b"\0" or following[0] in _STANDALONE:
            place += 2
        else:
            return place


def _png(body: bytes, orientation: int) -> Iterator[bytes]:
    yield _PNG_START
    place = len(_PNG_START)
    for _ in range(_MAX_PIECES):
        length, kind = struct.unpack_from(">I4s", body, place)
        stop = place + 12 + length
        if stop > len(body):
            raise ValueError(f"a chunk at {place} does not fit")
        if kind == b"IDAT" and orientation > 1:
            yield _png_chunk(b"eXIf", minimal_exif(orientation))
            orientation = 1
        if kind not in _PNG_TEXT:
            yield body[place:stop]
        if kind == b"IEND":
            return
        place = stop
    raise ValueError(f"more than {_MAX_PIECES} chunks")


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _webp(body: bytes, orientation: int) -> bytes:
    (size,) = struct.unpack_from("<I", body, 4)
    end, place, kept = min(8 + size, len(body)), 12, []
    while place < end:
        kind, length = struct.unpack_from("<4sI", body, place)
        stop = place + 8 + length + length % 2
        if stop > len(body) + length % 2:
            raise ValueError(f"a chunk at {place} does not fit")
        if kind not in _WEBP_META:
            kept.append((kind, body[place + 8 : place + 8 + length]))
        place = stop
    if orientation > 1:
        kept.append((b"EXIF", minimal_exif(orientation)))
    return _riff([(kind, _flags(kind, data, orientation)) for kind, data in kept])


def _flags(kind: bytes, data: bytes, orientation: int) -> bytes:
    """The extended header says which metadata follows."""
    if kind != b"VP8X" or not data:
        return data
    flags = data[0] & ~(_WEBP_FLAG_EXIF | _WEBP_FLAG_XMP)
    return bytes((flags | (_WEBP_FLAG_EXIF if orientation > 1 else 0),)) + data[1:]


def _riff(chunks: list[tuple[bytes, bytes]]) -> bytes:
    padded = [
        struct.pack("<4sI", kind, len(data)) + data + b"\0" * (len(data) % 2)
        for kind, data in chunks
    ]
    inner = b"WEBP" + b"".join(padded)
    return b"RIFF" + struct.pack("<I", len(inner)) + inner
