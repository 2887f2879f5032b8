"""Do features that others computed arrive as they were, and do hostile files get one clear line?"""

import base64
import io
import pickle
from pathlib import Path
from typing import Any

import lmdb
import numpy as np
import pytest

from pretrain.data import ShardSet
from pretrain.regions.build import Choice, build
from pretrain.regions.regions import Missing, Regions
from pretrain.regions.stores import BOTTOM_UP, LXMERT
from pretrain.regions.write import write_regions
from tests.pretrain.helpers import packed, picture, sample_of

RNG = np.random.default_rng(0)
BOXES = np.array([[0, 0, 320, 240], [64, 24, 128, 241]], dtype=np.float32)
FEATURES = RNG.normal(size=(2, 6)).astype(np.float32)
COCO = sample_of(picture(1), source="val2014/COCO_val2014_000000000042.jpg")


def b64(array: "np.ndarray[Any, Any]") -> str:
    return base64.b64encode(array.tobytes()).decode()


def line_of(columns: tuple[str, ...], **changed: object) -> str:
    values: dict[str, object] = dict.fromkeys(columns, "42")
    values |= {"image_w": 320, "image_h": 240, "img_w": 320, "img_h": 240, "num_boxes": 2}
    values |= {"boxes": b64(BOXES), "features": b64(FEATURES)}
    values |= {"objects_id": b64(np.array([2, 0])), "attrs_id": b64(np.array([1, 1]))}
    values |= {
        f"{x}_conf": b64(np.array([0.9, 0.5], dtype=np.float32)) for x in ("objects", "attrs")
    }
    values |= changed
    return "\t".join(str(values[column]) for column in columns) + "\n"


def imported(features: Path, **options: Any) -> Regions | Missing:
    detector = build(Choice(detector="import", features=features, **options))
    (found,) = detector.detect([COCO])
    return found


def check(found: Regions | Missing) -> Regions:
    assert isinstance(found, Regions), found
    expected = np.array(
        [[0, 0, 1, 1], [0.2, 0.1, 0.4, 1.0]]
    )  # the last reaches out by a pixel, and is cut
    assert np.allclose(found.boxes_R4, expected, atol=1e-6)
    assert np.array_equal(found.features_RD, FEATURES.astype(np.float16))
    return found


