"""What do pictures look like that no camera took: charts, screenshots, logos, memes, maps?"""

import math
import random
from typing import Final, Literal

from PIL import Image, ImageDraw, ImageFont

from lait.world.drawing import COLOUR_RGB, RGB, draw_thing
from lait.world.layout import SHAPES
from lait.world.vocabulary import COLOURS, KINDS

NonNatural = Literal["chart", "screenshot", "logo", "clip_art", "meme", "map"]
Size = tuple[int, int]

NON_NATURAL: Final[tuple[NonNatural, ...]] = (
    "chart",
    "screenshot",
    "logo",
    "clip_art",
    "meme",
    "map",
)
_INK: Final = (40, 44, 52)
_FLAT: Final[tuple[RGB, ...]] = (
    (31, 119, 180),
    (255, 127, 14),
    (44, 160, 44),
    (214, 39, 40),
    (148, 103, 189),
    (23, 190, 207),
)
_BRANDS: Final = ("Novaro", "Lumetta", "Kestrel & Co", "Bluepine", "Orbita", "Tandem", "Fernway")
# fmt: off
_WORDS: Final = (
    "report", "update", "sales", "north", "region", "total", "weekly", "order", "customer",
    "status", "open", "review", "project", "budget", "team", "plan", "invoice", "shipping",
    "account", "settings", "message", "search", "result", "view", "export",
)
# fmt: on
_JOKES: Final = (
    ("WHEN IT IS MONDAY", "AND THE COFFEE IS GONE"),
    ("ONE DOES NOT SIMPLY", "CLOSE ALL THE TABS"),
    ("I SAID FIVE MINUTES", "THREE HOURS AGO"),
    ("NOT SURE IF WEEKEND", "OR JUST LOST"),
    ("KEEP CALM", "AND ADD MORE TESTS"),
)
_TOWNS: Final = ("Ashford", "Milbrook", "Old Quay", "Harwick", "Stone Bay", "Elmere", "Port Lyle")


def non_natural(
    kind: NonNatural, seed: int, *, width_px: int = 640, height_px: int = 480
) -> Image.Image:
    """An RGB picture of a kind that the natural-image filter should drop; flat and noiseless."""
    rng = random.Random(f"{kind}:{seed}")
    paint = {
        "chart": _chart,
        "screenshot": _screenshot,
        "logo": logo,
        "clip_art": _clip_art,
        "meme": _meme,
        "map": _map,
    }[kind]
    return paint(rng, (width_px, height_px))


