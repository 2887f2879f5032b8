"""Do pictures show their scenes, and are their bytes the same each time?"""

import io
import time

import numpy as np
import pytest
from PIL import Image

from lait.world.drawing import COLOUR_RGB, draw_thing
from lait.world.picture import DECOYS, NON_NATURAL, decoy, encode, non_natural, render
from lait.world.scene import Scene, Thing, make_scene
from lait.world.vocabulary import BACKGROUNDS, COLOURS, KINDS, PATTERNS, Background, Colour, Kind


def _alone(kind: Kind, colour: Colour, background: Background = "plain") -> Scene:
    thing = Thing(kind=kind, colour=colour, size="large", pattern=None, box=(0.3, 0.2, 0.7, 0.8))
    return Scene(seed=1, background=background, aspect=1.5, things=(thing,), relations=())


def _drawn(scene: Scene, seed: int = 0, width_px: int = 360, height_px: int = 240) -> np.ndarray:
    picture = render(scene, width_px=width_px, height_px=height_px, seed=seed)
    return np.asarray(picture, dtype=np.int32)


@pytest.mark.parametrize("kind", KINDS)
def test_a_thing_touches_all_sides_of_its_box(kind: Kind) -> None:
    drawn = draw_thing(kind, COLOUR_RGB["red"], None, width_px=200, height_px=160, mirror=False)
    assert drawn.size == (200, 160)
    left, top, right, bottom = drawn.getchannel("A").getbbox() or (0, 0, 0, 0)
    assert left <= 4
    assert top <= 4
    assert right >= 196
    assert bottom >= 156


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("colour", COLOURS)
def test_a_thing_is_mostly_of_its_colour(kind: Kind, colour: Colour) -> None:
    """Of the eight named colours, its own is the nearest for most of its pixels."""
    drawn = np.asarray(
        draw_thing(kind, COLOUR_RGB[colour], None, width_px=120, height_px=120, mirror=False)
    ).astype(np.int32)
    pixels = drawn[..., :3][drawn[..., 3] > 200]
    palette = np.array([COLOUR_RGB[name] for name in COLOURS])
    nearest = ((pixels[:, None, :] - palette[None]) ** 2).sum(-1).argmin(1)
    votes = np.bincount(nearest, minlength=len(COLOURS))
    assert COLOURS[int(votes.argmax())] == colour, votes


def test_kinds_have_different_silhouettes() -> None:
    masks = [
        np.asarray(draw_thing(kind, (200, 30, 30), None, width_px=96, height_px=96, mirror=False))[
            ..., 3
        ]
        > 128
        for kind in KINDS
    ]
    for i, a in enumerate(masks):
        for j, b in enumerate(masks[:i]):
            shared = (a & b).sum() / (a | b).sum()
            assert shared < 0.93, (KINDS[i], KINDS[j], shared)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_show(pattern: str) -> None:
    plain, patterned = (
        np.asarray(
            draw_thing("square", (32, 92, 214), p, width_px=100, height_px=100, mirror=False)  # type: ignore[arg-type]
        ).astype(np.int32)[..., :3]
        for p in (None, pattern)
    )
    changed = (np.abs(plain - patterned).max(-1) > 40).mean()
    assert 0.1 < changed < 0.7


def test_things_are_drawn_into_their_boxes() -> None:
    """Where the box is, a red thing makes the picture red; outside it changes only by a shadow."""
    scene = _alone("square", "red")
    empty = Scene(seed=1, background="plain", aspect=1.5, things=(), relations=())
    pixels, bare = _drawn(scene), _drawn(empty)
    inside = pixels[50:190, 112:248]
    assert (inside[..., 0] - inside[..., 2]).mean() > 80
    assert (np.abs(pixels - bare).max(-1) > 25)[:, :100].mean() < 0.02
    assert (np.abs(pixels - bare).max(-1) > 25)[:40].mean() < 0.02