def test_tsv_of_bottom_up_attention(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text(line_of(BOTTOM_UP, image_id=7) + line_of(BOTTOM_UP))
    found = check(imported(tmp_path / "a.tsv", ids="number"))
    assert found.probs_RK.tolist() == [[1], [1]]
    absent = imported(tmp_path / "a.tsv", ids="key")
    assert isinstance(absent, Missing)
    assert absent.reason == "no_features"


def test_tsv_of_lxmert_has_labels_and_attributes(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text(line_of(LXMERT))
    (tmp_path / "objects.txt").write_text("cat\ndog\nbird\n")
    (tmp_path / "attributes.txt").write_text("red\nold\n")
    named = {"classes": tmp_path / "objects.txt", "attributes": tmp_path / "attributes.txt"}
    found = check(imported(tmp_path / "a.tsv", ids="number", **named))
    assert np.allclose(found.probs_RK, [[0.05, 0.05, 0.9], [0.5, 0.25, 0.25]], atol=1e-3)
    assert found.attributes_RA is not None
    assert np.allclose(found.attributes_RA, [[0.1, 0.9], [0.5, 0.5]], atol=1e-3)


def test_npz_under_the_names_of_others(tmp_path: Path) -> None:
    name = "COCO_val2014_000000000042.npz"
    uniter, torch_port = tmp_path / "uniter", tmp_path / "port"
    for folder in (uniter, torch_port):
        folder.mkdir()
    relative = np.concatenate((BOXES / [320, 240, 320, 241], np.ones((2, 2))), axis=1)
    np.savez(uniter / name, norm_bb=relative.astype(np.float16), features=FEATURES)
    info: Any = np.array({"objects_id": 1}, dtype=object)  # a pickle, never looked at
    np.savez(torch_port / name, bbox=BOXES, x=FEATURES, image_w=320, image_h=240, info=info)
    check(imported(torch_port))
    assert isinstance(imported(uniter), Regions)


def test_imported_attributes_reach_training(tmp_path: Path) -> None:
    shards = packed(tmp_path / "shards", 3)
    folder = tmp_path / "features"
    folder.mkdir()
    for i in range(2):  # the third has none
        known = np.full((2, 2), 0.5)
        np.savez(
            folder / f"{i}.npz", bbox=BOXES, x=FEATURES, image_w=320, image_h=240, attr_prob=known
        )
    (tmp_path / "attributes.txt").write_text("red\nold\n")
    choice = Choice(detector="import", features=folder, attributes=tmp_path / "attributes.txt")
    made = write_regions(shards, tmp_path / "regions", detector=build(choice))
    assert made.regions is not None
    assert made.regions.attribute_names == ("red", "old")
    assert [(row.reason, row.count) for row in made.funnel] == [("no_features", 1)]
    data = ShardSet(shards, tmp_path / "regions")
    assert len(data) == 2
    attributes = data.example(0).regions.attributes_RA
    assert attributes is not None
    assert attributes.tolist() == [[0.5, 0.5]] * 2


HOSTILE: dict[str, tuple[dict[str, object], str]] = {
    "huge": ({"num_boxes": "9" * 40}, "num_boxes is"),
    "many": ({"num_boxes": 1001}, "num_boxes is"),
    "negative": ({"num_boxes": -2}, "num_boxes is"),
    "more than there are": ({"num_boxes": 3}, "bytes for 3 boxes"),
    "not base64": ({"features": "???"}, "not base64"),
    "empty": ({"features": ""}, "0 bytes"),
    "nan": ({"boxes": b64(np.full((2, 4), np.nan, dtype=np.float32))}, "not a number"),
    "exchanged": ({"image_w": 240, "image_h": 320}, "exchanged"),
    "backwards": ({"boxes": b64(BOXES[:, [2, 3, 0, 1]])}, "ends before"),
    "no size": ({"image_w": "nan"}, "pixels"),
    "long size": ({"image_w": "1" * 5000}, "of 5000 digits"),
    "narrower": ({"features": b64(FEATURES[:, :3].copy())}, "widths"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_lines_are_named(name: str, tmp_path: Path) -> None:
    changed, said = HOSTILE[name]
    good, bad = line_of(BOTTOM_UP, image_id=7), line_of(BOTTOM_UP, **changed)
    (tmp_path / "a.tsv").write_text(good + bad)
    found = imported(tmp_path / "a.tsv", ids="number")
    assert isinstance(found, Missing)
    assert found.reason == "bad_features"
    assert said in found.detail
    assert "\n" not in found.detail
    assert len(found.detail) < 300


def record_of(**changed: object) -> bytes:
    """As ViLBERT's is written."""
    record: dict[str, object] = {"image_id": "42", "image_w": 320, "image_h": 240, "num_boxes": 2}
    record |= {"boxes": b64(BOXES).encode(), "features": b64(FEATURES).encode()}
    return pickle.dumps(record | changed)


def database(path: Path, records: dict[str, bytes]) -> Path:
    with lmdb.open(str(path), map_size=2**20) as opened, opened.begin(write=True) as writing:
        writing.put(b"keys", pickle.dumps([name.encode() for name in records]))
        for name, body in records.items():
            writing.put(name.encode(), body)
    return path


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return Path.touch, (self.marker,)


@pytest.mark.parametrize("as_text", [False, True])
def test_lmdb_of_vilbert(as_text: bool, tmp_path: Path) -> None:
    texts = {"boxes": b64(BOXES), "features": b64(FEATURES), "num_boxes": "2"} if as_text else {}
    records = {"42": record_of(**texts), "7": record_of(num_boxes=3)}
    path = database(tmp_path / "features.lmdb", records)
    check(imported(path, ids="number"))
    check(imported(path / "data.mdb", ids="number"))
    absent = imported(path, ids="key")
    assert isinstance(absent, Missing)
    assert absent.reason == "no_features"


def test_hostile_records_of_an_lmdb_are_named_and_run_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    hostile = {
        "more than plain data": pickle.dumps({"boxes": Touch(marker)}),
        "no whole pickle": record_of()[:-40],
        "has no image_w": pickle.dumps([1, 2]),
        "has no boxes": pickle.dumps({"image_w": 1, "image_h": 1, "num_boxes": 1, "features": b""}),
        "neither a number nor base64": record_of(boxes=[1.0]),
        "not 1 to": record_of(num_boxes=-1),
        "not base64": record_of(features=b"!"),
    }
    for number, (said, body) in enumerate(hostile.items()):
        path = database(tmp_path / f"{number}.lmdb", {"42": body, "1": record_of()})
        found = imported(path, ids="number")
        assert isinstance(found, Missing)
        assert (found.reason, said in found.detail) == ("bad_features", True), found.detail
    assert not marker.exists()


def test_files_that_are_no_features_are_refused_in_one_line(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    evil, empty, torn = (tmp_path / name for name in ("evil", "empty", "torn"))
    for folder in (evil, empty, torn):
        folder.mkdir()
    (torn / "data.mdb").write_bytes(b"torn" * 4096)
    database(tmp_path / "none.lmdb", {})
    with lmdb.open(str(tmp_path / "bytes.lmdb")) as opened, opened.begin(write=True) as writing:
        writing.put(b"\xff\xfe", record_of())
    hostile: Any = np.array([Touch(marker)], dtype=object)
    np.savez(evil / "a.npz", bbox=hostile, x=FEATURES)
    with io.StringIO(line_of(BOTTOM_UP)) as line:
        (tmp_path / "cut.tsv").write_text(line.read().rpartition("\t")[0])
    (tmp_path / "first.tsv").write_text(line_of(BOTTOM_UP, num_boxes=0))
    (tmp_path / "good.tsv").write_text(line_of(BOTTOM_UP))
    (tmp_path / "names.txt").write_text("cat\n")
    refused: list[tuple[dict[str, Any], str]] = [
        ({"features": evil}, "of type object"),
        ({"features": empty}, "holds no .npz"),
        ({"features": torn}, "no whole LMDB"),
        ({"features": tmp_path / "none.lmdb"}, "no images"),
        ({"features": tmp_path / "bytes.lmdb"}, "no images"),
        ({"features": tmp_path / "no.tsv"}, "neither a folder"),
        ({"features": tmp_path / "cut.tsv"}, "5 columns"),
        ({"features": tmp_path / "first.tsv"}, "num_boxes"),
        ({"features": tmp_path / "good.tsv", "classes": tmp_path / "names.txt"}, "0 columns"),
        ({}, "needs --features"),
    ]
    for options, said in refused:
        with pytest.raises(ValueError, match=said) as caught:
            build(Choice(detector="import", **options))
        assert "\n" not in str(caught.value)
    assert not marker.exists()
