"""What does a scene look like, and as which bytes?"""

import io
from typing import Literal

import numpy as np
from PIL import Image, ImageFilter

from lait.world.artwork import NON_NATURAL, NonNatural, non_natural
from lait.world.backdrop import backdrop
from lait.world.decoys import DECOYS, Decoy, decoy
from lait.world.drawing import COLOUR_RGB, RGB, draw_thing
from lait.world.scene import Scene, Thing
from lait.world.texture import grain

__all__ = [
    "DECOYS",
    "NON_NATURAL",
    "Decoy",
    "NonNatural",
    "decoy",
    "encode",
    "non_natural",
    "render",
]

_HUE_JITTER = 9
"""Colours of two pictures of one scene differ by up to this much per channel (of 255)."""
_BLUR_SHRINK = 4
"""Shadows are blurred at a quarter of the size: they are soft anyway."""


def render(scene: Scene, *, width_px: int, height_px: int, seed: int) -> Image.Image:
    """The scene as an RGB picture; `seed` varies the place, the light and the grain, not the facts.

    Boxes are kept to the pixel. A size whose shape differs from `scene.aspect` stretches things.
    """
    rng = np.random.default_rng([scene.seed, seed])
    image = backdrop(scene.background, width_px=width_px, height_px=height_px, rng=rng)
    for thing in scene.things:
        _paint(image, thing, rng)
    return _developed(image, rng)


def _paint(image: Image.Image, thing: Thing, rng: np.random.Generator) -> None:
    x1, y1 = round(thing.box[0] * image.width), round(thing.box[1] * image.height)
    x2, y2 = round(thing.box[2] * image.width), round(thing.box[3] * image.height)
    jitter = rng.integers(-_HUE_JITTER, _HUE_JITTER + 1, 3)
    drawn = draw_thing(
        thing.kind,
        _jittered(COLOUR_RGB[thing.colour], jitter),
        thing.pattern,
        width_px=max(1, x2 - x1),
        height_px=max(1, y2 - y1),
        mirror=bool(rng.integers(2)),
    )
    _cast_shadow(image, drawn, x1, y1)
    image.paste(drawn, (x1, y1), drawn)


def _jittered(colour: RGB, jitter: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> RGB:
    red, green, blue = (int(np.clip(c + j, 0, 255)) for c, j in zip(colour, jitter, strict=True))
    return red, green, blue


def _cast_shadow(image: Image.Image, drawn: Image.Image, x: int, y: int) -> None:
    """A soft shadow to the lower right, so that things stand out from what is behind them."""
    pad = 4
    small = drawn.getchannel("A").resize(
        (max(1, drawn.width // _BLUR_SHRINK), max(1, drawn.height // _BLUR_SHRINK)),
        Image.Resampling.BOX,
    )
    mask = Image.new("L", (small.width + 2 * pad, small.height + 2 * pad), 0)
    mask.paste(small.point(lambda value: value * 0.5), (pad, pad))
    soft = mask.filter(ImageFilter.BoxBlur(1.5)).resize(
        (mask.width * _BLUR_SHRINK, mask.height * _BLUR_SHRINK), Image.Resampling.BILINEAR
    )
    shift = max(2, drawn.height // 40)
    corner = (x - pad * _BLUR_SHRINK + shift, y - pad * _BLUR_SHRINK + shift)
    image.paste((18, 18, 30), corner, soft)


def _developed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Exposure, darker corners and sensor grain, as a camera adds them."""
    height, width = image.height, image.width
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    vignette = rng.uniform(0.94, 1.05) * (1 - rng.uniform(0.04, 0.14) * (x**2 + y**2))
    pixels = np.asarray(image, dtype=np.float32) * vignette.astype(np.float32)[:, :, None]
    pixels += (grain(width, height, rng) * rng.uniform(1.5, 3.5))[:, :, None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def encode(
    image: Image.Image,
    *,
    format: Literal["jpeg", "png", "webp"],  # noqa: A002 - the name that Pillow's save uses
    quality: int,
) -> bytes:
    """The picture as a file; the same picture and options give the same bytes.

    `quality` is 1..100; PNG, which loses nothing, does not use it.
    """
    out = io.BytesIO()
    if format == "png":
        image.save(out, format="PNG", compress_level=2)
    elif format == "webp":
        image.save(out, format="WEBP", quality=quality, method=2)
    else:
        image.convert("RGB").save(out, format="JPEG", quality=quality)
    return out.getvalue()
