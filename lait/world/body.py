"""Which bytes do servers send under the name of a picture that are none, or no sound one?"""

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from PIL import Image

from lait.world.picture import encode
from lait.world.web_case import Body

_PNG_BOMB_PX: Final = 40_000
_WEBP_BOMB_PX: Final = 12_000
_JPEG_BOMB_PX: Final = 8_200
"""Claimed sides: 1600, 144 and 67 megapixels. Pillow by itself refuses the first, warns of the
second and says nothing of the third."""
_SVG: Final = """<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="640" height="480" viewBox="0 0 640 480">
<script>/* scripts in pictures are a reason of their own not to take them */</script>
{circles}
</svg>
"""
_HTML: Final = """<!DOCTYPE html>
<html><head><title>Hotlinking is not allowed</title></head>
<body><h1>Please visit our site</h1>
{paragraphs}
<p><img src="/static/hotlink.jpg" alt="a sign that forbids hotlinking"></p>
</body></html>
"""


def spoil(kind: Body, image: Image.Image) -> bytes:
    """A body of one kind for a picture; deterministic."""
    return _MAKERS[kind](image)


def _cut(data: bytes) -> bytes:
    return data[: len(data) * 3 // 5]


def _truncated_jpeg(image: Image.Image) -> bytes:
    return _cut(encode(image, format="jpeg", quality=85))


def _truncated_png(image: Image.Image) -> bytes:
    return _cut(encode(image, format="png", quality=85))


def _truncated_webp(image: Image.Image) -> bytes:
    return _cut(encode(image, format="webp", quality=85))


def _corrupt_png(image: Image.Image) -> bytes:
    """A stretch of the compressed pixels overwritten: neither zlib nor the CRC agree.

    The upper half is sound, so a decoder that forgives errors shows half a picture.
    """
    data = bytearray(encode(image, format="png", quality=85))
    middle = len(data) // 2
    data[middle : middle + 64] = b"\xff\x00" * 32
    return bytes(data)


def _chunk(kind: bytes, payload: bytes) -> bytes:
    crc = zlib.crc32(kind + payload)
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", crc)


def _bomb_png(_: Image.Image) -> bytes:
    """A few kilobytes whose header claims 40,000 x 40,000 pixels of 24 bits."""
    header = struct.pack(">IIBBBBB", _PNG_BOMB_PX, _PNG_BOMB_PX, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(4_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (_chunk(b"IHDR", header), _chunk(b"IDAT", pixels), _chunk(b"IEND", b""))
    )


def _bomb_jpeg(image: Image.Image) -> bytes:
    """A sound baseline JPEG whose frame header (ITU T.81 B.2.2) was rewritten."""
    data = bytearray(encode(image, format="jpeg", quality=80))
    start = next(at for marker in (b"\xff\xc0", b"\xff\xc2") if (at := data.find(marker)) >= 0)
    struct.pack_into(">HH", data, start + 5, _JPEG_BOMB_PX, _JPEG_BOMB_PX)
    return bytes(data)


def _bomb_webp(image: Image.Image) -> bytes:
    """A lossy WebP whose key frame (RFC 6386 9.1) claims another size."""
    data = bytearray(encode(image.convert("RGB"), format="webp", quality=80))
    start = data.find(b"\x9d\x01\x2a")
    struct.pack_into("<HH", data, start + 3, _WEBP_BOMB_PX, _WEBP_BOMB_PX)
    return bytes(data)


def _svg(image: Image.Image) -> bytes:
    circles = "\n".join(
        f'<circle cx="{40 * n % 640}" cy="{70 * n % 480}" r="{5 + n}" fill="#{n * 4095:06x}"/>'
        for n in range(1, 24)
    )
    return _SVG.format(circles=circles).encode()


def _gif(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(out, format="GIF")
    return out.getvalue()


def _html(_: Image.Image) -> bytes:
    paragraph = "<p>This picture may be seen on our own pages only, which are free for all.</p>"
    return _HTML.format(paragraphs="\n".join([paragraph] * 12)).encode()


def _tiny(_: Image.Image) -> bytes:
    """A sound picture of more than 300 px that weighs next to nothing."""
    out = io.BytesIO()
    Image.new("L", (400, 320), 236).save(out, format="PNG", optimize=True)
    return out.getvalue()


_MAKERS: Final[Mapping[Body, Callable[[Image.Image], bytes]]] = MappingProxyType(
    {
        "truncated_jpeg": _truncated_jpeg,
        "truncated_png": _truncated_png,
        "truncated_webp": _truncated_webp,
        "corrupt_png": _corrupt_png,
        "bomb_png": _bomb_png,
        "bomb_jpeg": _bomb_jpeg,
        "bomb_webp": _bomb_webp,
        "svg": _svg,
        "gif": _gif,
        "html": _html,
        "empty": lambda _: b"",
        "tiny": _tiny,
    }
)
