"""Do a user's own pairs become a set, and is every unusable line named?"""

import json
from pathlib import Path

import pytest

from shards.config import ShardsConfig
from shards.manifest import FunnelRow, read_manifest
from shards.pack import pack
from shards.read import ShardReader
from shards.verify import verify


@pytest.fixture
def pairs(tmp_path: Path, picture):
    """`pairs(line, ...)`: a jsonl of those lines beside images/0.jpg, 1.png, 2.webp, same.jpg."""
    images = tmp_path / "in" / "images"
    images.mkdir(parents=True)
    for i, extension in enumerate(("jpg", "png", "webp")):
        (images / f"{i}.{extension}").write_bytes(picture(i, extension))
    (images / "same.jpg").write_bytes(picture(0, "jpg"))
    (images / "cut.jpg").write_bytes(picture(0, "jpg")[:40])
    (images / "page.jpg").write_bytes(b"<html>not found</html>")

    def write(*lines: object) -> Path:
        path = tmp_path / "in" / "pairs.jsonl"
        path.write_text(
            "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
        )
        return path

    return write


def test_pairs_become_samples(tmp_path: Path, pairs, picture) -> None:
    path = pairs(
        {"image": "images/0.jpg", "text": "zero"},
        "",
        {"image": "images/1.png", "texts": ["one", "uno", "one"]},
        {"image": "images/2.webp", "text": "two", "host": "ignored"},
    )
    manifest = pack(path, tmp_path / "out", ShardsConfig())
    assert read_manifest(tmp_path / "out") == manifest
    assert verify(tmp_path / "out") == []
    assert (manifest.seen, manifest.kept, manifest.funnel) == (3, 3, ())
    with ShardReader(tmp_path / "out") as reader:
        found = {sample.extension: sample for sample in map(reader.sample, range(3))}
    for i, (extension, texts) in enumerate(
        (("jpg", ["zero"]), ("png", ["one", "uno"]), ("webp", ["two"]))
    ):
        sample, record = found[extension], json.loads(found[extension].record)
        assert (sample.image, sample.text) == (picture(i, extension), texts[0])
        assert record["texts"] == texts
        assert (record["width_px"], record["height_px"]) == (40 + i, 30)
        assert record["sha256"].startswith(sample.key)
        assert record["source"] == f"images/{i}.{extension}"


def test_equal_images_merge_their_texts(tmp_path: Path, pairs) -> None:
    path = pairs(
        {"image": "images/same.jpg", "text": "b"},
        {"image": "images/0.jpg", "texts": ["a", "b", "c"]},
        {"image": "images/same.jpg", "text": "d"},
        {"image": "images/1.png", "text": "e"},
    )
    manifest = pack(path, tmp_path / "out", ShardsConfig())
    assert (manifest.seen, manifest.kept) == (4, 2)
    assert manifest.funnel == (FunnelRow(stage="pack", reason="merged_text", count=2),)
    with ShardReader(tmp_path / "out") as reader:
        merged = next(s for s in map(reader.sample, range(2)) if s.extension == "jpg")
    assert merged.text == "b"
    assert json.loads(merged.record)["texts"] == ["b", "a", "c", "d"]


def test_questions_are_kept_without_what_stands_beside_them(tmp_path: Path, pairs) -> None:
    asked = {"question": "how many", "answers": {"two": 1.0, "2": 0.3}}
    path = pairs(
        GOOD | {"questions": [asked | {"type": "number"}]},
        GOOD | {"questions": [asked, {"question": "where", "answers": {"here": 1}}]},
    )
    pack(path, tmp_path / "out", ShardsConfig())
    with ShardReader(tmp_path / "out") as reader:
        record = json.loads(reader.sample(0).record)
    assert record["questions"] == [asked, {"question": "where", "answers": {"here": 1}}]


def test_phrases_are_kept_without_what_stands_beside_them(tmp_path: Path, pairs) -> None:
    phrase = {"text": "zero", "start": 0, "end": 4, "box": [0, 0.25, 1, 0.5]}
    path = pairs(GOOD | {"phrases": [phrase | {"entity": "7"}]}, GOOD | {"phrases": [phrase]})
    pack(path, tmp_path / "out", ShardsConfig())
    with ShardReader(tmp_path / "out") as reader:
        assert json.loads(reader.sample(0).record)["phrases"] == [phrase]


