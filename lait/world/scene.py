"""What is in a picture of the demo world, and what holds between its things?"""

import random
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from lait.world.layout import CONTAINERS, RIDERS, SUPPORTS, Arrangement, place
from lait.world.relation import Box, Relation, relations_between
from lait.world.vocabulary import (
    BACKGROUNDS,
    COLOURS,
    KINDS,
    PATTERNS,
    SIZES,
    Background,
    Colour,
    Kind,
    Pattern,
    Size,
)

_COUNTS: Final = (1, 2, 3, 4, 5)
_COUNT_WEIGHTS: Final = (22, 36, 26, 11, 5)
_ASPECTS: Final = (4 / 3, 3 / 2, 1.0, 3 / 4, 16 / 9)
_ASPECT_WEIGHTS: Final = (45, 25, 12, 8, 10)
_ARRANGEMENTS: Final[tuple[Arrangement, ...]] = ("free", "on", "inside")
_ARRANGEMENT_WEIGHTS: Final = (70, 18, 12)
_REPEAT_KIND = 0.18
_PATTERN = 0.35
_CAMOUFLAGE: Final = MappingProxyType[Background, Colour](
    {"snow": "white", "night": "black", "field": "green"}
)
"""Colours that would not be seen in front of a background."""

__all__ = ["Box", "Relation", "Scene", "Thing", "make_scene"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One drawn object."""

    kind: Kind
    colour: Colour
    size: Size
    """By its share of the picture's area; see `layout.SIZE_AREAS`."""
    pattern: Pattern | None
    box: Box
    """Tight, (x1, y1, x2, y2) in 0..1 of the picture's width and height."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything that is true of one picture."""

    seed: int
    background: Background
    aspect: float
    """Width over height at which things are drawn unstretched."""
    things: tuple[Thing, ...]
    """1 to 5, no two alike in both kind and colour; painted in this order."""
    relations: tuple[Relation, ...]
    """Every relation between two things, with its reciprocal; computed from the boxes."""

    def size_px(self, long_side_px: int) -> tuple[int, int]:
        """Width and height of an unstretched picture whose longer side is `long_side_px`."""
        if self.aspect >= 1:
            return long_side_px, round(long_side_px / self.aspect)
        return round(long_side_px * self.aspect), long_side_px


def make_scene(seed: int) -> Scene:
    """The scene of a seed; the same seed gives the same scene for ever."""
    rng = random.Random(seed)
    background = rng.choice(BACKGROUNDS)
    aspect = rng.choices(_ASPECTS, _ASPECT_WEIGHTS)[0]
    count = rng.choices(_COUNTS, _COUNT_WEIGHTS)[0]
    arrangement = rng.choices(_ARRANGEMENTS, _ARRANGEMENT_WEIGHTS)[0] if count > 1 else "free"
    kinds = _kinds(rng, count, arrangement)
    colours = rng.sample([c for c in COLOURS if c != _CAMOUFLAGE.get(background)], count)
    spots = place(rng, kinds, _sizes(rng, count, arrangement), aspect, arrangement)
    things = tuple(
        Thing(
            kind=kind,
            colour=colour,
            size=spot.size,
            pattern=rng.choice(PATTERNS) if rng.random() < _PATTERN else None,
            box=spot.box,
        )
        for kind, colour, spot in zip(kinds, colours, spots, strict=True)
    )
    relations = relations_between([thing.box for thing in things])
    return Scene(
        seed=seed, background=background, aspect=aspect, things=things, relations=relations
    )


def _kinds(rng: random.Random, count: int, arrangement: Arrangement) -> list[Kind]:
    """What the things are; kinds sometimes repeat, so that there is something to count."""
    kinds: list[Kind] = []
    if arrangement == "on":
        kinds += [rng.choice(SUPPORTS), rng.choice(RIDERS)]
    elif arrangement == "inside":
        kinds += [rng.choice(CONTAINERS)]
    while len(kinds) < count:
        repeat = bool(kinds) and rng.random() < _REPEAT_KIND
        pool = kinds if repeat else [kind for kind in KINDS if kind not in kinds]
        kinds.append(rng.choice(pool))
    return kinds


def _sizes(rng: random.Random, count: int, arrangement: Arrangement) -> list[Size]:
    """Sizes that fit into one picture together: the more things, the smaller."""
    weights = {1: (15, 35, 50), 2: (25, 40, 35), 3: (30, 50, 20)}.get(count, (50, 50, 0))
    sizes = rng.choices(SIZES, weights, k=count)
    if arrangement == "inside":
        sizes[0] = "large"
    elif arrangement == "on":
        sizes[0], sizes[1] = rng.choice(("medium", "large")), rng.choice(("small", "medium"))
    return sizes
