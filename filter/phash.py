"""Which bits stay nearly the same when a picture is re-encoded, resized, framed, cropped a little?

A picture has one hash of the whole and five of what is left when its edges are cut. A copy that
lost an edge has a whole like one of those five; a re-encoded copy has the same whole. Flat borders
are trimmed before anything is hashed, so that a frame changes nothing.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_GRID: Final = 80
"""Side of the square of grey values that all hashes of one picture are computed from."""
_KEPT: Final = 8
_SCALE: Final = 1 << 12
_WORK_SIDE_PX: Final = 2 * _GRID
"""The shorter side is first brought down to this by whole factors, which is fast."""
_FLAT: Final = 10
"""A row or column whose grey values differ by no more than this is border: JPEG is not exact."""
_MAX_TRIM: Final = 0.25
"""Share of a side that may be border on either end; more is content: a sky, a page."""
_CUTS: Final = ((2, 2, 2, 2), (4, 0, 0, 0), (0, 4, 0, 0), (0, 0, 4, 0), (0, 0, 0, 4))
"""What each crop takes from left, top, right and bottom of the grid: 5 % of a side, of both sides
together, or of one."""


def _basis(length: int) -> NDArray[np.float64]:
    """The lowest frequencies of DCT-II over `length` values as whole numbers, [8, length]."""
    frequency, place = np.mgrid[0:_KEPT, 0:length]
    angle = np.pi * frequency * (2 * place + 1) / (2 * length)
    basis: NDArray[np.float64] = np.rint(_SCALE * np.cos(angle))
    return basis


_BASES: Final = {length: _basis(length) for length in (_GRID, _GRID - 4)}
# Whole numbers, because the last bit of a sum depends on the machine's linear algebra, and a bit of
# the hash on which side of the median a coefficient falls. They stay below 2**53 (4096 * 80 twice,
# times 255), where float64 is exact in any order of summation, and much faster than int64.


def prints(image: Image.Image) -> tuple[str, tuple[str, ...]]:
    """The hash of an RGB or grey picture, and the hashes of its five crops: 16 hex digits each.

    64-bit DCT hashes: what is left inside flat borders is shrunk to a square of grey values; of its
    DCT the 8x8 lowest frequencies say whether they lie above their median. Two hashes are compared
    by the number of bits that differ.
    """
    grey = image.convert("L")
    factor = min(grey.size) // _WORK_SIDE_PX
    if factor > 1:
        grey = grey.reduce(factor)
    square = grey.resize((_GRID, _GRID), Image.Resampling.BICUBIC, box=content_box(grey))
    values = np.asarray(square, dtype=np.float64)
    crops = tuple(
        _hash(values[top : _GRID - bottom, left : _GRID - right])
        for left, top, right, bottom in _CUTS
    )
    return _hash(values), crops


def phash(image: Image.Image) -> str:
    """The hash of the whole picture alone."""
    return prints(image)[0]


def content_box(grey: Image.Image) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of a grey picture without flat borders, in its pixels."""
    width_px, height_px = grey.size
    small_width, small_height = min(width_px, _WORK_SIDE_PX), min(height_px, _WORK_SIDE_PX)
    small = np.asarray(grey.resize((small_width, small_height), Image.Resampling.BOX))
    flat_rows = np.ptp(small, axis=1) <= _FLAT
    flat_columns = np.ptp(small, axis=0) <= _FLAT
    left, right = _border(flat_columns), _border(flat_columns[::-1])
    top, bottom = _border(flat_rows), _border(flat_rows[::-1])
    return (
        left * width_px // small_width,
        top * height_px // small_height,
        width_px - right * width_px // small_width,
        height_px - bottom * height_px // small_height,
    )


def _border(flat: NDArray[np.bool_]) -> int:
    """How many lines from the first one are border."""
    limit = int(len(flat) * _MAX_TRIM)
    content = np.flatnonzero(~flat[:limit])
    return int(content[0]) if content.size else limit


def _hash(values: NDArray[np.float64]) -> str:
    height, width = values.shape
    low = (_BASES[height] @ values @ _BASES[width].T).ravel()
    # The median lies between the 32nd and the 33rd of 64: compare doubled, stay in whole numbers.
    ordered = np.sort(low)
    above = 2 * low > ordered[31] + ordered[32]
    return f"{int.from_bytes(np.packbits(above).tobytes(), 'big'):016x}"


def distance(a: str, b: str) -> int:
    """Bits in which two hashes differ, 0..64."""
    return (int(a, 16) ^ int(b, 16)).bit_count()
