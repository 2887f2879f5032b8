"""What picture do these bytes hold, if it is safe to look?

The bytes come from strangers. Their own first bytes choose the decoder from a list of three, the
header is checked before any pixel, only the first frame is decoded, and whatever Pillow raises is
a reason to drop.
"""

import hashlib
import io
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from filter.looks import Looks, look, uniformity
from filter.metadata import strip_metadata
from filter.phash import prints
from filter.sieve import one_line
from filter.verdict import Drop, ImageFacts

SCALED_SIDE_PX: Final = 448
"""JPEG is decoded at the smallest of 1/1, 1/2, 1/4, 1/8 that keeps the shorter side this long: the
models look at 224 pixels, and decoding all of them would cost several times as much. Other formats
are shrunk to it after decoding."""
_BAND_PIXELS: Final = 1 << 20
"""So many pixels at a time become RGB: a picture at the limit is never there twice."""
_COPIES: Final = {"webp": 4}
"""So many pictures of the same size a decoder holds at once: it gets that much less to decode."""
_PILLOW_NAME: Final = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}
_ORIENTATION_TAG: Final = 0x0112
_TURN: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each value of the EXIF orientation tag (EXIF 2.32, 4.6.4)."""
_SIDEWAYS: Final = frozenset({5, 6, 7, 8})
_open_lock = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeLimits:
    """What is refused before a pixel is decoded."""

    min_bytes: int
    max_bytes: int
    max_pixels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A picture that could be decoded whole."""

    facts: ImageFacts
    image: Image.Image
    """RGB, upright, without metadata; perhaps at a fraction of its size (`SCALED_SIDE_PX`)."""
    looks: Looks


def decode(body: bytes, limits: DecodeLimits) -> Decoded | Drop:
    """Decodes one image under limits, or says why not. Never raises for any bytes.

    Drops: `image_bytes` (too few, too many), `image_format` (by its own bytes no JPEG, PNG or
    WebP), `image_pixels` (the header declares too many), `image_corrupt` (truncated or broken).
    """
    refusal = check_bytes(len(body), limits)
    if refusal is not None:
        return refusal
    kind = sniff(body)
    if kind not in _PILLOW_NAME:
        return Drop(reason="image_format", value=kind, threshold=" ".join(_PILLOW_NAME))
    try:
        return _decode(body, kind, limits)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        # Pillow's own limit, which stands above any sensible `max_pixels`.
        return Drop(reason="image_pixels", value=one_line(error), threshold=limits.max_pixels)
    except Exception as error:
        # Pillow's decoders raise OSError, ValueError, SyntaxError, KeyError, struct.error,
        # MemoryError and more on hostile bytes: anything raised here is a property of the bytes.
        return Drop(reason="image_corrupt", value=one_line(error))


def check_bytes(n_bytes: int, limits: DecodeLimits) -> Drop | None:
    """The part of the check that needs only the length: it saves reading the body."""
    if n_bytes < limits.min_bytes:
        return Drop(reason="image_bytes", value=n_bytes, threshold=limits.min_bytes)
    if n_bytes > limits.max_bytes:
        return Drop(reason="image_bytes", value=n_bytes, threshold=limits.max_bytes)
    return None


def check_pixels(n_pixels: int, kind: str, limits: DecodeLimits) -> Drop | None:
    """The part of the check that needs only the header."""
    most = most_pixels(kind, limits)
    return None if n_pixels <= most else Drop(reason="image_pixels", value=n_pixels, threshold=most)


def most_pixels(kind: str, limits: DecodeLimits) -> int:
    """How many pixels a picture of one format may have."""
    return limits.max_pixels // _COPIES.get(kind, 1)


def sniff(body: bytes) -> str:
    """What the bytes are by their own beginning; the Content-Type is not asked.

    `jpeg`, `png`, `webp`, or the name of a common format that is not decoded, or `unknown`.
    """
    head = body[:512]
    for kind, starts in _SIGNATURES.items():
        if head.startswith(starts):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        return "avif" if head[8:12] in (b"avif", b"avis") else "heif"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if b"<svg" in text:
        return "svg"
    return "html" if text.startswith((b"<!doctype", b"<html", b"<head", b"<!--")) else "unknown"


