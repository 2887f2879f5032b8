"""Is the picture large enough, and of a shape that pictures have?"""

from dataclasses import dataclass
from typing import ClassVar

from filter.verdict import Drop, ImageFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class MinSide:
    """LAIT step 2: width AND height must be greater than `min_px`."""

    stage: ClassVar[str] = "size"
    min_px: int

    def __call__(self, image: ImageFacts, /) -> Drop | None:
        shorter_px = min(image.width_px, image.height_px)
        if shorter_px > self.min_px:
            return None
        return Drop(reason="min_side", value=shorter_px, threshold=self.min_px)


@dataclass(frozen=True, slots=True, kw_only=True)
class AspectRatio:
    """Drops strips: banners, rules, sprites. The longer side over the shorter."""

    stage: ClassVar[str] = "size"
    max_ratio: float

    def __call__(self, image: ImageFacts, /) -> Drop | None:
        sides_px = sorted((image.width_px, image.height_px))
        ratio = sides_px[1] / sides_px[0]
        if ratio <= self.max_ratio:
            return None
        return Drop(reason="aspect_ratio", value=ratio, threshold=self.max_ratio)
