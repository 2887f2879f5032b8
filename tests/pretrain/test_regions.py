"""Do detectors answer for every sample, in the same bytes, under the same keys?"""

import dataclasses
import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from pretrain.regions.backbone import EfficientNetLite0, pixels
from pretrain.regions.detector import identity
from pretrain.regions.grid import GridDetector
from pretrain.regions.npz import from_npz, to_npz
from pretrain.regions.pictures import opened
from pretrain.regions.regions import Missing, Regions
from pretrain.regions.world import WHOLE_IMAGE, WorldDetector
from pretrain.regions.write import write_regions
from shards.manifest import InputInfo, read_manifest
from shards.read import RegionsReader, ShardReader
from tests.pretrain.helpers import CountingDetector, packed, picture, regions_of, sample_of


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """20 pictures in three shards."""
    return packed(tmp_path / "shards", 20, samples_per_shard=7)


def test_every_sample_has_its_regions_under_the_same_shard_names(
    shards: Path, tmp_path: Path
) -> None:
    detector = CountingDetector()
    told: list[tuple[int, int]] = []
    manifest = write_regions(
        shards,
        tmp_path / "regions",
        detector=detector,
        progress=lambda done, total: told.append((done, total)),
    )
    source = read_manifest(shards)
    assert [s.name for s in manifest.shards] == [s.name for s in source.shards]
    assert manifest.regions is not None
    assert manifest.regions.source_digest == source.digest
    assert (manifest.regions.detector, manifest.regions.feature_dim) == ("counting", 3)
    assert told[-1] == (20, 20)
    with ShardReader(shards) as samples, RegionsReader(tmp_path / "regions") as regions:
        for i in range(20):
            sample = samples.sample(i)
            (expected,) = regions_of(CountingDetector(), sample.image)
            found = from_npz(regions.npz(sample.key))
            assert np.array_equal(found.features_RD, expected.features_RD)