def font(size_px: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The typeface inside Pillow: the same on every machine."""
    return ImageFont.load_default(max(6, round(size_px)))


def _chart(rng: random.Random, size: Size) -> Image.Image:
    width, height = size
    image = Image.new("RGB", size, (255, 255, 255))
    draw = ImageDraw.Draw(image)
    heading = f"{rng.choice(_WORDS).title()} by {rng.choice(_WORDS)} {rng.randint(1995, 2024)}"
    draw.text((width * 0.08, height * 0.03), heading, fill=_INK, font=font(height * 0.05))
    left, top, right, bottom = width * 0.1, height * 0.16, width * 0.95, height * 0.88
    draw.rectangle((left, top, right, bottom), fill=rng.choice(((232, 238, 246), (238, 238, 232))))
    style = rng.choice(("bar", "line", "pie"))
    if style == "pie":
        _pie(rng, draw, (width * 0.3, top, width * 0.3 + bottom - top, bottom))
        return image
    for line in range(6):
        y = bottom - (bottom - top) * line / 5
        draw.line((left, y, right, y), fill=(214, 216, 220), width=1)
        draw.text((width * 0.03, y - 8), str(line * 20), fill=_INK, font=font(height * 0.03))
    count = rng.randint(4, 8)
    step = (right - left) / count
    for series in range(1 if style == "bar" else rng.randint(1, 3)):
        values = [bottom - (bottom - top) * rng.uniform(0.1, 0.95) for _ in range(count)]
        xs = [left + step * (index + 0.5) for index in range(count)]
        if style == "bar":
            for x, y in zip(xs, values, strict=True):
                draw.rectangle(
                    (x - step * 0.35, y, x + step * 0.35, bottom), fill=rng.choice(_FLAT)
                )
        else:
            draw.line(list(zip(xs, values, strict=True)), fill=_FLAT[series], width=4)
    draw.line((left, top, left, bottom, right, bottom), fill=_INK, width=2)
    return image


def _pie(
    rng: random.Random, draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float]
) -> None:
    angle = 0.0
    for colour in rng.sample(_FLAT, 5):
        end = angle + rng.uniform(40, 90)
        draw.pieslice(box, angle, min(end, 360), fill=colour, outline=(255, 255, 255), width=2)
        angle = end
    if angle < 360:
        draw.pieslice(box, angle, 360, fill=(127, 127, 127), outline=(255, 255, 255), width=2)


def _screenshot(rng: random.Random, size: Size) -> Image.Image:
    width, height = size
    image = Image.new("RGB", size, (246, 247, 249))
    draw = ImageDraw.Draw(image)
    bar = height * 0.07
    draw.rectangle((0, 0, width, bar), fill=rng.choice(_FLAT))
    for dot, colour in enumerate(((255, 95, 86), (255, 189, 46), (39, 201, 63))):
        draw.ellipse((12 + dot * 20, bar / 2 - 6, 24 + dot * 20, bar / 2 + 6), fill=colour)
    draw.rectangle((0, bar, width * 0.22, height), fill=(226, 229, 234))
    row = height * 0.06
    for line in range(int((height - bar) / row)):
        y = bar + row * (line + 0.3)
        draw.text((width * 0.03, y), rng.choice(_WORDS).title(), fill=_INK, font=font(row * 0.5))
        words = " ".join(rng.choice(_WORDS) for _ in range(rng.randint(4, 8)))
        draw.text((width * 0.26, y), words, fill=_INK, font=font(row * 0.5))
        draw.line((width * 0.24, y + row * 0.8, width, y + row * 0.8), fill=(222, 224, 228))
    draw.rounded_rectangle(
        (width * 0.8, height * 0.88, width * 0.96, height * 0.95), 6, fill=rng.choice(_FLAT)
    )
    draw.text((width * 0.85, height * 0.895), "OK", fill=(255, 255, 255), font=font(height * 0.035))
    return image


def logo(rng: random.Random, size: Size) -> Image.Image:
    """A flat mark and a brand name on one colour."""
    width, height = size
    light = rng.random() < 0.6
    image = Image.new("RGB", size, (255, 255, 255) if light else rng.choice(_FLAT))
    draw = ImageDraw.Draw(image)
    colour = rng.choice(_FLAT) if light else (255, 255, 255)
    side = min(height * 0.55, width * 0.24)
    x, y = width * 0.07, (height - side) / 2
    mark = rng.choice(("disc", "ring", "hexagon", "bars"))
    if mark == "disc":
        draw.pieslice((x, y, x + side, y + side), 40, 320, fill=colour)
    elif mark == "ring":
        draw.ellipse((x, y, x + side, y + side), outline=colour, width=max(2, round(side / 5)))
    elif mark == "hexagon":
        draw.regular_polygon((x + side / 2, y + side / 2, side / 2), 6, fill=colour)
    else:
        for bar, tall in enumerate((0.4, 0.7, 1.0)):
            left = x + side * bar / 3
            draw.rectangle((left, y + side * (1 - tall), left + side / 4, y + side), fill=colour)
    ink = _INK if light else colour
    face = font(min(height * 0.3, width * 0.1))
    draw.text((width * 0.36, height / 2), rng.choice(_BRANDS), anchor="lm", fill=ink, font=face)
    return image


def _clip_art(rng: random.Random, size: Size) -> Image.Image:
    width, height = size
    image = Image.new("RGB", size, (255, 255, 255))
    columns = rng.randint(1, 3)
    for column in range(columns):
        kind, colour = rng.choice(KINDS), rng.choice(COLOURS[:6])
        room_x, room_y = width / columns * 0.7, height * 0.6
        tall = min(room_y, room_x / SHAPES[kind])
        box = (round(tall * SHAPES[kind]), round(tall))
        drawn = draw_thing(
            kind, COLOUR_RGB[colour], None, width_px=box[0], height_px=box[1], mirror=False
        )
        x = round(width * (column + 0.5) / columns - box[0] / 2)
        image.paste(drawn, (x, (height - box[1]) // 2), drawn)
    draw = ImageDraw.Draw(image)
    draw.rectangle((4, 4, width - 5, height - 5), outline=rng.choice(_FLAT), width=5)
    return image


def _meme(rng: random.Random, size: Size) -> Image.Image:
    width, height = size
    first, second = rng.sample(_FLAT, 2)
    image = Image.new("RGB", size, first)
    draw = ImageDraw.Draw(image)
    rays, centre = 16, (width / 2, height / 2)
    reach = width + height
    for ray in range(0, rays, 2):
        angles = [2 * math.pi * (ray + step) / rays for step in (0, 1)]
        edge = [(centre[0] + reach * math.cos(a), centre[1] + reach * math.sin(a)) for a in angles]
        draw.polygon([centre, *edge], fill=second)
    upper, lower = rng.choice(_JOKES)
    for text, y in ((upper, height * 0.12), (lower, height * 0.86)):
        face = font(min(height * 0.11, width * 1.5 / len(text)))
        draw.text(
            (width / 2, y),
            text,
            anchor="mm",
            fill=(255, 255, 255),
            font=face,
            stroke_width=3,
            stroke_fill=(0, 0, 0),
        )
    return image


def _map(rng: random.Random, size: Size) -> Image.Image:
    width, height = size
    image = Image.new("RGB", size, (170, 211, 223))
    draw = ImageDraw.Draw(image)
    for _ in range(3):
        x, y = rng.uniform(0.2, 0.8) * width, rng.uniform(0.2, 0.8) * height
        coast = [
            (
                x + math.cos(turn * math.pi / 12) * width * rng.uniform(0.22, 0.34),
                y + math.sin(turn * math.pi / 12) * height * rng.uniform(0.22, 0.34),
            )
            for turn in range(24)
        ]
        draw.polygon(coast, fill=(242, 239, 226), outline=(148, 166, 170))
    for _ in range(rng.randint(4, 7)):
        road = [(rng.uniform(0, width), rng.uniform(0, height)) for _ in range(3)]
        draw.line(road, fill=(248, 190, 96), width=5)
    for town in rng.sample(_TOWNS, 5):
        x, y = rng.uniform(0.1, 0.8) * width, rng.uniform(0.1, 0.9) * height
        draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=(200, 60, 60))
        draw.text((x + 8, y - 8), town, fill=_INK, font=font(height * 0.035))
    return image
