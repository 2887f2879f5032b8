"""What does the ground, the sky or the wall behind the things look like?"""

from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from lait.world.texture import RGB, below, clouds, gradient, grain, image_of, textured
from lait.world.vocabulary import Background

_PLAIN: Final[tuple[RGB, ...]] = (
    (226, 219, 205),
    (205, 214, 222),
    (214, 222, 208),
    (228, 212, 214),
    (200, 200, 204),
)


def backdrop(
    background: Background, *, width_px: int, height_px: int, rng: np.random.Generator
) -> Image.Image:
    """An RGB picture of the place alone, softly out of focus as behind a subject."""
    paint = {
        "beach": _beach,
        "city": _city,
        "desert": _desert,
        "field": _field,
        "night": _night,
        "plain": _plain,
        "room": _room,
        "snow": _snow,
    }[background]
    return paint(width_px, height_px, rng)


def _ridge(
    draw: ImageDraw.ImageDraw,
    size: tuple[int, int],
    rng: np.random.Generator,
    top: float,
    fill: RGB,
) -> None:
    """Hills whose line runs about `top` (share of the height), filled to the lower edge."""
    width, height = size
    phases, waves = rng.uniform(0, 6.3, 3), rng.uniform(1.5, 6, 3)
    xs = np.linspace(0, 1, 40)
    line = sum(
        0.018 * np.sin(xs * wave * 2 + phase) for wave, phase in zip(waves, phases, strict=True)
    )
    points = [(float(x) * width, (top + float(y)) * height) for x, y in zip(xs, line, strict=True)]
    draw.polygon([*points, (width, height), (0, height)], fill=fill)


