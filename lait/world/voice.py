"""How does one writer name a thing and a place?"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from lait.world.claim import There
from lait.world.scene import Scene, Thing
from lait.world.vocabulary import (
    COLOUR_WORDS,
    NOUNS,
    PATTERN_WORDS,
    PLACES,
    SIZE_WORDS,
    article,
)

_SYNONYM = 0.4
"""How often a writer chooses among all names of a thing or colour instead of the usual one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """One writer: a source of chance and how much detail the writer gives, 0..1."""

    rng: random.Random
    detail: float

    def often(self, share: float) -> bool:
        """True with probability `share`, and surely so at full detail."""
        return self.rng.random() < share + (1 - share) * self.detail

    def word(self, words: Sequence[str]) -> str:
        """Mostly the first word, sometimes a synonym."""
        return self.rng.choice(words) if self.rng.random() < _SYNONYM else words[0]

    def name(self, thing: Thing) -> tuple[str, There]:
        """`large striped red ball` without article, and the claim that it makes."""
        size = None
        if self.rng.random() < (0.04 if thing.size == "medium" else 0.35 + 0.3 * self.detail):
            size = thing.size
        pattern = thing.pattern if self.often(0.5) else None
        colour = thing.colour if self.often(0.94) else None
        words = [self.rng.choice(PATTERN_WORDS[pattern])] if pattern else []
        if colour:
            words.insert(self.rng.randint(0, len(words)), self.word(COLOUR_WORDS[colour]))
        if size:
            words.insert(0, self.rng.choice(SIZE_WORDS[size]))
        words.append(self.word(NOUNS[thing.kind]))
        claim = There(kind=thing.kind, colour=colour, size=size, pattern=pattern)
        return " ".join(words), claim

    def a(self, thing: Thing) -> tuple[str, There]:
        """The name with its indefinite article."""
        words, claim = self.name(thing)
        return article(words), claim

    def place(self, scene: Scene) -> str:
        """Where the scene is, in one of several ways."""
        return self.rng.choice(PLACES[scene.background])
