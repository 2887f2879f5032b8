"""With which words does the demo world speak of what its pictures show?"""

from types import MappingProxyType
from typing import Final, Literal

Kind = Literal[
    "ball",
    "balloon",
    "bird",
    "boat",
    "car",
    "cat",
    "cup",
    "fish",
    "flower",
    "heart",
    "house",
    "mushroom",
    "rocket",
    "square",
    "star",
    "tree",
    "triangle",
    "umbrella",
]
Colour = Literal["red", "orange", "yellow", "green", "blue", "purple", "white", "black"]
Size = Literal["small", "medium", "large"]
Pattern = Literal["striped", "spotted", "checked"]
Background = Literal["beach", "city", "desert", "field", "night", "plain", "room", "snow"]
Predicate = Literal[
    "left of",
    "right of",
    "above",
    "below",
    "on",
    "under",
    "inside",
    "around",
    "next to",
    "bigger than",
    "smaller than",
]

KINDS: Final[tuple[Kind, ...]] = (
    "ball",
    "balloon",
    "bird",
    "boat",
    "car",
    "cat",
    "cup",
    "fish",
    "flower",
    "heart",
    "house",
    "mushroom",
    "rocket",
    "square",
    "star",
    "tree",
    "triangle",
    "umbrella",
)
COLOURS: Final[tuple[Colour, ...]] = (
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "white",
    "black",
)
SIZES: Final[tuple[Size, ...]] = ("small", "medium", "large")
PATTERNS: Final[tuple[Pattern, ...]] = ("striped", "spotted", "checked")
BACKGROUNDS: Final[tuple[Background, ...]] = (
    "beach",
    "city",
    "desert",
    "field",
    "night",
    "plain",
    "room",
    "snow",
)

RECIPROCAL: Final = MappingProxyType[Predicate, Predicate](
    {
        "left of": "right of",
        "right of": "left of",
        "above": "below",
        "below": "above",
        "on": "under",
        "under": "on",
        "inside": "around",
        "around": "inside",
        "next to": "next to",
        "bigger than": "smaller than",
        "smaller than": "bigger than",
    }
)
"""`a p b` holds exactly when `b RECIPROCAL[p] a` does."""

NOUNS: Final = MappingProxyType[Kind, tuple[str, ...]](
    {
        "ball": ("ball", "toy ball"),
        "balloon": ("balloon",),
        "bird": ("bird", "songbird"),
        "boat": ("boat", "sailing boat", "sailboat"),
        "car": ("car", "automobile"),
        "cat": ("cat", "kitty"),
        "cup": ("cup", "mug"),
        "fish": ("fish",),
        "flower": ("flower", "blossom"),
        "heart": ("heart", "heart shape"),
        "house": ("house", "cottage"),
        "mushroom": ("mushroom", "toadstool"),
        "rocket": ("rocket", "space rocket"),
        "square": ("square", "square block"),
        "star": ("star", "star shape"),
        "tree": ("tree",),
        "triangle": ("triangle", "triangle shape"),
        "umbrella": ("umbrella", "parasol"),
    }
)
"""The kind's own name first, then synonyms that name nothing else in the world."""

PLURALS: Final = MappingProxyType[Kind, str](
    {kind: {"fish": "fish"}.get(kind, f"{kind}s") for kind in KINDS}
)

COLOUR_WORDS: Final = MappingProxyType[Colour, tuple[str, ...]](
    {
        "red": ("red", "bright red", "crimson"),
        "orange": ("orange", "bright orange"),
        "yellow": ("yellow", "bright yellow"),
        "green": ("green", "leaf green"),
        "blue": ("blue", "deep blue"),
        "purple": ("purple", "violet"),
        "white": ("white", "pure white"),
        "black": ("black", "jet black"),
    }
)
SIZE_WORDS: Final = MappingProxyType[Size, tuple[str, ...]](
    {
        "small": ("small", "little", "tiny"),
        "medium": ("medium-sized",),
        "large": ("large", "big", "huge"),
    }
)
PATTERN_WORDS: Final = MappingProxyType[Pattern, tuple[str, ...]](
    {
        "striped": ("striped",),
        "spotted": ("spotted", "dotted"),
        "checked": ("checked", "checkered"),
    }
)

PLACES: Final = MappingProxyType[Background, tuple[str, ...]](
    {
        "beach": ("on the beach", "at a sandy beach by the sea", "at the seaside"),
        "city": ("in the city", "in a street of the city", "in front of tall buildings"),
        "desert": ("in the desert", "among the dunes of a desert", "in a dry desert"),
        "field": ("in a green field", "in a grassy meadow", "in front of green hills"),
        "night": ("at night", "under a starry night sky", "in the moonlight at night"),
        "plain": (
            "against a plain background",
            "in front of a plain wall",
            "on a plain backdrop",
        ),
        "room": ("in a room", "in a room with a wooden floor", "inside a room at home"),
        "snow": ("in the snow", "on a snowy winter day", "in a snowy landscape"),
    }
)
"""Phrases that say where a scene is, fit to follow a noun or a verb."""

POSES: Final = MappingProxyType[Kind, str](
    {
        "ball": "is lying",
        "balloon": "is floating",
        "bird": "is resting",
        "boat": "is standing",
        "car": "is parked",
        "cat": "is sitting",
        "cup": "is standing",
        "fish": "is lying",
        "flower": "is growing",
        "heart": "appears",
        "house": "is standing",
        "mushroom": "is growing",
        "rocket": "is standing",
        "square": "appears",
        "star": "appears",
        "tree": "is growing",
        "triangle": "appears",
        "umbrella": "is standing",
    }
)
"""How a thing of this kind is, wherever it is."""

PREDICATE_WORDS: Final = MappingProxyType[Predicate, tuple[str, ...]](
    {
        "left of": ("to the left of", "left of", "on the left side of"),
        "right of": ("to the right of", "right of", "on the right side of"),
        "above": ("above", "over"),
        "below": ("below", "beneath"),
        "on": ("on top of", "on"),
        "under": ("under", "underneath"),
        "inside": ("inside", "within"),
        "around": ("around",),
        "next to": ("next to", "beside", "close to"),
        "bigger than": ("bigger than", "larger than"),
        "smaller than": ("smaller than",),
    }
)
NUMBER_WORDS: Final = ("no", "one", "two", "three", "four", "five")


def article(phrase: str) -> str:
    """`phrase` with its indefinite article: "an orange cat", "a cat"."""
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"
