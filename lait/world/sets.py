"""Which labelled sets of pictures and texts lie beside the demo web?

Three folders in one shape, `images/` and `pairs.jsonl`: `supervised` teaches the relevance model,
`clean` is the in-domain second stage of pretraining, `eval` measures retrieval. No scene is in
two sets or in the web.
"""

import hashlib
import itertools
import json
import random
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Literal

from lait.world.annotation import QUESTIONS_PER_SCENE, Annotation, annotation
from lait.world.caption import captions
from lait.world.picture import encode, render
from lait.world.question import questions
from lait.world.scene import Scene, make_scene

Purpose = Literal["web", "supervised", "clean", "eval"]
PURPOSES: Final[tuple[Purpose, ...]] = ("web", "supervised", "clean", "eval")

_BLOCK = 100_000
"""Scene seeds that one world has for one purpose."""
_WORLDS = 10_000
_SHORT_SIDES_PX: Final = (320, 336, 352, 384)
_QUALITIES: Final = (76, 82, 88)
_HOSTS = 12
_CLEAN_DETAIL, _EVAL_DETAIL = 0.6, 1.0
_THREADS = 2


def scene_seeds(purpose: Purpose, world_seed: int) -> range:
    """The scene seeds reserved for one purpose in one world: no two ranges share a seed.

    Raises ValueError when `world_seed` is not in 0..9999.
    """
    if not 0 <= world_seed < _WORLDS:
        raise ValueError(f"world seed {world_seed} is not in 0..{_WORLDS - 1}: change --seed")
    start = (PURPOSES.index(purpose) * _WORLDS + world_seed) * _BLOCK
    return range(start, start + _BLOCK)


def write_supervised(
    folder: Path, *, world_seed: int, n_images: int = 400, texts_per_image: int = 3
) -> list[Annotation]:
    """True pairs as `{"image", "text", "host"}` lines, one per text; texts as people write them."""
    scenes = _scenes("supervised", world_seed, n_images)
    lines: list[Mapping[str, object]] = []
    for index, scene in enumerate(scenes):
        # Salted: the scene's own seed would make the host tell the scene's background.
        host = f"collection-{random.Random(f'host {scene.seed}').randrange(_HOSTS):02}.example"
        lines.extend(
            {"image": _image_name(index), "text": text, "host": host}
            for text in captions(scene, texts_per_image, seed=0)
        )
    return _write(folder, scenes, lines)


def write_clean(
    folder: Path, *, world_seed: int, n_images: int = 500, texts_per_image: int = 2
) -> list[Annotation]:
    """Detailed captions and questions as `{"image", "texts", "questions"}` lines, one per image."""
    scenes = _scenes("clean", world_seed, n_images)
    lines = [
        {
            "image": _image_name(index),
            "texts": captions(scene, texts_per_image, seed=0, detail=_CLEAN_DETAIL),
            "questions": [
                {"question": asked.question, "answers": {asked.answer: 1.0}}
                for asked in questions(scene, QUESTIONS_PER_SCENE, seed=0)
            ],
        }
        for index, scene in enumerate(scenes)
    ]
    return _write(folder, scenes, lines)


def write_eval(
    folder: Path, *, world_seed: int, n_images: int = 100, texts_per_image: int = 5
) -> list[Annotation]:
    """`{"image", "texts"}` lines, one per image; no two show the same things in the same place."""
    telling = _telling(make_scene(seed) for seed in scene_seeds("eval", world_seed))
    scenes = list(itertools.islice(telling, n_images))
    lines = [
        {
            "image": _image_name(index),
            "texts": captions(scene, texts_per_image, seed=0, detail=_EVAL_DETAIL),
        }
        for index, scene in enumerate(scenes)
    ]
    return _write(folder, scenes, lines)


def _scenes(purpose: Purpose, world_seed: int, n_images: int) -> list[Scene]:
    return [make_scene(seed) for seed in scene_seeds(purpose, world_seed)[:n_images]]


def _telling(scenes: Iterable[Scene]) -> Iterator[Scene]:
    """Scenes of two things or more, without those that show what an earlier one shows."""
    seen: set[tuple[str, ...]] = set()
    for scene in scenes:
        shown = (scene.background, *sorted(f"{t.colour} {t.kind}" for t in scene.things))
        if len(scene.things) > 1 and shown not in seen:
            seen.add(shown)
            yield scene


def _image_name(index: int) -> str:
    return f"images/{index:05}.jpg"


def _draw(scene: Scene) -> bytes:
    """The scene as a JPEG file, both sides over 300 px."""
    rng = random.Random(scene.seed)
    short_px = rng.choice(_SHORT_SIDES_PX)
    width, height = scene.size_px(round(short_px * max(scene.aspect, 1 / scene.aspect)))
    picture = render(scene, width_px=width, height_px=height, seed=0)
    return encode(picture, format="jpeg", quality=rng.choice(_QUALITIES))


def _write(
    folder: Path, scenes: list[Scene], lines: Iterable[Mapping[str, object]]
) -> list[Annotation]:
    """Images, then `pairs.jsonl`; Pillow and NumPy let go of the interpreter, so threads help."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    records: list[Annotation] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for index, (scene, data) in enumerate(zip(scenes, pool.map(_draw, scenes), strict=True)):
            (folder / _image_name(index)).write_bytes(data)
            records.append(annotation(scene, hashlib.sha256(data).hexdigest()))
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (folder / "pairs.jsonl").write_text(text, encoding="utf-8")
    return records
