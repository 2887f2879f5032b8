"""How does an encoded image become the square of pixels that a network looks at?

Shapes: B images, C = 3 channels, H = W = the square's side.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from pretrain.draws import Draws

_BICUBIC = Image.Resampling.BICUBIC
_GAP = 3.0
"""Pillow first averages whole blocks while this many times the size is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelSpec:
    """The square. Mean and spread are those of CLIP."""

    size_px: int = 224
    crop: float | None = 0.9
    """In training, a random part of at least this share of the area, of nearly the image's own
    shape (open_clip's augmentation); in use, the largest square in the middle. None: always the
    whole image, bent to a square, so that boxes stay where they are."""
    mean: tuple[float, float, float] = (0.48145466, 0.4578275, 0.40821073)
    std: tuple[float, float, float] = (0.26862954, 0.26130258, 0.27577711)


def pixels_of(images: Sequence[bytes], spec: PixelSpec, draws: Draws | None = None) -> Tensor:
    """float32 [B, C, H, W], normalised.

    Args:
        images: Encoded, e.g. JPEG.
        spec: What is wanted of them.
        draws: One row an image, for training; None: nothing random.

    Raises:
        ValueError: an image that cannot be decoded.
    """
    cuts = [None] * len(images) if draws is None else draws.uniform("pixels.crop", 4).tolist()
    squares = [_square(image, spec, cut) for image, cut in zip(images, cuts, strict=True)]
    pixels_BHWC = torch.from_numpy(np.stack(squares)).float().div_(255)
    pixels_BHWC = pixels_BHWC.sub_(torch.tensor(spec.mean)).div_(torch.tensor(spec.std))
    return pixels_BHWC.permute(0, 3, 1, 2).contiguous()


def _square(
    image: bytes, spec: PixelSpec, cut: Sequence[float] | None
) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    side = (spec.size_px, spec.size_px)
    try:
        with Image.open(io.BytesIO(image)) as opened:
            # A JPEG is decoded at a fraction of its size where that is enough.
            opened.draft("RGB", (2 * spec.size_px, 2 * spec.size_px))
            rgb = opened.convert("RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"image cannot be decoded: {error}") from error
    if spec.crop is None:
        square = rgb.resize(side, _BICUBIC, reducing_gap=_GAP)
    elif cut is None:
        square = ImageOps.fit(rgb, side, _BICUBIC)
    else:
        box = _crop(rgb.size, spec.crop, cut)
        square = rgb.resize(side, _BICUBIC, box=box, reducing_gap=_GAP)
    return np.array(square, dtype=np.uint8)


def _crop(
    size: tuple[int, int], least: float, cut: Sequence[float]
) -> tuple[float, float, float, float]:
    """(left, top, right, bottom): area, shape and place at random; what sticks out is cut off."""
    width, height = size
    area = width * height * (least + (1 - least) * cut[0])
    stretch = math.exp((2 * cut[1] - 1) * math.log(4 / 3))  # 3:4 to 4:3
    w, h = min(width, math.sqrt(area * stretch)), min(height, math.sqrt(area / stretch))
    left, top = (width - w) * cut[2], (height - h) * cut[3]
    return left, top, left + w, top + h
