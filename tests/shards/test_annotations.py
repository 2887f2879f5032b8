"""Are the field's caption files read as they are published?"""

import json
from pathlib import Path

import pytest

from shards.annotations import entries
from shards.config import ShardsConfig
from shards.pack import pack
from shards.read import ShardReader


def karpathy(folder: Path, *, filepath: str = "") -> Path:
    """The fields of `dataset_flickr30k.json`, or with `filepath` of `dataset_coco.json`."""
    images = [
        {
            "sentids": [5 * i + k for k in range(2)],
            "imgid": i,
            "filename": f"{i}.jpg",
            "split": split,
            "sentences": [
                {
                    "tokens": ["a"],
                    "raw": f"Picture {i}, said {k}. ",
                    "imgid": i,
                    "sentid": 5 * i + k,
                }
                for k in range(2)
            ],
            **({"filepath": filepath} if filepath else {}),
        }
        for i, split in enumerate(("train", "test", "test", "val"))
    ]
    path = folder / "dataset.json"
    path.write_text(json.dumps({"dataset": "flickr30k", "images": images}))
    return path


def coco(folder: Path) -> Path:
    path = folder / "captions_val2017.json"
    content = {
        "info": {},
        "licenses": [],
        "images": [
            {"id": 37, "file_name": "000000000037.jpg", "height": 480, "width": 640},
            {"id": 9, "file_name": "000000000009.jpg", "height": 480, "width": 640},
        ],
        "annotations": [
            {"image_id": 9, "id": 1, "caption": "Nine."},
            {"image_id": 37, "id": 2, "caption": "Thirty-seven.\n"},
            {"image_id": 9, "id": 3, "caption": "Nine again."},
        ],
    }
    path.write_text(json.dumps(content))
    return path


def said(file: Path, split: str | None = None) -> list[tuple[str, list[str]]]:
    return [(image, texts) for _, image, texts in entries(file, split)]


def test_karpathys_splits(tmp_path: Path) -> None:
    file = karpathy(tmp_path)
    assert said(file, "test") == [
        ("1.jpg", ["Picture 1, said 0.", "Picture 1, said 1."]),
        ("2.jpg", ["Picture 2, said 0.", "Picture 2, said 1."]),
    ]
    assert len(said(file)) == 4
    assert [image for image, _ in said(karpathy(tmp_path, filepath="val2014"), "val")] == [
        "val2014/3.jpg"
    ]


def test_cocos_captions(tmp_path: Path) -> None:
    assert said(coco(tmp_path)) == [
        ("000000000037.jpg", ["Thirty-seven."]),
        ("000000000009.jpg", ["Nine.", "Nine again."]),
    ]


def test_flickrs_tokens(tmp_path: Path) -> None:
    file = tmp_path / "results_20130124.token"
    file.write_text("10.jpg#0\tA dog .\n10.jpg#1\tA brown dog .\r\n11.jpg#0\tTwo # cats .\n")
    assert said(file) == [("10.jpg", ["A dog .", "A brown dog ."]), ("11.jpg", ["Two # cats ."])]


@pytest.mark.parametrize(
    ("content", "split", "says"),
    [
        ('{"images": [{"split": "test"}]}', "dev", "--split dev.*test"),
        ('{"images": [{"split": "test"}]}', "test", "image 0 has no .filename."),
        ('{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": []}', None, "no caption"),
        ('{"images": [{"id": 1}], "annotations": []}', "test", "has no splits"),
        ('{"images": []}', None, "no list of"),
        ('{"images": [', None, "is not JSON"),
        ("1.jpg#0\tfine\nbroken\n", None, "line 2 is not"),
        ("1.jpg#0\tfine\n", "test", "has no splits"),
    ],
)
def test_what_is_wrong_is_named(content: str, split: str | None, says: str, tmp_path: Path) -> None:
    file = tmp_path / "captions"
    file.write_text(content)
    with pytest.raises(ValueError, match=says):
        list(entries(file, split))


def test_a_published_file_becomes_a_set(tmp_path: Path, picture) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for i in (1, 2):
        (images / f"{i}.jpg").write_bytes(picture(i, "jpg"))
    file = karpathy(tmp_path)
    manifest = pack(file, tmp_path / "out", ShardsConfig(), images=images, split="test")
    assert (manifest.seen, manifest.kept) == (2, 2)
    with ShardReader(tmp_path / "out") as reader:
        texts = {reader.sample(i).text for i in range(2)}
        assert json.loads(reader.sample(0).record)["source"] in ("1.jpg", "2.jpg")
    assert texts == {"Picture 1, said 0.", "Picture 2, said 0."}
    with pytest.raises(ValueError, match=r"image 0: image .*0\.jpg is not a file"):
        pack(file, tmp_path / "all", ShardsConfig(), images=images)
    assert not (tmp_path / "all").exists()
    with pytest.raises(ValueError, match="--images"):
        pack(file, tmp_path / "all", ShardsConfig(), split="test")
