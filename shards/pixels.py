"""How do the bytes of a sample's image become a tensor, fast and under limits?"""

import io
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shards.sample import Sample
from shards.sniff import sniff

if TYPE_CHECKING:
    from torch import Tensor

MAX_PIXELS: Final = 89_478_485
"""Pillow's own limit; a header that announces more is refused before anything is decoded."""
_SCALES: Final = (8, 4, 2)
_INKS: Final = ("CMYK", "YCCK")
"""Colours that every decoder turns into RGB in its own way."""


def to_tensor(
    sample: Sample, *, min_side_px: int | None = None, max_pixels: int = MAX_PIXELS
) -> "Tensor":
    """The image of a sample as uint8 [3, height, width], RGB, as stored (no EXIF rotation).

    The pixels are those of Pillow's `convert("RGB")`; JPEGs come from libjpeg-turbo directly where
    the package simplejpeg is there, which saves two copies. Memory is laid out channels last.

    Args:
        sample: Its bytes may be hostile: the first of them say which decoder may look at them.
        min_side_px: A JPEG is decoded at a half, a quarter or an eighth of its size when both
            sides stay at least this long; then only part of its coefficients become pixels.
        max_pixels: The largest picture that is decoded.

    Raises:
        ValueError: it is no JPEG, PNG or WebP, is not what its extension says, announces more
            than `max_pixels`, or is damaged; names the sample.
    """
    try:
        header = sniff(sample.image)
    except ValueError as error:
        raise ValueError(f"sample {sample.key}: its image cannot be decoded: {error}") from error
    n_pixels = header.width_px * header.height_px
    if header.extension != sample.extension or n_pixels > max_pixels:
        raise ValueError(
            f"sample {sample.key}: a {header.extension} of {header.width_px} x "
            f"{header.height_px} pixels under the extension {sample.extension}; at most "
            f"{max_pixels} pixels of the right format are decoded"
        )
    side_px = min(header.width_px, header.height_px)
    scale = next((n for n in _SCALES if min_side_px and side_px >= n * min_side_px), 1)
    # As libjpeg rounds.
    size = (-(-header.width_px // scale), -(-header.height_px // scale))
    if header.extension == "jpg" and (pixels := _turbo(sample.image, size)) is not None:
        return _tensor(pixels)
    try:
        return _tensor(_by_pillow(sample.image, size))
    except (OSError, SyntaxError, ValueError) as error:
        line = " ".join(str(error).split())[:200]
        raise ValueError(f"sample {sample.key}: its image cannot be decoded: {line}") from error


def _turbo(image: bytes, size: tuple[int, int]) -> NDArray[np.uint8] | None:
    """[height, width, 3] by libjpeg-turbo; None for what only Pillow can judge, as CMYK.

    Without the package everything goes through Pillow, to the same pixels.
    """
    turbo = _decoder()
    if turbo is None:
        return None
    try:
        if turbo.decode_jpeg_header(image)[2] in _INKS:
            return None
        pixels: NDArray[np.uint8] = turbo.decode_jpeg(
            image, "RGB", min_width=size[0], min_height=size[1]
        )
    except ValueError:
        return None
    return pixels if pixels.shape[1::-1] == size else None


@cache
def _decoder() -> Any:
    try:
        return import_module("simplejpeg")
    except ImportError:
        return None


def _by_pillow(image: bytes, size: tuple[int, int]) -> NDArray[np.uint8]:
    opened = Image.open(io.BytesIO(image), formats=("JPEG", "PNG", "WEBP"))
    opened.draft("RGB", size)
    return np.array(opened.convert("RGB"))


def _tensor(pixels: NDArray[np.uint8]) -> "Tensor":
    """[height, width, 3] as [3, height, width], not copied."""
    return _from_numpy()(pixels).permute(2, 0, 1)  # type: ignore[no-any-return]


@cache
def _from_numpy() -> Any:
    # Not at the top: writing shards does without torch.
    from torch import from_numpy

    return from_numpy
