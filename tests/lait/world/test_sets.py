"""Are the labelled sets whole, disjoint and the same each time?"""

import hashlib
import io
import itertools
import json
from pathlib import Path

import pytest
from PIL import Image

from lait.world.caption import described
from lait.world.claim import is_true
from lait.world.scene import make_scene
from lait.world.sets import PURPOSES, scene_seeds, write_clean, write_eval, write_supervised


def _lines(folder: Path) -> list[dict[str, object]]:
    text = (folder / "pairs.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_no_scene_has_two_purposes_or_two_worlds() -> None:
    ranges = [scene_seeds(purpose, seed) for purpose in PURPOSES for seed in (0, 1, 9998, 9999)]
    for a, b in itertools.combinations(ranges, 2):
        assert a.stop <= b.start or b.stop <= a.start, (a, b)
    assert all(len(block) == 100_000 for block in ranges)


@pytest.mark.parametrize("world_seed", [-1, 10_000])
def test_a_world_seed_out_of_range_is_refused(world_seed: int) -> None:
    with pytest.raises(ValueError, match=f"world seed {world_seed} .*--seed"):
        scene_seeds("web", world_seed)


def test_supervised(tmp_path: Path) -> None:
    records = write_supervised(tmp_path, world_seed=3, n_images=12, texts_per_image=3)
    lines = _lines(tmp_path)
    assert [list(line) for line in lines] == [["image", "text", "host"]] * 36
    assert len({line["text"] for line in lines}) > 30
    hosts = {line["image"]: line["host"] for line in lines}
    assert all(hosts[line["image"]] == line["host"] for line in lines)
    assert len(set(hosts.values())) > 4
    assert [record["scene"] for record in records] == list(scene_seeds("supervised", 3)[:12])
    _check_images(tmp_path, [f"images/{index:05}.jpg" for index in range(12)], records)


def test_clean(tmp_path: Path) -> None:
    records = write_clean(tmp_path, world_seed=3, n_images=8, texts_per_image=2)
    lines = _lines(tmp_path)
    assert [list(line) for line in lines] == [["image", "texts", "questions"]] * 8
    assert all(len(set(line["texts"])) == 2 for line in lines)  # type: ignore[arg-type]
    for line, record in zip(lines, records, strict=True):
        asked = [
            {"question": one["question"], "answers": {one["answer"]: 1.0}}
            for one in record["questions"]
        ]
        assert line["questions"] == asked
    assert all(record["scene"] in scene_seeds("clean", 3) for record in records)
    _check_images(tmp_path, [f"images/{index:05}.jpg" for index in range(8)], records)


def test_eval(tmp_path: Path) -> None:
    records = write_eval(tmp_path, world_seed=3, n_images=8, texts_per_image=5)
    lines = _lines(tmp_path)
    assert [list(line) for line in lines] == [["image", "texts"]] * 8
    assert all(len(set(line["texts"])) == 5 for line in lines)  # type: ignore[arg-type]
    assert all(record["scene"] in scene_seeds("eval", 3) for record in records)
    _check_images(tmp_path, [f"images/{index:05}.jpg" for index in range(8)], records)


def _check_images(folder: Path, names: list[str], records: list) -> None:  # type: ignore[type-arg]
    """As many records as images, in order, and every image large enough for the size filter."""
    files = _files(folder)
    assert sorted(files) == [*names, "pairs.jsonl"]
    assert len(records) == len(names)
    for name, record in zip(names, records, strict=True):
        assert record["sha256"] == hashlib.sha256(files[name]).hexdigest()
        scene = make_scene(record["scene"])
        assert record["labels"] == [thing.kind for thing in scene.things]
        with Image.open(io.BytesIO(files[name])) as image:
            assert image.format == "JPEG"
            assert min(image.size) > 300
            assert image.width / image.height == pytest.approx(scene.aspect, rel=0.01)


@pytest.mark.parametrize("write", [write_supervised, write_clean, write_eval])
def test_the_same_seed_writes_the_same_bytes(write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    first, again, other = (tmp_path / name for name in ("first", "again", "other"))
    records = write(first, world_seed=1, n_images=4)
    assert write(again, world_seed=1, n_images=4) == records
    assert write(other, world_seed=2, n_images=4) != records
    assert _files(first) == _files(again)
    assert _files(first) != _files(other)


def test_eval_texts_tell_their_image_from_the_others(tmp_path: Path) -> None:
    """Retrieval has an answer: hardly any caption is true of a second image."""
    records = write_eval(tmp_path, world_seed=0, n_images=100)
    scenes = [make_scene(record["scene"]) for record in records]
    assert all(len(scene.things) > 1 for scene in scenes)
    assert (
        len({(s.background, tuple(sorted((t.colour, t.kind) for t in s.things))) for s in scenes})
        == 100
    )
    fitting = [
        sum(all(is_true(claim, scene) for claim in caption.claims) for scene in scenes)
        for own in scenes
        for caption in described(own, 5, seed=0, detail=1.0)
    ]
    assert min(fitting) == 1
    assert fitting.count(1) / len(fitting) > 0.97
    written = [text for line in _lines(tmp_path) for text in line["texts"]]  # type: ignore[attr-defined]
    assert written == [c.text for own in scenes for c in described(own, 5, seed=0, detail=1.0)]