def _beach(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    horizon, shore = rng.uniform(0.3, 0.38), rng.uniform(0.54, 0.62)
    sky = gradient(
        height,
        *((0, (104, 170, 224)), (horizon - 0.001, (206, 228, 240)), (horizon, (40, 120, 158))),
        *(
            (shore - 0.02, (110, 190, 200)),
            (shore, (236, 240, 232)),
            (shore + 0.02, (226, 202, 152)),
        ),
        (1, (238, 214, 168)),
    )
    sand = below(height, shore, grain(width, height, rng))
    waves = below(height, horizon, clouds(width, height, rng, (4, 40)))
    return image_of(textured(sky, (sand, 9), (waves, 9), (clouds(width, height, rng, (4, 9)), 8)))


def _city(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    sky = gradient(height, (0, (168, 184, 200)), (0.6, (220, 222, 220)), (1, (220, 222, 220)))
    image = image_of(textured(sky, (clouds(width, height, rng, (3, 8)), 10)))
    draw = ImageDraw.Draw(image)
    street = round(height * 0.76)
    x = -int(rng.integers(20))
    while x < width:
        wide, tall = int(width * rng.uniform(0.1, 0.19)), int(height * rng.uniform(0.32, 0.7))
        grey = int(rng.integers(120, 172))
        draw.rectangle((x, street - tall, x + wide, street), fill=(grey, grey, grey + 6))
        step = max(6, wide // 5)
        for window_x in range(x + step // 2, x + wide - step // 2, step):
            for window_y in range(street - tall + step, street - step, round(step * 1.4)):
                lit = rng.random() < 0.25
                pane = (222, 212, 168) if lit else (grey - 34, grey - 26, grey - 16)
                draw.rectangle(
                    (window_x, window_y, window_x + step // 2, window_y + step // 1.5), fill=pane
                )
        x += wide + 2
    draw.rectangle((0, street, width, height), fill=(112, 112, 116))
    draw.rectangle((0, street, width, street + height * 0.05), fill=(176, 174, 170))
    for dash in range(0, width, max(8, width // 7)):
        y = round(height * 0.89)
        draw.rectangle((dash, y, dash + width // 14, y + height * 0.015), fill=(226, 222, 200))
    road = below(height, 0.76, grain(width, height, rng))
    blurred = image.filter(ImageFilter.BoxBlur(1))
    return image_of(textured(np.asarray(blurred, dtype=np.float32), (road, 7)))


def _desert(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    sky = gradient(height, (0, (126, 180, 226)), (0.5, (244, 226, 196)), (1, (244, 226, 196)))
    image = image_of(np.broadcast_to(sky, (height, width, 3)))
    draw = ImageDraw.Draw(image)
    for top, fill in ((0.42, (222, 178, 122)), (0.52, (210, 160, 102)), (0.64, (226, 182, 122))):
        _ridge(draw, image.size, rng, top + rng.uniform(-0.03, 0.03), fill)
    ripples = clouds(width, height, rng, (5, 12, 60))
    return image_of(
        textured(np.asarray(image, dtype=np.float32), (ripples, 9), (grain(width, height, rng), 5))
    )


def _field(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    horizon = rng.uniform(0.36, 0.44)
    sky = gradient(height, (0, (92, 156, 228)), (horizon, (214, 232, 246)), (1, (214, 232, 246)))
    puffs = np.clip(clouds(width, height, rng, (4, 9, 18)), 0, 1)
    image = image_of(textured(sky, (puffs, 55)))
    draw = ImageDraw.Draw(image)
    _ridge(draw, image.size, rng, horizon, (96, 140, 96))
    _ridge(draw, image.size, rng, horizon + 0.07, (112, 166, 74))
    grass = below(height, horizon + 0.1, grain(width, height, rng))
    patches = below(height, horizon + 0.05, clouds(width, height, rng, (6, 30)))
    return image_of(textured(np.asarray(image, dtype=np.float32), (grass, 15), (patches, 14)))


def _night(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    sky = gradient(height, (0, (14, 20, 52)), (0.7, (44, 52, 100)), (1, (62, 62, 104)))
    image = image_of(textured(sky, (clouds(width, height, rng, (4, 9)), 6)))
    draw = ImageDraw.Draw(image)
    for x, y, r in zip(
        rng.uniform(0, width, 90),
        rng.uniform(0, height * 0.7, 90),
        rng.uniform(0.4, 1.5, 90),
        strict=True,
    ):
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(224, 226, 244))
    moon_x, moon_y, radius = width * rng.uniform(0.1, 0.9), height * 0.12, min(width, height) * 0.06
    moon = (moon_x - radius, moon_y - radius, moon_x + radius, moon_y + radius)
    draw.ellipse(moon, fill=(238, 234, 208))
    _ridge(draw, image.size, rng, 0.74, (30, 38, 58))
    ground = below(height, 0.74, grain(width, height, rng))
    return image_of(textured(np.asarray(image, dtype=np.float32), (ground, 6)))


def _plain(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    base = np.asarray(_PLAIN[int(rng.integers(len(_PLAIN)))], dtype=np.float32)
    wall = np.broadcast_to(base, (height, 1, 3)).astype(np.float32)
    paper = (clouds(width, height, rng, (3, 6)), 9.0), (grain(width, height, rng), 3.0)
    return image_of(textured(wall, *paper))


def _room(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    wall: RGB = ((226, 208, 186), (204, 212, 200), (214, 200, 208))[int(rng.integers(3))]
    image = Image.new("RGB", (width, height), wall)
    draw = ImageDraw.Draw(image)
    floor = round(height * rng.uniform(0.64, 0.72))
    for x in range(0, width, max(6, width // 18)):
        draw.line(
            (x, 0, x, floor), fill=tuple(value - 9 for value in wall), width=max(2, width // 90)
        )
    draw.rectangle((0, floor, width, height), fill=(150, 100, 62))
    board = max(7, height // 22)
    for row, y in enumerate(range(floor, height, board)):
        tint = int(rng.integers(-12, 12))
        draw.rectangle((0, y, width, y + board - 2), fill=(158 + tint, 108 + tint, 68 + tint))
        for x in range((row % 3) * width // 9, width, width // 3):
            draw.line((x, y, x, y + board), fill=(118, 76, 44), width=2)
    draw.rectangle((0, floor - height * 0.03, width, floor), fill=(240, 236, 228))
    shade = clouds(width, height, rng, (3, 6))
    return image_of(
        textured(np.asarray(image, dtype=np.float32), (shade, 10), (grain(width, height, rng), 3))
    )


def _snow(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    sky = gradient(height, (0, (158, 178, 200)), (0.5, (208, 216, 226)), (1, (208, 216, 226)))
    image = image_of(textured(sky, (clouds(width, height, rng, (3, 8)), 8)))
    draw = ImageDraw.Draw(image)
    line = height * 0.5
    for _ in range(9):
        x, tall = rng.uniform(0, width), height * rng.uniform(0.08, 0.17)
        draw.polygon(
            (x - tall * 0.3, line, x + tall * 0.3, line, x, line - tall), fill=(104, 124, 128)
        )
    _ridge(draw, image.size, rng, 0.48, (228, 234, 242))
    _ridge(draw, image.size, rng, 0.62, (242, 245, 250))
    image = image.filter(ImageFilter.BoxBlur(1))
    draw = ImageDraw.Draw(image)
    for x, y, r in zip(
        rng.uniform(0, width, 110),
        rng.uniform(0, height, 110),
        rng.uniform(0.8, 2.6, 110),
        strict=True,
    ):
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(252, 253, 255))
    drifts = clouds(width, height, rng, (5, 14))
    return image_of(
        textured(np.asarray(image, dtype=np.float32), (drifts, 6), (grain(width, height, rng), 3))
    )
