"""Where do the things of a scene go, so that each is seen whole?"""

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from lait.world.relation import Box, area
from lait.world.vocabulary import Kind, Size

Arrangement = Literal["free", "on", "inside"]
"""How the second thing lies to the first."""

SIZE_AREAS: Final = MappingProxyType[Size, tuple[float, float]](
    {"small": (0.034, 0.045), "medium": (0.075, 0.1), "large": (0.16, 0.22)}
)
"""Shares of the picture's area that a thing of each size is drawn with."""
_SMALL_BELOW, _LARGE_FROM = 0.06, 0.13
"""Midway between the ranges: where one size's name ends and the next begins."""

SHAPES: Final = MappingProxyType[Kind, float](
    {
        "ball": 1.0,
        "balloon": 0.62,
        "bird": 1.25,
        "boat": 1.05,
        "car": 1.9,
        "cat": 0.9,
        "cup": 1.1,
        "fish": 1.6,
        "flower": 0.65,
        "heart": 1.08,
        "house": 1.05,
        "mushroom": 0.95,
        "rocket": 0.5,
        "square": 1.0,
        "star": 1.05,
        "tree": 0.75,
        "triangle": 1.12,
        "umbrella": 1.0,
    }
)
"""Width over height, in pixels, of each kind."""
SUPPORTS: Final[tuple[Kind, ...]] = ("ball", "car", "house", "mushroom", "square")
"""Kinds that another thing can be on."""
RIDERS: Final[tuple[Kind, ...]] = ("bird", "cat", "cup", "heart", "rocket", "star", "triangle")
CONTAINERS: Final[tuple[Kind, ...]] = ("square", "heart")
"""Kinds that have room for another thing inside."""
_HIGH: Final = frozenset[Kind]({"balloon", "bird", "rocket", "star", "heart", "triangle"})
"""Kinds that look at home in the sky."""

_MARGIN = 0.025
_GAP = 0.025
_MAX_SIDE = 0.88
_INSIDE_SIDE = 0.48
"""Side of a thing inside another, as a share of the outer one's shorter side."""
_TRIES = 40
_SHRINK = 0.985
"""Areas after a failed attempt, as a share of those before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where one thing is, and the size that follows from its area."""

    size: Size
    box: Box


def size_of(box: Box) -> Size:
    """The size whose range of areas the box falls in."""
    share = area(box)
    if share < _SMALL_BELOW:
        return "small"
    return "large" if share >= _LARGE_FROM else "medium"


def place(
    rng: random.Random,
    kinds: Sequence[Kind],
    sizes: Sequence[Size],
    aspect: float,
    arrangement: Arrangement,
) -> list[Spot]:
    """A spot for each kind: apart from each other, except for what `arrangement` joins.

    `sizes` are wishes: when the things do not fit, all are made a little smaller until they do.
    """
    for attempt in itertools.count():
        boxes = _try_place(rng, kinds, sizes, aspect, arrangement, _SHRINK**attempt)
        if boxes is not None:
            return [Spot(size=size_of(box), box=box) for box in boxes]
    raise AssertionError("unreachable: things that shrink fit at last")


def _try_place(
    rng: random.Random,
    kinds: Sequence[Kind],
    sizes: Sequence[Size],
    aspect: float,
    arrangement: Arrangement,
    scale: float,
) -> list[Box] | None:
    boxes: list[Box] = []
    for index, (kind, size) in enumerate(zip(kinds, sizes, strict=True)):
        width, height = _sides(kind, rng.uniform(*SIZE_AREAS[size]) * scale, aspect)
        box: Box | None
        if index == 1 and arrangement == "on":
            box = _on_top(rng, boxes[0], width, height)
        elif index == 1 and arrangement == "inside":
            box = _within(boxes[0], SHAPES[kind] / aspect)
        else:
            box = _free_spot(rng, kind, width, height, boxes)
        if box is None:
            return None
        boxes.append(box)
    return boxes


def _sides(kind: Kind, share: float, aspect: float) -> tuple[float, float]:
    """Relative width and height of an unstretched `kind` that covers `share` of the picture."""
    shape = SHAPES[kind] / aspect
    width, height = (share * shape) ** 0.5, (share / shape) ** 0.5
    shrink = min(1.0, _MAX_SIDE / max(width, height))
    return width * shrink, height * shrink


def _box(x: float, y: float, width: float, height: float) -> Box:
    return (round(x, 4), round(y, 4), round(x + width, 4), round(y + height, 4))


def _free_spot(
    rng: random.Random, kind: Kind, width: float, height: float, taken: Sequence[Box]
) -> Box | None:
    """A place clear of `taken`: birds and balloons rather high, cats and cars rather low."""
    room_x, room_y = 1 - 2 * _MARGIN - width, 1 - 2 * _MARGIN - height
    for _ in range(_TRIES):
        y_share = rng.random() ** (1.0 if rng.random() < 0.4 else 2.5)
        y = _MARGIN + room_y * (y_share if kind in _HIGH else 1 - y_share)
        box = _box(_MARGIN + room_x * rng.random(), y, width, height)
        if all(_apart(box, other) for other in taken):
            return box
    return None


def _apart(a: Box, b: Box) -> bool:
    return a[0] >= b[2] + _GAP or b[0] >= a[2] + _GAP or a[1] >= b[3] + _GAP or b[1] >= a[3] + _GAP


def _on_top(rng: random.Random, support: Box, width: float, height: float) -> Box | None:
    middle = (support[0] + support[2]) / 2 + rng.uniform(-0.1, 0.1) * (support[2] - support[0])
    box = _box(middle - width / 2, support[1] - height + 0.005, width, height)
    return box if box[0] >= 0 and box[1] >= 0 and box[2] <= 1 else None


def _within(outer: Box, shape: float) -> Box:
    """The middle of `outer`, for a thing of relative width over height `shape`."""
    outer_width, outer_height = outer[2] - outer[0], outer[3] - outer[1]
    height = _INSIDE_SIDE * min(outer_height, outer_width / shape)
    width = height * shape
    x, y = (outer[0] + outer[2] - width) / 2, (outer[1] + outer[3] - height) / 2
    return _box(x, y, width, height)
