"""Does a picture show the colours that its text names? Few tower features say it as plainly.

Eleven basic colour terms (Berlin and Kay 1969), each a soft region of hue, saturation and value
(HSV). Thresholds were set by looking; they need not be exact, since the calibration learns what a
share is worth.
"""

import re
from types import MappingProxyType
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from filter.relevance.preprocess import Pixels

Floats: TypeAlias = NDArray[np.float64]

COLOURS: Final = (
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "pink",
    "brown",
    "white",
    "black",
    "grey",
)
_ALSO: Final = MappingProxyType(
    {
        "crimson": "red",
        "dark": "black",
        "gold": "yellow",
        "golden": "yellow",
        "gray": "grey",
        "scarlet": "red",
        "silver": "grey",
        "violet": "purple",
        "wooden": "brown",
    }
)
_NUMBER: Final = MappingProxyType(
    {name: number for number, name in enumerate(COLOURS)}
    | {word: COLOURS.index(name) for word, name in _ALSO.items()}
)
_HUES: Final = MappingProxyType(
    # name: (centre, half width, least value), in degrees and 0..1
    {
        "red": (355, 18, 0.15),
        "orange": (28, 14, 0.6),
        "yellow": (52, 14, 0.5),
        "green": (115, 40, 0.15),
        "blue": (220, 32, 0.15),
        "purple": (280, 22, 0.15),
    }
)
_STRIDE: Final = 4
"""Every fourth pixel of every fourth row tells the shares well enough."""
_FLOOR: Final = 0.003
"""A share below this is as good as none: the logarithm is taken above it."""
_WORD: Final = re.compile(r"[a-z]+")


def named_colours(text: str) -> tuple[int, ...]:
    """Numbers (into `COLOURS`) of the colours a text names, each once."""
    words = _WORD.findall(text.lower())
    return tuple(dict.fromkeys(_NUMBER[word] for word in words if word in _NUMBER))


def log_colours(pixels: Pixels) -> Floats:
    """[K]: logarithm of the share of each of `COLOURS` in a uint8 [S, S, 3] picture."""
    shares = _memberships(pixels[::_STRIDE, ::_STRIDE].reshape(-1, 3) / 255).mean(axis=0)
    return np.asarray(np.log(shares + _FLOOR))


def _memberships(rgb_Q3: Floats) -> Floats:
    """[Q, K]: how much each of Q pixels is of each colour, 0..1."""
    hue, saturation, value = _hsv(rgb_Q3)
    chroma = _ramp(saturation, 0.25, 0.55) * _ramp(value, 0.15, 0.35)
    pale = 1 - _ramp(saturation, 0.1, 0.3)
    columns = {
        name: _near(hue, centre, width) * chroma * (value > least)
        for name, (centre, width, least) in _HUES.items()
    }
    columns["pink"] = _near(hue, 330, 22) * _ramp(saturation, 0.15, 0.35) * (value > 0.6)
    dim = (value > 0.15) & (value < 0.65)
    columns["brown"] = _near(hue, 25, 20) * _ramp(saturation, 0.25, 0.45) * dim
    columns["white"] = pale * _ramp(value, 0.75, 0.9)
    columns["black"] = 1 - _ramp(value, 0.15, 0.3)
    columns["grey"] = pale * _ramp(value, 0.2, 0.3) * (1 - _ramp(value, 0.75, 0.85))
    return np.stack([columns[name] for name in COLOURS], axis=1)


def _hsv(rgb_Q3: Floats) -> tuple[Floats, Floats, Floats]:
    """Hue in degrees, saturation and value in 0..1."""
    red, green, blue = rgb_Q3.T
    value = rgb_Q3.max(axis=1)
    spread = value - rgb_Q3.min(axis=1)
    divisor = np.where(spread > 0, spread, 1.0)
    sector = np.where(
        value == red,
        ((green - blue) / divisor) % 6,
        np.where(value == green, (blue - red) / divisor + 2, (red - green) / divisor + 4),
    )
    return sector * 60, spread / np.where(value > 0, value, 1.0), value


def _near(hue: Floats, centre: float, width: float) -> Floats:
    """1 within half of `width` degrees, 0 beyond one and a half of it."""
    away = np.abs((hue - centre + 180) % 360 - 180)
    return np.asarray(np.clip(1.5 - away / width, 0, 1))


def _ramp(x: Floats, low: float, high: float) -> Floats:
    return np.asarray(np.clip((x - low) / (high - low), 0, 1))
