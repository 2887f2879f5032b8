"""Which format and size does an image claim by its own first bytes? (Nothing is decoded.)"""

import struct
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageHeader:
    """What the header says; the pixels may still be broken."""

    extension: str
    """`jpg`, `png` or `webp`."""
    width_px: int
    """As stored, before any EXIF rotation."""
    height_px: int


def sniff(image: bytes) -> ImageHeader:
    """Reads a JPEG, PNG or WebP header. Raises ValueError for anything else, and for a cut header.

    PNG 1.2 section 11.2.2 (IHDR), ITU T.81 section B.2.2 (SOFn), RFC 9649 section 2 (WebP).
    """
    try:
        if image.startswith(b"\x89PNG\r\n\x1a\n") and image[12:16] == b"IHDR":
            return _header("png", *struct.unpack_from(">II", image, 16))
        if image.startswith(b"\xff\xd8\xff"):
            return _jpeg(image)
        if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
            return _webp(image)
    except (struct.error, IndexError) as error:
        raise ValueError("its header is cut short") from error
    raise ValueError(f"it is no JPEG, PNG or WebP; it starts with {image[:12]!r}")


def _header(extension: str, width_px: int, height_px: int) -> ImageHeader:
    if width_px < 1 or height_px < 1:
        raise ValueError(f"its header says {width_px} x {height_px} pixels")
    return ImageHeader(extension=extension, width_px=width_px, height_px=height_px)


def _jpeg(image: bytes) -> ImageHeader:
    at = 2
    while True:
        if image[at] != 0xFF:
            raise ValueError(f"a JPEG marker is missing at byte {at}")
        marker = image[at + 1]
        if marker == 0xFF:  # fill bytes may precede a marker
            at += 1
        elif marker in (0x01, *range(0xD0, 0xD9)):  # markers without a body
            at += 2
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # SOFn
            height_px, width_px = struct.unpack_from(">HH", image, at + 5)
            return _header("jpg", width_px, height_px)
        elif marker in (0xD9, 0xDA):
            raise ValueError("its JPEG scan comes before its frame header")
        else:
            at += 2 + struct.unpack_from(">H", image, at + 2)[0]


def _webp(image: bytes) -> ImageHeader:
    chunk = image[12:16]
    if chunk == b"VP8 ":
        if image[23:26] != b"\x9d\x01\x2a":
            raise ValueError("its VP8 frame has no start code")
        width_px, height_px = struct.unpack_from("<HH", image, 26)
        return _header("webp", width_px & 0x3FFF, height_px & 0x3FFF)
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", image, 21)
        return _header("webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if chunk == b"VP8X":
        canvas = struct.unpack_from("<6B", image, 24)
        width_px, height_px = (int.from_bytes(canvas[i : i + 3], "little") + 1 for i in (0, 3))
        return _header("webp", width_px, height_px)
    raise ValueError(f"its first WebP chunk is {chunk!r}")