def test_same_pairs_same_bytes(tmp_path: Path, pairs) -> None:
    path = pairs(*({"image": f"images/{n}", "text": n} for n in ("0.jpg", "1.png", "2.webp")))
    outs = []
    for name in ("a", "b"):
        pack(path, tmp_path / name, ShardsConfig(samples_per_shard=1))
        outs.append({p.name: p.read_bytes() for p in sorted((tmp_path / name).iterdir())})
    assert outs[0] == outs[1]
    assert "00002.tar" in outs[0]


GOOD = {"image": "images/0.jpg", "text": "zero"}


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("{", "line 2 is not JSON"),
        ("[]", 'line 2 is not an object with "image"'),
        ({"text": "a"}, 'line 2 is not an object with "image"'),
        ({"image": 3, "text": "a"}, 'line 2 is not an object with "image"'),
        ({"image": "images/1.png"}, 'line 2 needs either "text"'),
        ({"image": "images/1.png", "text": "a", "texts": ["a"]}, 'line 2 needs either "text"'),
        ({"image": "images/1.png", "texts": []}, 'line 2 needs either "text"'),
        ({"image": "images/1.png", "texts": "abc"}, 'line 2 needs either "text"'),
        ({"image": "images/1.png", "text": " "}, "line 2 has the text ' ', not words"),
        ({"image": "images/1.png", "texts": ["a", None]}, "line 2 has the text None"),
        ({"image": "images/1.png", "text": "\ud800"}, "line 2 has a text with half a surrogate"),
        ({"image": "images/1.png", "text": "x" * 2_000_000}, "line 2 has a text of 2000000 bytes"),
        (GOOD | {"questions": {}}, 'line 2 has "questions" that are not a list'),
        (GOOD | {"questions": [{"question": "a"}]}, 'line 2: a question needs "question" and'),
        (GOOD | {"questions": [{"question": "a", "answers": {"b": 2}}]}, "scores in 0..1"),
        (GOOD | {"questions": [{"question": "", "answers": {"b": 1}}]}, "has the text ''"),
        (GOOD | {"phrases": {}}, 'line 2 has "phrases" that are not a list'),
        (GOOD | {"phrases": ["zero"]}, "a phrase is part of one of the texts, not of None"),
        (GOOD | {"phrases": [{"text": "zero", "start": 2, "end": 5}]}, r"2\.\.5 are no characters"),
        (GOOD | {"phrases": [{"text": "zero", "start": 0}]}, r"0\.\.None are no characters"),
        (
            GOOD | {"phrases": [{"text": "zero", "start": 0, "end": 4, "box": [0, 0, 2, 1]}]},
            "line 2: a phrase has a box",
        ),
        ({"image": "images/none.jpg", "text": "a"}, "line 2: image .*none.jpg is not a file"),
        ({"image": "images", "text": "a"}, "line 2: image .*images is not a file"),
        ({"image": "images/cut.jpg", "text": "a"}, "line 2: .*cut.jpg cannot be packed"),
        ({"image": "images/page.jpg", "text": "a"}, "line 2: .*page.jpg cannot be packed"),
    ],
)
def test_unusable_lines_are_named_and_nothing_is_written(
    line: object, match: str, tmp_path: Path, pairs
) -> None:
    with pytest.raises(ValueError, match=match):
        pack(pairs(GOOD, line), tmp_path / "out", ShardsConfig())
    assert not (tmp_path / "out").exists()


def test_no_pairs_is_an_error(tmp_path: Path, pairs) -> None:
    with pytest.raises(ValueError, match="holds no pairs"):
        pack(pairs(""), tmp_path / "out", ShardsConfig())
    with pytest.raises(ValueError, match=r"nowhere\.jsonl is not a file"):
        pack(tmp_path / "nowhere.jsonl", tmp_path / "out", ShardsConfig())
