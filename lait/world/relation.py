"""Which spatial relations hold between two boxes?

Every predicate is a function of the two boxes alone and keeps its truth when a picture is
stretched, so a caption stays true whatever the picture's width and height.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from lait.world.vocabulary import Predicate

Box = tuple[float, float, float, float]
"""(x1, y1, x2, y2) as shares of the picture's width and height, y downwards."""

_TOUCH = 0.02
"""Boxes that overlap by less are still beside or above each other."""
_NEAR = 0.08
"""Largest gap between neighbours, as a share of the picture's width."""
_BIGGER = 1.5
"""A thing is bigger when its box has at least this many times the other's area."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """`things[subject] predicate things[object]`."""

    subject: int
    predicate: Predicate
    object: int


def area(box: Box) -> float:
    """Share of the picture that the box covers, 0..1."""
    return (box[2] - box[0]) * (box[3] - box[1])


def _centre(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _mostly_sideways(a: Box, b: Box) -> bool:
    """The centres differ more along x than along y: people then say left or right."""
    (ax, ay), (bx, by) = _centre(a), _centre(b)
    return abs(ax - bx) > abs(ay - by)


def _left_of(a: Box, b: Box) -> bool:
    return a[2] <= b[0] + _TOUCH and _mostly_sideways(a, b)


def _above(a: Box, b: Box) -> bool:
    return a[3] <= b[1] + _TOUCH and not _mostly_sideways(a, b)


def _on(a: Box, b: Box) -> bool:
    """The bottom of `a` rests on the top of `b`, over its middle half."""
    middle = _centre(a)[0]
    quarter = (b[2] - b[0]) / 4
    return abs(a[3] - b[1]) <= _TOUCH and b[0] + quarter <= middle <= b[2] - quarter


def _inside(a: Box, b: Box) -> bool:
    return a[0] > b[0] and a[1] > b[1] and a[2] < b[2] and a[3] < b[3]


def _next_to(a: Box, b: Box) -> bool:
    gap = max(a[0], b[0]) - min(a[2], b[2])
    overlap = min(a[3], b[3]) - max(a[1], b[1])
    return -_TOUCH <= gap <= _NEAR and overlap >= 0.5 * min(a[3] - a[1], b[3] - b[1])


def _bigger_than(a: Box, b: Box) -> bool:
    return area(a) >= _BIGGER * area(b)


_RULES: Final = MappingProxyType[Predicate, Callable[[Box, Box], bool]](
    {
        "left of": _left_of,
        "right of": lambda a, b: _left_of(b, a),
        "above": _above,
        "below": lambda a, b: _above(b, a),
        "on": _on,
        "under": lambda a, b: _on(b, a),
        "inside": _inside,
        "around": lambda a, b: _inside(b, a),
        "next to": _next_to,
        "bigger than": _bigger_than,
        "smaller than": lambda a, b: _bigger_than(b, a),
    }
)


def holds(predicate: Predicate, a: Box, b: Box) -> bool:
    """Whether `a predicate b` is true."""
    return _RULES[predicate](a, b)


def relations_between(boxes: Sequence[Box]) -> tuple[Relation, ...]:
    """Every relation between two of the boxes, reciprocals included, in a fixed order."""
    return tuple(
        Relation(subject=i, predicate=predicate, object=j)
        for i, a in enumerate(boxes)
        for j, b in enumerate(boxes)
        if i != j
        for predicate in _RULES
        if holds(predicate, a, b)
    )
