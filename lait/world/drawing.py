"""How is one thing painted into its box, with colour, pattern, light and shadow?"""

from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np
from PIL import Image, ImageChops, ImageColor, ImageDraw

from lait.world.sketches import SKETCHES, Shape
from lait.world.vocabulary import Colour, Kind, Pattern

RGB = tuple[int, int, int]

COLOUR_RGB: Final = MappingProxyType[Colour, RGB](
    {
        "red": (212, 34, 38),
        "orange": (246, 130, 22),
        "yellow": (250, 212, 34),
        "green": (40, 150, 62),
        "blue": (32, 92, 214),
        "purple": (134, 52, 172),
        "white": (246, 246, 243),
        "black": (34, 34, 38),
    }
)
_SUPERSAMPLE = 2
_OUTLINE = 0.012
"""Width of the outline as a share of the thing's shorter side."""


def draw_thing(
    kind: Kind, colour: RGB, pattern: Pattern | None, *, width_px: int, height_px: int, mirror: bool
) -> Image.Image:
    """The thing alone as an RGBA picture of exactly the given size, touching all its sides."""
    size = (width_px * _SUPERSAMPLE, height_px * _SUPERSAMPLE)
    edge = max(_SUPERSAMPLE, round(_OUTLINE * min(size)))
    dark, light = _tones(colour)
    canvas = Image.new("RGBA", size, (*_mixed(dark, (0, 0, 0), 0.35), 0))
    body = Image.new("L", size, 0)
    ink, mask = ImageDraw.Draw(canvas), ImageDraw.Draw(body)
    paints = {"body": colour, "dark": dark, "light": light}
    for shape in SKETCHES[kind]:
        rgb = paints.get(shape.paint) or ImageColor.getrgb(shape.paint)[:3]
        _stroke(ink, shape, size, edge, (*rgb, 255), (*_mixed(rgb, (12, 12, 16), 0.55), 255))
        inside = 255 if shape.paint == "body" else 0
        _stroke(mask, shape, size, edge, inside, 0)
    if pattern is not None:
        texture = Image.merge("RGBA", (*_patterned(size, pattern, colour).split(), body))
        canvas.alpha_composite(texture)
    if mirror:
        canvas = canvas.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return _lit(canvas.reduce(_SUPERSAMPLE))


def _stroke(
    draw: ImageDraw.ImageDraw,
    shape: Shape,
    size: tuple[int, int],
    edge: int,
    fill: tuple[int, ...] | int,
    outline: tuple[int, ...] | int,
) -> None:
    points = [(x * (size[0] - 1), y * (size[1] - 1)) for x, y in shape.points]
    if shape.form == "oval":
        draw.ellipse(points, fill=fill, outline=outline, width=edge)
    elif shape.form == "polygon":
        draw.polygon(points, fill=fill)
        draw.line([*points, points[0]], fill=outline, width=edge, joint="curve")
    else:
        width = max(_SUPERSAMPLE, round(shape.width * min(size)))
        draw.line(points, fill=fill, width=width, joint="curve")


def _mixed(a: RGB, b: RGB, share: float) -> RGB:
    """`a` with `share` of `b` in it."""
    red, green, blue = (round(x * (1 - share) + y * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def _tones(colour: RGB) -> tuple[RGB, RGB]:
    """A darker and a lighter tone that both still read as the colour."""
    if sum(colour) < 160:  # black: details must be lighter to be seen at all
        return _mixed(colour, (255, 255, 255), 0.22), _mixed(colour, (255, 255, 255), 0.4)
    shade = 0.13 if _is_bright(colour) else 0.24
    return _mixed(colour, (0, 0, 0), shade), _mixed(colour, (255, 255, 255), 0.6)


def _is_bright(colour: RGB) -> bool:
    """Yellow and white: shades of them soon look like another colour."""
    return sum(colour) > 440


def _patterned(size: tuple[int, int], pattern: Pattern, colour: RGB) -> Image.Image:
    """The colour with a pattern in a contrasting tone, as an RGB picture of `size`."""
    tint = _mixed(colour, (255, 255, 255), 0.78)
    contrast = _mixed(colour, (70, 60, 60), 0.5) if _is_bright(colour) else tint
    image = Image.new("RGB", size, colour)
    draw = ImageDraw.Draw(image)
    step = max(6, round(min(size) / 6))
    if pattern == "striped":
        for x in range(-size[1], size[0], step):
            draw.line([(x, size[1]), (x + size[1] // 2, 0)], fill=contrast, width=round(step * 0.4))
    elif pattern == "spotted":
        radius = step * 0.27
        for row, y in enumerate(range(step // 2, size[1] + step, step)):
            for x in range(step // 2 + (row % 2) * (step // 2), size[0] + step, step):
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=contrast)
    else:
        cell = round(step * 0.75)
        for row in range(size[1] // cell + 1):
            for column in range(row % 2, size[0] // cell + 1, 2):
                x, y = column * cell, row * cell
                draw.rectangle((x, y, x + cell - 1, y + cell - 1), fill=contrast)
    return image


@lru_cache(maxsize=1)
def _light() -> Image.Image:
    """Light from the upper left: 1.0 there, falling to about 0.75 at the lower right."""
    y, x = np.mgrid[0:64, 0:64] / 63
    distance = np.hypot(x - 0.3, y - 0.22)
    return Image.fromarray((255 * (1 - 0.27 * np.clip(distance, 0, 1) ** 1.5)).astype(np.uint8))


def _lit(image: Image.Image) -> Image.Image:
    shade = _light().resize(image.size, Image.Resampling.BILINEAR)
    alpha = image.getchannel("A")
    lit = ImageChops.multiply(image.convert("RGB"), Image.merge("RGB", (shade, shade, shade)))
    lit.putalpha(alpha)
    return lit
