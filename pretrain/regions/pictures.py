"""How do image bytes become a picture that is no larger than a network needs?"""

import io
from collections.abc import Callable, Sequence

from PIL import Image

from pretrain.regions.regions import Missing, Regions
from shards.sample import Sample

MAX_PIXELS = 100_000_000
_MAX_DETAIL_CHARS = 200


def opened(image: bytes, side_px: int) -> Image.Image:
    """The picture in RGB, shrunk where both its sides stay at least `side_px` long.

    Raises:
        ValueError: no picture, or one of too many pixels.
    """
    try:
        with Image.open(io.BytesIO(image), formats=("JPEG", "PNG", "WEBP")) as file:
            if file.width * file.height > MAX_PIXELS:
                raise ValueError(f"image of {file.width} x {file.height} pixels is too large")
            file.draft("RGB", (side_px, side_px))
            picture = file.convert("RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"image cannot be decoded: {error}") from error
    # A batch of pictures waits in memory: what no network will see need not.
    factor = min(picture.size) // side_px
    return picture.reduce(factor) if factor > 1 else picture


def with_pictures(
    samples: Sequence[Sample],
    side_px: int,
    see: Callable[[list[Sample], list[Image.Image]], list[Regions]],
) -> list[Regions | Missing]:
    """What `see` says about the samples that can be decoded; why not, for the others."""
    found: list[Image.Image | Missing] = [_tried(sample.image, side_px) for sample in samples]
    pairs = [
        (sample, one)
        for sample, one in zip(samples, found, strict=True)
        if not isinstance(one, Missing)
    ]
    seen = iter(see([s for s, _ in pairs], [p for _, p in pairs]) if pairs else [])
    return [one if isinstance(one, Missing) else next(seen) for one in found]


def _tried(image: bytes, side_px: int) -> Image.Image | Missing:
    try:
        return opened(image, side_px)
    except ValueError as error:
        return Missing(reason="damaged", detail=str(error)[:_MAX_DETAIL_CHARS])
