"""Which picture stands on a page, and as which files?"""

import io
import math
import random
from dataclasses import dataclass, replace
from typing import Final, Literal

from PIL import Image

from lait.world.body import spoil
from lait.world.picture import encode, non_natural, render
from lait.world.scene import Scene
from lait.world.web_case import Body, Case, Shape, Subject
from lait.world.web_plan import PagePlan, has_two_files

Format = Literal["jpeg", "png", "webp"]

_FORMATS: Final[tuple[Format, ...]] = (
    "jpeg",
    "jpeg",
    "jpeg",
    "jpeg",
    "jpeg",
    "webp",
    "webp",
    "png",
)
_FORMAT_OF_BODY: Final[dict[Body, Format]] = {
    "truncated_png": "png",
    "corrupt_png": "png",
    "bomb_png": "png",
    "tiny": "png",
    "truncated_webp": "webp",
    "bomb_webp": "webp",
    "truncated_jpeg": "jpeg",
    "bomb_jpeg": "jpeg",
}
_SIDES_PX: Final[dict[Shape, tuple[int, int]]] = {
    "small": (250, 188),
    "thin": (640, 240),
    "at_limit": (400, 300),
    "over_limit": (301, 400),
    "wide": (1300, 380),
    "tall": (360, 1200),
}
_HALF: Final = 0.5
_COPY_SCALE: Final = 0.92
"""A re-encoded copy is a little smaller, as content systems make them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """Everything the bytes of a picture depend on: equal specs are equal files."""

    scene: Scene
    subject: Subject
    render_seed: int
    width_px: int
    height_px: int
    format: Format
    quality: int
    body: Body
    copy: bool = False
    """A re-encoded, slightly smaller copy of the same picture in another format."""
    two_files: bool = False
    """There is a file of half the sides too."""
    thumb_px: tuple[int, int] = (150, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """One file as a server sends it."""

    width_px: int
    height_px: int
    format: Format
    """What its name says."""
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A picture in all its files."""

    files: tuple[ImageFile, ...]
    """Best first."""
    thumb: bytes
    """A JPEG of `thumb_px`, sound whatever the files are."""
    sound: bool
    """The files show the scene, undamaged."""


def specify(
    plan: PagePlan, scene: Scene, short_sides_px: tuple[int, ...], rng: random.Random
) -> ImageSpec:
    """The picture of a page that stands alone or leads its group."""
    width, height = _sides(plan.case, scene, short_sides_px, rng)
    return ImageSpec(
        scene=scene,
        subject=plan.case.subject,
        render_seed=rng.randrange(2**31),
        width_px=width,
        height_px=height,
        format=_format(plan.case, rng),
        quality=rng.choice((78, 85, 90)),
        body=plan.case.body,
        two_files=has_two_files(plan.delivery),
        thumb_px=plan.site.thumb_px,
    )


def _format(case: Case, rng: random.Random) -> Format:
    """One that can carry the damage, and in which one colour still weighs a kilobyte."""
    choice = rng.choice(_FORMATS)
    return "jpeg" if case.subject == "uniform" else _FORMAT_OF_BODY.get(case.body, choice)


def follow(leader: ImageSpec, plan: PagePlan, rng: random.Random) -> ImageSpec:
    """The picture of a later page of a group, from that of its first page."""
    match plan.case.bond:
        case "exact" | "same_url" | "none":
            return leader
        case "reencoded":
            other: Format = "webp" if leader.format == "jpeg" else "jpeg"
            return replace(leader, copy=True, format=other, quality=62)
        case "same_text":
            return replace(leader, render_seed=rng.randrange(2**31))


def make(spec: ImageSpec) -> Made:
    """Draw and encode; a pure function of the spec."""
    image = _draw(spec)
    thumb = encode(_cropped(image, spec.thumb_px), format="jpeg", quality=72)
    if spec.copy:
        image = image.resize(_scaled(image.size, _COPY_SCALE), Image.Resampling.LANCZOS)
    images = [image]
    if spec.two_files:
        images.append(image.resize(_scaled(image.size, _HALF), Image.Resampling.BILINEAR))
    intact = spec.body == "intact"
    files = tuple(
        ImageFile(
            width_px=one.width,
            height_px=one.height,
            format=spec.format,
            body=encode(one, format=spec.format, quality=spec.quality)
            if intact
            else spoil(spec.body, one),
        )
        for one in images
    )
    return Made(files=files, thumb=thumb, sound=intact and spec.subject == "scene")


def _draw(spec: ImageSpec) -> Image.Image:
    if spec.subject == "scene" or spec.subject == "none":
        return render(
            spec.scene, width_px=spec.width_px, height_px=spec.height_px, seed=spec.render_seed
        )
    if spec.subject == "uniform":
        return _uniform(spec)
    return non_natural(
        spec.subject, spec.render_seed, width_px=spec.width_px, height_px=spec.height_px
    )


def _uniform(spec: ImageSpec) -> Image.Image:
    """One colour and a small mark in the corner: what stands in for a lost picture."""
    grey = 200 + spec.render_seed % 40
    image = Image.new("RGB", (spec.width_px, spec.height_px), (grey, grey, grey - 12))
    corner = (spec.width_px - 24, spec.height_px - 16)
    image.paste((grey - 90, grey - 90, grey - 60), (*corner, corner[0] + 16, corner[1] + 8))
    return image


def _sides(
    case: Case, scene: Scene, short_sides_px: tuple[int, ...], rng: random.Random
) -> tuple[int, int]:
    """Width and height; a plain photo has the proportions of its scene."""
    if case.shape != "photo":
        return _SIDES_PX[case.shape]
    short = rng.choice(short_sides_px)
    # Smaller files and copies that have to pass must be over the limit too.
    if case.reply == "best_missing":
        short = max(short, 640)
    elif case.bond == "reencoded":
        short = max(short, 340)
    return scene.size_px(math.ceil((short + 1) * max(scene.aspect, 1 / scene.aspect)))


def _scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _cropped(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Filled and cut to `size`, as galleries make thumbnails."""
    scale = max(size[0] / image.width, size[1] / image.height)
    width, height = math.ceil(image.width * scale), math.ceil(image.height * scale)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    # Reduced first: a thumbnail of a fifth does not need a fine filter over every pixel.
    filled = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return filled.crop((left, top, left + size[0], top + size[1]))


def gif_pixel() -> bytes:
    """The classic transparent GIF of one pixel."""
    out = io.BytesIO()
    Image.new("P", (1, 1), 0).save(out, format="GIF", transparency=0)
    return out.getvalue()
