"""What do the images look like that pages show but are not about?"""

import random
from typing import Final, Literal

from PIL import Image, ImageDraw

from lait.world.artwork import font, logo
from lait.world.drawing import COLOUR_RGB, draw_thing
from lait.world.vocabulary import COLOURS, KINDS

Decoy = Literal["logo", "avatar", "advertisement", "sprite", "pixel", "banner"]

DECOYS: Final[tuple[Decoy, ...]] = (
    "logo",
    "avatar",
    "advertisement",
    "sprite",
    "pixel",
    "banner",
)
_AD_SIZES: Final = ((728, 90), (300, 250), (336, 280), (468, 60), (300, 600), (160, 600))
_OFFERS: Final = ("SALE", "50% OFF", "Buy now", "Try it free", "New in store", "Last chance")
_SKIN: Final = ((241, 208, 180), (224, 172, 132), (156, 104, 70), (104, 70, 48))


def decoy(kind: Decoy, seed: int) -> Image.Image:
    """An RGB picture in a size usual for its kind; an advertisement draws one of several sizes."""
    rng = random.Random(f"{kind}:{seed}")
    paint = {
        "logo": lambda rng: logo(rng, (rng.choice((180, 220, 260)), rng.choice((60, 72)))),
        "avatar": _avatar,
        "advertisement": _advertisement,
        "sprite": _sprite,
        "pixel": lambda rng: Image.new("RGB", (1, 1), (255, 255, 255)),
        "banner": _banner,
    }[kind]
    return paint(rng)


def _avatar(rng: random.Random) -> Image.Image:
    side = rng.choice((48, 64, 96))
    image = Image.new("RGB", (side, side), COLOUR_RGB[rng.choice(COLOURS[:6])])
    draw = ImageDraw.Draw(image)
    skin = rng.choice(_SKIN)
    draw.ellipse((side * 0.12, side * 0.66, side * 0.88, side * 1.4), fill=(70, 78, 96))
    draw.ellipse((side * 0.27, side * 0.12, side * 0.73, side * 0.46), fill=(60, 42, 30))
    draw.ellipse((side * 0.3, side * 0.2, side * 0.7, side * 0.72), fill=skin)
    for x in (0.41, 0.59):
        draw.ellipse(
            (side * (x - 0.03), side * 0.4, side * (x + 0.03), side * 0.47), fill=(30, 30, 36)
        )
    draw.arc(
        (side * 0.4, side * 0.46, side * 0.6, side * 0.62), 20, 160, fill=(130, 50, 50), width=2
    )
    return image


def _advertisement(rng: random.Random) -> Image.Image:
    width, height = rng.choice(_AD_SIZES)
    back, front = rng.sample(COLOURS[:6], 2)
    image = Image.new("RGB", (width, height), COLOUR_RGB[back])
    draw = ImageDraw.Draw(image)
    side = min(width, height)
    draw.regular_polygon((side * 0.45, side * 0.5, side * 0.38), 12, fill=COLOUR_RGB[front])
    face = font(min(side * 0.3, width * 0.13))
    middle = (width * 0.6, height * 0.5) if width > 2 * height else (width / 2, height * 0.5)
    draw.text(
        middle,
        rng.choice(_OFFERS),
        anchor="mm",
        font=face,
        fill=(255, 255, 255),
        stroke_width=2,
        stroke_fill=(20, 20, 20),
    )
    draw.rectangle((0, 0, width - 1, height - 1), outline=(20, 20, 20), width=2)
    return image


def _sprite(rng: random.Random) -> Image.Image:
    cell, count = 32, rng.randint(8, 14)
    image = Image.new("RGB", (cell * count, cell), (255, 255, 255))
    for index in range(count):
        kind, colour = rng.choice(KINDS), rng.choice(COLOURS[:6])
        icon = draw_thing(kind, COLOUR_RGB[colour], None, width_px=24, height_px=24, mirror=False)
        image.paste(icon, (index * cell + 4, 4), icon)
    return image


def _banner(rng: random.Random) -> Image.Image:
    """Wide and large enough to pass for content: what a whole site repeats on every page."""
    width, height = rng.choice(((970, 250), (1200, 320), (960, 180)))
    first, second = (COLOUR_RGB[colour] for colour in rng.sample(COLOURS[:6], 2))
    image = Image.linear_gradient("L").resize((height, width)).transpose(Image.Transpose.ROTATE_90)
    image = Image.composite(
        Image.new("RGB", (width, height), first), Image.new("RGB", (width, height), second), image
    )
    brand = logo(rng, (height * 2, height // 2))
    image.paste(brand, (height // 4, height // 4))
    return image