def test_the_same_seeds_give_the_same_bytes() -> None:
    scene = make_scene(5)
    pictures = [render(scene, width_px=400, height_px=320, seed=seed) for seed in (3, 3, 4)]
    for name in ("jpeg", "png", "webp"):
        first, again, other = (encode(picture, format=name, quality=80) for picture in pictures)  # type: ignore[arg-type]
        assert first == again
        assert first != other


@pytest.mark.parametrize("name", ["jpeg", "png", "webp"])
def test_encode_writes_the_named_format(name: str) -> None:
    picture = render(make_scene(2), width_px=330, height_px=310, seed=0)
    with Image.open(io.BytesIO(encode(picture, format=name, quality=80))) as read:  # type: ignore[arg-type]
        assert read.format == name.upper()
        assert read.size == (330, 310)
        difference = np.asarray(read.convert("RGB"), np.int32) - np.asarray(picture, np.int32)
    assert np.abs(difference).mean() < (0.001 if name == "png" else 8)


def test_quality_is_used() -> None:
    picture = render(make_scene(2), width_px=330, height_px=310, seed=0)
    low, high = (len(encode(picture, format="jpeg", quality=q)) for q in (40, 92))
    assert low < high / 2


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_backgrounds_look_like_photographs(background: Background) -> None:
    """Many colours and grain everywhere: nothing that a chart or a logo would show."""
    pixels = _drawn(_alone("star", "red", background)).astype(np.uint8)
    quantised = (pixels >> 4).reshape(-1, 3).astype(np.int64)
    codes = quantised[:, 0] * 256 + quantised[:, 1] * 16 + quantised[:, 2]
    _, counts = np.unique(codes, return_counts=True)
    assert counts.max() / counts.sum() < 0.6
    still = (np.diff(pixels.astype(np.int32), axis=1) == 0).all(-1).mean()
    assert still < 0.6


def test_backgrounds_differ_from_each_other() -> None:
    small = [_drawn(_alone("star", "red", name), 0, 60, 40).reshape(-1) for name in BACKGROUNDS]
    for i, a in enumerate(small):
        for b in small[:i]:
            assert np.abs(a - b).mean() > 8


def test_rendering_is_fast_enough() -> None:
    """A world of some thousand pictures takes a minute; the bound is slack for busy machines."""
    scenes = [make_scene(seed) for seed in range(20)]
    render(scenes[0], width_px=480, height_px=360, seed=0)
    start = time.process_time()
    for scene in scenes:
        render(scene, width_px=480, height_px=360, seed=0)
    assert (time.process_time() - start) / len(scenes) < 0.12


@pytest.mark.parametrize("kind", NON_NATURAL)
def test_non_natural_pictures(kind: str) -> None:
    picture = non_natural(kind, 3)  # type: ignore[arg-type]
    assert (picture.size, picture.mode) == ((640, 480), "RGB")
    assert picture.tobytes() == non_natural(kind, 3).tobytes()  # type: ignore[arg-type]
    assert len({non_natural(kind, seed).tobytes() for seed in range(8)}) >= 6  # type: ignore[arg-type]
    pixels = np.asarray(picture, np.int32)
    assert (np.diff(pixels, axis=1) == 0).all(-1).mean() > 0.75, "flat, without grain"
    assert non_natural(kind, 3, width_px=320, height_px=400).size == (320, 400)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", DECOYS)
def test_decoys(kind: str) -> None:
    pictures = [decoy(kind, seed) for seed in range(20)]  # type: ignore[arg-type]
    assert [p.tobytes() for p in pictures] == [decoy(kind, seed).tobytes() for seed in range(20)]  # type: ignore[arg-type]
    sizes = {picture.size for picture in pictures}
    if kind == "pixel":
        assert sizes == {(1, 1)}
    elif kind == "banner":
        assert all(width > 3 * height for width, height in sizes)
    else:
        assert all(min(size) <= 300 for size in sizes)
        assert len({picture.tobytes() for picture in pictures}) > 5
