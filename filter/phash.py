"""Which 64 bits stay nearly the same when a picture is re-encoded or resized?"""

from typing import Final

import numpy as np
from PIL import Image

_SIDE_PX: Final = 32
_KEPT: Final = 8
_SCALE: Final = 1 << 12


def _basis() -> np.ndarray:
    """The lowest frequencies of DCT-II as integers, [8, 32]."""
    frequency, place = np.mgrid[0:_KEPT, 0:_SIDE_PX]
    angle = np.pi * frequency * (2 * place + 1) / (2 * _SIDE_PX)
    basis: np.ndarray = np.rint(_SCALE * np.cos(angle)).astype(np.int64)
    return basis


_BASIS: Final = _basis()
# Integers, because the last bit of a float product depends on the machine's linear algebra, and a
# bit of the hash on which side of the median a coefficient falls.


def phash(image: Image.Image) -> str:
    """64-bit DCT hash of an RGB or grey image, 16 hex digits.

    The picture is shrunk to 32x32 grey pixels; of its DCT the 8x8 lowest frequencies say whether
    they lie above their median. Two hashes are compared by the number of bits that differ.
    """
    grey = image.convert("L").resize((_SIDE_PX, _SIDE_PX), Image.Resampling.LANCZOS)
    pixels = np.asarray(grey, dtype=np.int64)
    low = (_BASIS @ pixels @ _BASIS.T).ravel()
    # The median lies between the 32nd and the 33rd of 64: compare doubled, stay in integers.
    ordered = np.sort(low)
    above = 2 * low > ordered[31] + ordered[32]
    return f"{int.from_bytes(np.packbits(above).tobytes(), 'big'):016x}"


def distance(a: str, b: str) -> int:
    """Bits in which two hashes differ, 0..64."""
    return (int(a, 16) ^ int(b, 16)).bit_count()
