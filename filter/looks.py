"""How does a picture look, in numbers that cost a millisecond: sharp, dark, light, drawn?

Everything is counted on whole grey levels of a small copy, so that the same picture gives the same
numbers on any machine.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE_PX: Final = 160
"""The shorter side of the copy that is looked at; a smaller picture is taken as it is."""
UNIFORM_SIDE_PX: Final = 128
_STEPS: Final = (1, 3, 8, 20, 50)
"""Bounds between kinds of neighbouring pixels: equal, noise, shading, texture, edge, hard edge."""
FEATURES: Final = (
    *(f"step_{name}" for name in ("equal", "noise", "shade", "texture", "edge", "hard")),
    "straight_edges",
    "roughness",
    "sharpness_log",
    "colours_log",
    "top_colour",
    "top_8_colours",
    "white",
    "black",
    "grey_entropy",
    "grey_spread",
    "saturation",
    "saturation_spread",
    "colourless",
    "flat_blocks",
    "busy_blocks",
    "border_white",
)
"""Names of the numbers that `features` gives, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """What the picture filters and the natural classifier see."""

    sharpness: int
    """The Laplacian that the sharpest hundredth of the pixels reach, in grey levels."""
    darkest: int
    """Grey level, 0..255, that a hundredth of the pixels do not exceed."""
    brightest: int
    """Grey level that all but a hundredth do not exceed."""
    features: NDArray[np.float64]
    """[F], named by `FEATURES`, all about 0..1."""


def look(image: Image.Image) -> Looks:
    """The numbers of an RGB picture; mode and size are the caller's."""
    small = image.convert("RGB")
    factor = min(small.size) / SIDE_PX
    if factor > 1:
        size = (round(small.width / factor), round(small.height / factor))
        small = small.resize(size, Image.Resampling.BOX, reducing_gap=1.0)
    colour = np.asarray(small, dtype=np.int16)
    grey = np.asarray(small.convert("L"), dtype=np.int16)
    laplacian = np.bincount(np.abs(_laplacian(grey)).ravel())
    tones = np.bincount(grey.ravel(), minlength=256)
    sharpness = _quantile(laplacian, 0.99)
    return Looks(
        sharpness=sharpness,
        darkest=_quantile(tones, 0.01),
        brightest=_quantile(tones, 0.99),
        features=np.array(
            [
                *_steps(grey),
                _quantile(laplacian, 0.5) / 32,
                np.log1p(sharpness) / 7,
                *_colours(colour),
                *_tones(tones, grey, colour),
                *_blocks(grey),
            ]
        ).round(6),
    )


def _laplacian(grey: NDArray[np.int16]) -> NDArray[np.int16]:
    if min(grey.shape) < 3:
        return np.zeros((1, 1), dtype=np.int16)
    centre = 4 * grey[1:-1, 1:-1]
    found: NDArray[np.int16] = (
        centre - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    )
    return found


def _quantile(counts: NDArray[np.int64], share: float) -> int:
    """The level that a share of what was counted does not exceed; no rounding is involved."""
    return int(np.searchsorted(np.cumsum(counts), share * counts.sum()))


def _steps(grey: NDArray[np.int16]) -> list[float]:
    """Shares of neighbours by how much they differ, and how many hard edges are straight."""
    across = np.abs(np.diff(grey, axis=1))[:-1]
    down = np.abs(np.diff(grey, axis=0))[:, :-1]
    if not across.size:
        return [1.0, *[0.0] * len(_STEPS), 0.0]
    counts = np.bincount(across.ravel(), minlength=256) + np.bincount(down.ravel(), minlength=256)
    kinds = np.add.reduceat(counts, (0, *_STEPS)) / counts.sum()
    hard = (across >= _STEPS[-2]) | (down >= _STEPS[-2])
    straight = hard & (np.minimum(across, down) < _STEPS[0])
    return [*kinds, float(straight.sum()) / max(int(hard.sum()), 1)]


def _colours(colour: NDArray[np.int16]) -> list[float]:
    code = (colour[..., 0] >> 3 << 10) | (colour[..., 1] >> 3 << 5) | colour[..., 2] >> 3
    counts = np.sort(np.bincount(code.ravel()))[::-1]
    n_pixels = code.size
    n_colours = int((counts > 0).sum())
    return [
        np.log1p(n_colours) / 10,
        float(counts[0]) / n_pixels,
        float(counts[:8].sum()) / n_pixels,
    ]


def _tones(
    counts: NDArray[np.int64], grey: NDArray[np.int16], colour: NDArray[np.int16]
) -> list[float]:
    shares = counts / grey.size
    there = shares[shares > 0]
    red, green, blue = colour[..., 0], colour[..., 1], colour[..., 2]
    saturation = np.maximum(np.maximum(red, green), blue)
    saturation -= np.minimum(np.minimum(red, green), blue)
    return [
        float(shares[250:].sum()),
        float(shares[:6].sum()),
        float(-(there * np.log2(there)).sum()) / 8,
        float(grey.std()) / 128,
        float(saturation.mean()) / 255,
        float(saturation.std()) / 128,
        float((saturation < 12).mean()),
    ]


def _blocks(grey: NDArray[np.int16]) -> list[float]:
    """Shares of 8x8 blocks that are flat and that are busy; how white the frame is."""
    height, width = (side // 8 * 8 for side in grey.shape)
    edge = np.concatenate((grey[0], grey[-1], grey[:, 0], grey[:, -1]))
    frame = float((edge >= 250).mean())
    if not height or not width:
        return [0.0, 0.0, frame]
    rows = grey[:height, :width].reshape(height // 8, 8, width)
    blocks_max = rows.max(axis=1).reshape(height // 8, width // 8, 8).max(axis=2)
    blocks_min = rows.min(axis=1).reshape(height // 8, width // 8, 8).min(axis=2)
    spread = blocks_max - blocks_min
    return [float((spread <= 4).mean()), float((spread >= 64).mean()), frame]


def uniformity(image: Image.Image) -> float:
    """Share of the most frequent colour at 4 bits a channel, 0..1, over a grid of pixels.

    Pixels are picked, not averaged: averaging would make a fine texture look flat.
    """
    width_px, height_px = (min(side, UNIFORM_SIDE_PX) for side in image.size)
    grid = image.resize((width_px, height_px), Image.Resampling.NEAREST)
    colour = np.asarray(grid, dtype=np.uint16) >> 4
    code = (colour[..., 0] << 8) | (colour[..., 1] << 4) | colour[..., 2]
    return float(np.bincount(code.ravel()).max() / code.size)
