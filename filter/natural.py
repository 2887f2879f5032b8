"""Is it a picture of something at all: not flat, not black, not a blur, not a drawing or a table?

The thresholds are meant to be far out. A night sky, snow or fog fills most of a good photograph;
what falls here is what no person would call one.
"""

from dataclasses import dataclass
from typing import ClassVar

from filter.verdict import Drop, ImageFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Uniform:
    """Drops images that are almost one colour: placeholders, spacers, failed renderings.

    Sensor noise and shading spread even a studio wall over several quantised colours.
    """

    stage: ClassVar[str] = "natural"
    max_share: float

    def __call__(self, image: ImageFacts, /) -> Drop | None:
        if image.uniformity <= self.max_share:
            return None
        return Drop(reason="uniform", value=image.uniformity, threshold=self.max_share)


@dataclass(frozen=True, slots=True, kw_only=True)
class TooDark:
    """Drops images of which not even the lightest hundredth is light."""

    stage: ClassVar[str] = "natural"
    min_brightest: int

    def __call__(self, image: ImageFacts, /) -> Drop | None:
        if image.brightest is None or image.brightest >= self.min_brightest:
            return None
        return Drop(reason="too_dark", value=image.brightest, threshold=self.min_brightest)


@dataclass(frozen=True, slots=True, kw_only=True)
class TooLight:
    """Drops images of which not even the darkest hundredth is dark."""

    stage: ClassVar[str] = "natural"
    max_darkest: int

    def __call__(self, image: ImageFacts, /) -> Drop | None:
        if image.darkest is None or image.darkest <= self.max_darkest:
            return None
        return Drop(reason="too_light", value=image.darkest, threshold=self.max_darkest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blurred:
    """Drops images without one sharp place: enlarged previews, lazy placeholders."""

    stage: ClassVar[str] = "natural"
    min_sharpness: int

    def __call__(self, image: ImageFacts, /) -> Drop | None:
        if image.sharpness is None or image.sharpness >= self.min_sharpness:
            return None
        return Drop(reason="blurred", value=image.sharpness, threshold=self.min_sharpness)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotNatural:
    """Drops charts, tables, diagrams, logos, screenshots (LAIT step 2), by a model's score."""

    stage: ClassVar[str] = "natural"
    min_natural: float

    def __call__(self, image: ImageFacts, /) -> Drop | None:
        if image.natural is None or image.natural >= self.min_natural:
            return None
        return Drop(reason="not_natural", value=image.natural, threshold=self.min_natural)
