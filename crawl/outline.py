"""What is a document flattened in reading order: its texts, headings, images and boxes?"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from lxml import etree


class Kind(IntEnum):
    """What a block of text is."""

    RUNNING = 0
    SHORT = 1
    LINKS = 2
    HEADING = 3
    CAPTION = 4


@dataclass(slots=True, eq=False)
class Box:
    """An element that has children: one step of the way from the root to an image."""

    element: etree._Element
    tag: str
    parent: "Box | None"
    order: int
    """Elements before it in the document."""
    depth: int
    n_chars: int
    """Characters of running text inside, once the walk has left the box."""
    n_images: int
    """Images inside, likewise."""

    def and_above(self) -> "Iterator[Box]":
        """This box, then the ones around it, up to the root."""
        box: Box | None = self
        while box is not None:
            yield box
            box = box.parent


class Seen(NamedTuple):
    """One image element, and where in the text it stands."""

    element: etree._Element
    attributes: dict[str, str]
    """Its attributes, names in lower case."""
    box: Box
    order: int
    """Elements before it in the document."""
    block: int
    """Index of the block it stands in or, between blocks, of the next one."""
    inside: bool
    """It stands in the middle of `block`: words of the block come before it."""


class Heading(NamedTuple):
    """One heading with words."""

    level: int
    text: str
    block: int
    """Index of the first block of the heading."""
    order: int
    """Elements before it in the document."""


@dataclass(slots=True, kw_only=True)
class Outline:
    """A document flattened in reading order. Block boundaries are kept, white space is folded."""

    blocks: list[str] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    images: list[Seen] = field(default_factory=list)
    n_chars: int = 0
    """Characters of all running text."""
