"""Is it a picture of something at all? In this version: not a single flat colour."""

from dataclasses import dataclass
from typing import ClassVar

from filter.verdict import Drop, ImageFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Uniform:
    """Drops images that are almost one colour: placeholders, spacers, failed renderings.

    The threshold is meant to be high. A night sky, snow or a studio wall fills most of a good
    photograph, yet sensor noise and shading spread it over several quantised colours.
    """

    stage: ClassVar[str] = "natural"
    max_share: float

    def __call__(self, image: ImageFacts, /) -> Drop | None:
        if image.uniformity <= self.max_share:
            return None
        return Drop(reason="uniform", value=image.uniformity, threshold=self.max_share)