_SIGNATURES: Final = {
    "jpeg": (b"\xff\xd8\xff",),
    "png": (b"\x89PNG\r\n\x1a\n",),
    "gif": (b"GIF87a", b"GIF89a"),
    "bmp": (b"BM",),
    "tiff": (b"II*\x00", b"MM\x00*"),
    "ico": (b"\x00\x00\x01\x00",),
    "pdf": (b"%PDF",),
}


def _decode(body: bytes, kind: str, limits: DecodeLimits) -> Decoded | Drop:
    if kind == "png":
        # Decoding does not compare the checksums of pixel data; verify() does, and spends the file.
        _open(body, kind).verify()
    with _open(body, kind) as source:
        width_px, height_px = source.size
        refusal = check_pixels(width_px * height_px, kind, limits)
        if refusal is not None:
            return refusal
        orientation = _orientation(source)
        # Frame 0, never seek(): size checks are skipped on later frames.
        scale = max(1, min(source.size) // SCALED_SIDE_PX)
        source.draft("RGB", (width_px // scale, height_px // scale))
        source.load()
        image = upright(to_small_rgb(source), orientation)
    if orientation in _SIDEWAYS:
        width_px, height_px = height_px, width_px
    whole, crops = prints(image)
    looks = look(image)
    facts = ImageFacts(
        # What is stored is the file without its metadata: that is what this names.
        sha256=hashlib.sha256(strip_metadata(body, orientation)).hexdigest(),
        format=kind,
        width_px=width_px,
        height_px=height_px,
        n_bytes=len(body),
        phash=whole,
        phash_crops=crops,
        sharpness=looks.sharpness,
        darkest=looks.darkest,
        brightest=looks.brightest,
        uniformity=uniformity(image),
    )
    return Decoded(facts=facts, image=image, looks=looks)


def _open(body: bytes, kind: str) -> Image.Image:
    """The image with its header parsed; a bomb warning is an error."""
    # catch_warnings swaps process-wide state, so threads take turns; loading happens outside.
    with _open_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(io.BytesIO(body), formats=(_PILLOW_NAME[kind],))


def _orientation(source: Image.Image) -> int:
    """The EXIF orientation, 1..8; 1 where there is none or it is damaged."""
    try:
        value = source.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:
        # A damaged EXIF block does not spoil the pixels; its parser raises as freely as a decoder.
        return 1
    return value if isinstance(value, int) and value in range(1, 9) else 1


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The image as a viewer shows it."""
    turn = _TURN.get(orientation)
    return image if turn is None else image.transpose(turn)


def to_small_rgb(source: Image.Image) -> Image.Image:
    """`to_rgb` of a picture, shrunk by the whole factor that `SCALED_SIDE_PX` allows.

    Band by band: blocks of pixels are averaged within a band, so the cuts do not show.
    """
    scale = min(source.size) // SCALED_SIDE_PX
    if scale < 2:
        return to_rgb(source)
    width_px, height_px = source.size
    small = Image.new("RGB", (-(-width_px // scale), -(-height_px // scale)))
    n_rows = max(1, _BAND_PIXELS // (width_px * scale)) * scale
    for top in range(0, height_px, n_rows):
        band = source.crop((0, top, width_px, min(height_px, top + n_rows)))
        small.paste(to_rgb(band).reduce(scale), (0, top // scale))
    return small


def to_rgb(source: Image.Image) -> Image.Image:
    """Any mode as RGB: transparency on white, 16 bits shifted down instead of clipped."""
    if source.mode in _SIXTEEN_BITS:
        return _SIXTEEN_BITS[source.mode](source).convert("RGB")
    if "transparency" in source.info or source.mode in ("LA", "PA", "RGBA", "RGBa", "La"):
        rgba = source.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    image = source.convert("RGB")
    image.info.clear()
    return image


def _shift_down(source: Image.Image) -> Image.Image:
    return Image.fromarray((np.asarray(source).astype(np.uint32) >> 8).astype(np.uint8), "L")


_SIXTEEN_BITS: Final[dict[str, Callable[[Image.Image], Image.Image]]] = {
    "I": _shift_down,
    "I;16": _shift_down,
    "I;16B": _shift_down,
    "I;16L": _shift_down,
}