def test_two_runs_give_the_same_bytes(shards: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_regions(shards, tmp_path / name, detector=CountingDetector())
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert "manifest.json" in files
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_killed_run_keeps_its_finished_shards(shards: Path, tmp_path: Path) -> None:
    out = tmp_path / "regions"
    whole = write_regions(shards, out, detector=CountingDetector())
    (out / "manifest.json").unlink()
    (out / whole.shards[1].name).write_bytes(b"torn")
    again = CountingDetector()
    assert write_regions(shards, out, detector=again) == whole
    assert again.seen == whole.shards[1].n_samples


def test_shards_of_another_detector_are_made_anew(shards: Path, tmp_path: Path) -> None:
    write_regions(shards, tmp_path / "regions", detector=CountingDetector())
    other = CountingDetector(name="another")
    write_regions(shards, tmp_path / "regions", detector=other)
    assert other.seen == 20


def test_npz_is_exact_and_never_unpickled() -> None:
    (regions,) = regions_of(CountingDetector(), b"x")
    body = to_npz(regions)
    assert body == to_npz(from_npz(body))
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert {member.date_time[0] for member in archive.infolist()} == {1980}
    hostile = io.BytesIO()
    np.savez(hostile, boxes=np.array([{}], dtype=object), features=np.ones(1), probs=np.ones(1))
    for bad in (hostile.getvalue(), b"torn", to_npz(regions)[:-40]):
        with pytest.raises(ValueError, match=r"regions|pickle|object"):
            from_npz(bad)


def test_regions_of_unequal_lengths_are_refused() -> None:
    (regions,) = regions_of(CountingDetector(), b"x")
    wrong = dataclasses.replace(regions, probs_RK=np.ones((2, 2), dtype=np.float16))
    with pytest.raises(ValueError, match="shapes"):
        from_npz(to_npz(wrong))


def test_packaged_network_knows_what_it_sees() -> None:
    """The map from the packaged weights to timm's names: classes come out as timm's own forward."""
    backbone = EfficientNetLite0()
    image = opened(picture(3, (80, 80)), 224)
    maps = backbone.maps([image])
    assert maps.deep.shape == (1, 1280, 7, 7)
    assert maps.middle.shape == (1, 112, 14, 14)
    whole = np.array([[0, 0, 1, 1]], dtype=np.float32)
    probs = backbone.classify(maps.deep.mean((2, 3)))
    with torch.inference_mode():
        expected = backbone._network(pixels(image, 224)[None]).softmax(-1)
    assert torch.allclose(probs, expected, atol=1e-5)
    assert backbone.pool(maps, [whole]).shape == (1, backbone.feature_dim)


def test_a_box_pools_what_lies_in_it() -> None:
    backbone = EfficientNetLite0()
    maps = backbone.maps([opened(picture(0), 224)])
    ramp = torch.linspace(0, 1, 7).expand(1, 1280, 7, 7)  # rises to the right
    ramped = dataclasses.replace(maps, deep=ramp)
    boxes = np.array([[0, 0, 0.5, 1], [0.5, 0, 1, 1], [0, 0, 1, 0.5]], dtype=np.float32)
    left, right, top = backbone.pool(ramped, [boxes])[:, 0].tolist()
    assert left < 0.3
    assert right > 0.7
    assert top == pytest.approx(0.5, abs=0.01)


def test_grid_regions_cover_the_image() -> None:
    detector = GridDetector(cells=2)
    one, two = regions_of(detector, picture(1), picture(2))
    assert len(one) == len(two) == 5
    assert one.boxes_R4[0].tolist() == [0, 0, 1, 1]
    sides = one.boxes_R4[1:, 2:] - one.boxes_R4[1:, :2]
    assert np.allclose(sides, 0.5)
    assert one.probs_RK.shape == (5, 1000)
    assert np.allclose(one.probs_RK.astype(np.float32).sum(1), 1, atol=0.01)
    assert len(set(detector.classes)) == 1000
    (alone,) = regions_of(detector, picture(2))
    assert np.allclose(alone.features_RD, two.features_RD, atol=1e-2)


def test_world_regions_are_the_gold(tmp_path: Path) -> None:
    image, stranger = picture(1), picture(2)
    line = {
        "sha256": hashlib.sha256(image).hexdigest(),
        "boxes": [[0.1, 0.2, 0.5, 0.6], [0.5, 0.5, 1.0, 1.0]],
        "labels": ["cat", "ball"],
        "attributes": [["red", "small"], ["blue", "large", "striped"]],
    }
    (tmp_path / "annotations.jsonl").write_text(json.dumps(line) + "\n")
    detector = WorldDetector(tmp_path / "annotations.jsonl")
    known, unknown = regions_of(detector, image, stranger)
    assert detector.classes == (WHOLE_IMAGE, "ball", "cat")
    assert known.boxes_R4[1].tolist() == pytest.approx([0.1, 0.2, 0.5, 0.6])
    assert known.probs_RK.argmax(1).tolist() == [0, 2, 1]
    assert detector.attributes == ("blue", "red")
    assert known.attributes_RA is not None
    assert known.attributes_RA.tolist() == [[0, 0], [0, 1], [1, 0]]
    assert len(unknown) == 1
    with pytest.raises(ValueError, match="--annotations"):
        WorldDetector(tmp_path / "nothing.jsonl")


def test_what_is_no_picture_has_no_regions_and_does_not_disturb_the_others() -> None:
    detector = GridDetector()
    html, torn = b"<html>", picture(4, (300, 300))[:-2000]
    found = detector.detect([sample_of(image) for image in (html, picture(1), torn)])
    for one in (found[0], found[2]):
        assert isinstance(one, Missing)
        assert one.reason == "damaged"
        assert "cannot be decoded" in one.detail
    (alone,) = regions_of(detector, picture(1))
    assert isinstance(found[1], Regions)
    assert np.array_equal(found[1].features_RD, alone.features_RD)


def test_samples_without_regions_are_counted_and_named(shards: Path, tmp_path: Path) -> None:
    with ShardReader(shards) as reader:
        keys = sorted(reader.key(i) for i in (1, 2, 13))
        every = {reader.key(i) for i in range(20)}
    detector = CountingDetector(blind=frozenset(keys))
    out = tmp_path / "regions"
    made = write_regions(shards, out, detector=detector)
    assert (made.seen, made.kept) == (20, 17)
    (row,) = made.funnel
    assert (row.stage, row.reason, row.count) == ("regions", "damaged", 3)
    stats = [json.loads((out / f"{s.stem}_stats.json").read_bytes()) for s in made.shards]
    assert [name for said in stats for name, _, _ in said["missing"]] == keys
    with RegionsReader(out) as regions:
        assert {key for key in every if key not in regions} == set(keys)
    (out / "manifest.json").unlink()
    again = CountingDetector(blind=frozenset(keys))
    assert write_regions(shards, out, detector=again) == made
    assert again.seen == 0
    with pytest.raises(ValueError, match="for none of the 20 images"):
        write_regions(shards, tmp_path / "none", detector=CountingDetector(blind=frozenset(every)))


def test_numbers_too_large_for_half_precision_are_not_stored(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not finite"):
        write_regions(shards, tmp_path / "regions", detector=CountingDetector(scale=np.inf))


def test_manifest_says_what_made_the_regions(shards: Path, tmp_path: Path) -> None:
    weights = InputInfo(name="weights.onnx", n_bytes=7, sha256="ab" * 32)
    detector = CountingDetector(
        settings=(("min_score", "0.1"),), files=(weights,), attributes=("red",)
    )
    assert identity(detector) != identity(CountingDetector(attributes=("red",)))
    write_regions(shards, tmp_path / "plain", detector=CountingDetector())
    detector.attributes = ()
    made = write_regions(shards, tmp_path / "regions", detector=detector)
    assert made.inputs == (weights,)
    assert made.regions is not None
    assert made.regions.settings == (("min_score", "0.1"),)
    assert made.config_hash == identity(detector)
    # Other settings: nothing of the earlier run is taken over.
    detector.settings, detector.seen = (("min_score", "0.2"),), 0
    write_regions(shards, tmp_path / "regions", detector=detector)
    assert detector.seen == 20


def test_attributes_are_stored_where_known() -> None:
    (plain,) = regions_of(CountingDetector(), b"x")
    known = dataclasses.replace(plain, attributes_RA=np.full((1, 5), 0.25, dtype=np.float16))
    assert from_npz(to_npz(plain)).attributes_RA is None
    back = from_npz(to_npz(known))
    assert back.attributes_RA is not None
    assert back.attributes_RA.tolist() == [[0.25] * 5]
    assert back.top(1).attributes_RA is not None


def archive_of(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(f"{name}.npy", body)
    return buffer.getvalue()


def claiming(shape: tuple[int, ...], body: bytes = b"") -> bytes:
    file = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + body


def npy(array: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]") -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


ONE = npy(np.ones((1, 4), dtype=np.float32))
HOSTILE = {
    "bomb": (archive_of(boxes=bytes(300 * 2**20)), "unpacks to 314572800 bytes"),
    "claim": (archive_of(boxes=claiming((2**40, 4)), features=ONE, probs=ONE), "claims the shape"),
    "negative": (archive_of(boxes=claiming((-1, 4)), features=ONE, probs=ONE), "claims the shape"),
    "missing": (archive_of(boxes=ONE, probs=ONE), "no array features"),
    "strings": (archive_of(boxes=npy(np.array([["a"] * 4])), features=ONE, probs=ONE), "of type"),
    "nan": (archive_of(boxes=npy(np.full((1, 4), np.nan)), features=ONE, probs=ONE), "number"),
    "flat": (archive_of(boxes=npy(np.ones(4)), features=ONE, probs=ONE), "shapes"),
    "none": (archive_of(**dict.fromkeys(("boxes", "features", "probs"), claiming((0, 4)))), "shap"),
    "many": (
        archive_of(**dict.fromkeys(("boxes", "features", "probs"), npy(np.ones((1001, 4))))),
        "1001 regions",
    ),
    "magic": (archive_of(boxes=b"\x93NOTNUMPY", features=ONE, probs=ONE), "magic"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_npz_are_refused_in_one_line(name: str) -> None:
    body, said = HOSTILE[name]
    with pytest.raises(ValueError, match=said) as caught:
        from_npz(body)
    assert "\n" not in str(caught.value)
