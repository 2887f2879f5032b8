"""Of which noise and gradients are backgrounds woven?"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float32]
RGB = tuple[int, int, int]

_TILE_PX = 1024


@lru_cache(maxsize=1)
def _noise_tile() -> Floats:
    """White noise [1024, 1024] of mean 0 and deviation 1; cut anew for each picture."""
    return np.random.default_rng(20).standard_normal((_TILE_PX, _TILE_PX), dtype=np.float32)


def grain(width_px: int, height_px: int, rng: np.random.Generator) -> Floats:
    """White noise [height, width], mean 0, deviation about 1; a shifted part of one fixed tile."""
    rows = np.arange(height_px) + int(rng.integers(_TILE_PX))
    columns = np.arange(width_px) + int(rng.integers(_TILE_PX))
    tile = _noise_tile()
    return tile.take(rows % _TILE_PX, axis=0).take(columns % _TILE_PX, axis=1)


def clouds(
    width_px: int, height_px: int, rng: np.random.Generator, cells: tuple[int, ...]
) -> Floats:
    """Smooth noise [height, width] about -1..1: octaves of the given numbers of cells across."""
    total = np.zeros((height_px, width_px), dtype=np.float32)
    for octave, across in enumerate(cells):
        down = max(2, across * height_px // width_px)
        small = Image.fromarray(rng.uniform(-1, 1, (down, across)).astype(np.float32))
        smooth = small.resize((width_px, height_px), Image.Resampling.BICUBIC)
        total += np.asarray(smooth) * 0.5**octave
    return total


def gradient(height_px: int, *stops: tuple[float, RGB]) -> Floats:
    """Colours [height, 1, 3] down the picture through `(share of the height, colour)` stops."""
    y = np.linspace(0, 1, height_px)
    at = [share for share, _ in stops]
    channels = [np.interp(y, at, [rgb[c] for _, rgb in stops]) for c in range(3)]
    return np.stack(channels, axis=-1)[:, None, :].astype(np.float32)


def image_of(pixels: Floats) -> Image.Image:
    """The RGB picture of colours [height, width, 3] in 0..255; what lies outside is clipped."""
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def textured(colours: Floats, *noises: tuple[Floats, float]) -> Floats:
    """Colours [height, 1 or width, 3], lit and shaded by noises [height, width] times strengths."""
    light = sum((noise * strength for noise, strength in noises), np.float32(0))
    return colours + np.asarray(light, dtype=np.float32)[:, :, None]


def below(height_px: int, horizon: float, texture: Floats) -> Floats:
    """`texture` under the horizon and nothing above it."""
    rows = np.arange(height_px)[:, None] >= horizon * height_px
    return texture * rows
