"""Do networks of strangers see what they should, and is what is no network refused in one line?"""

import io
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torchvision.models import get_model
from torchvision.transforms.functional import pil_to_tensor

from pretrain.regions.build import Choice, build
from pretrain.regions.classes import coco_80, coco_91
from pretrain.regions.found import WHOLE_IMAGE, Found, Limits, best
from pretrain.regions.torchvision_models import TorchvisionDetector
from pretrain.regions.yolox import STRIDES, decoded, letterboxed
from tests.pretrain.helpers import picture, regions_of


def test_yolox_rows_are_decoded_as_its_paper_says() -> None:
    """Against the definition, cell by cell, in plain Python."""
    side, n_classes, extent = 64, 3, (64.0, 40.0)
    rng = np.random.default_rng(0)
    output = rng.normal(size=(64 + 16 + 4, 5 + n_classes)).astype(np.float32)
    output[:, 4:] = 1 / (1 + np.exp(-output[:, 4:]))
    found = decoded(output, side, extent)
    row = 0
    for stride in STRIDES:
        for y in range(side // stride):
            for x in range(side // stride):
                dx, dy, log_w, log_h, objectness, *scores = output[row].tolist()
                middle = ((x + dx) * stride, (y + dy) * stride)
                half = (math.exp(log_w) * stride / 2, math.exp(log_h) * stride / 2)
                expected = [
                    (middle[0] - half[0]) / extent[0],
                    (middle[1] - half[1]) / extent[1],
                    (middle[0] + half[0]) / extent[0],
                    (middle[1] + half[1]) / extent[1],
                ]
                assert found.boxes_R4[row].tolist() == pytest.approx(expected, abs=1e-4)
                assert found.scores_R[row] == pytest.approx(objectness * max(scores), abs=1e-6)
                assert found.probs_RK[row].argmax() == scores.index(max(scores))
                assert found.probs_RK[row].sum() == pytest.approx(1, abs=1e-5)
                row += 1
    assert row == len(found.boxes_R4)


def test_yolox_input_is_blue_first_unscaled_and_padded_below_and_right() -> None:
    wide = Image.new("RGB", (200, 100), (250, 20, 3))
    input_13SS, extent = letterboxed(wide, 64)
    assert extent == (64, 32)
    assert input_13SS.dtype == np.float32
    assert input_13SS[0, :, 0, 0].tolist() == [3, 20, 250]
    assert input_13SS[0, :, 31, 63].tolist() == [3, 20, 250]
    assert (input_13SS[0, :, 32:] == 114).all()
    tall, extent = letterboxed(Image.new("RGB", (100, 200)), 64)
    assert extent == (32, 64)
    assert (tall[0, :, :, 32:] == 114).all()
    assert letterboxed(Image.new("RGB", (3000, 1)), 64)[0].shape == (1, 3, 64, 64)


def found_of(*rows: tuple[float, float, float, float, float]) -> Found:
    table = np.array(rows, dtype=np.float32)
    return Found(
        boxes_R4=table[:, :4],
        scores_R=table[:, 4],
        probs_RK=np.ones((len(rows), 1), dtype=np.float32),
    )


def test_confident_boxes_are_kept_and_their_copies_are_not() -> None:
    found = found_of(
        (0.1, 0.1, 0.4, 0.4, 0.5),
        (0.11, 0.1, 0.4, 0.4, 0.9),  # the one above is its copy
        (0.5, 0.5, 1.2, 0.9, 0.7),  # reaches out of the picture
        (0.0, 0.0, 0.5, 0.5, 0.05),  # not confident
        (0.3, 0.3, 0.3, 0.9, 0.8),  # holds nothing
        (float("nan"), 0, 1, 1, 0.95),
        (1.5, 0, 1.8, 1, 0.99),  # outside
    )
    kept = best(found, Limits(min_score=0.1))
    assert kept.scores_R.tolist() == pytest.approx([0.9, 0.7])
    assert kept.boxes_R4[1].tolist() == pytest.approx([0.5, 0.5, 1.0, 0.9])
    assert len(best(found, Limits(max_regions=2)).scores_R) == 1
    assert len(best(found, Limits(max_overlap=1.0)).scores_R) == 3


@pytest.mark.parametrize(
    "wrong", [{"max_regions": 0}, {"min_score": 1.5}, {"max_overlap": -0.1}], ids=str
)
def test_limits_outside_of_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"--{next(iter(wrong)).replace('_', '-')}"):
        Limits(**wrong)


def test_yolox_nano_sees_what_is_in_a_real_picture(shared_data: Path) -> None:
    """Boxes drawn by hand around what a person sees there."""
    image = (shared_data / "captions" / POLICE).read_bytes()
    detector = build(Choice(detector="yolox", weights=shared_data / "models/yolox_nano.onnx"))
    (regions,) = regions_of(detector, image)
    assert detector.classes == (WHOLE_IMAGE, *coco_80())
    assert len(detector.classes) == 81
    assert detector.files[0].sha256 is not None
    assert dict(detector.settings)["min_score"] == "0.1"
    labels = [detector.classes[k] for k in regions.probs_RK.argmax(1)]
    assert labels[0] == WHOLE_IMAGE
    assert regions.boxes_R4[0].tolist() == [0, 0, 1, 1]
    cars = [box for box, label in zip(regions.boxes_R4, labels, strict=True) if label == "car"]
    white, black = np.array([0.545, 0.62, 0.835, 0.88]), np.array([0.4, 0.62, 0.535, 0.8])
    for seen in (white, black):
        assert max(overlap(car, seen) for car in cars) > 0.7
    assert regions.features_RD.shape == (len(labels), detector.feature_dim)
    assert np.allclose(regions.probs_RK.astype(np.float32).sum(1), 1, atol=0.01)


POLICE = "images/osbooks-american-government/61f96bd82663708d.jpg"


def overlap(one: "np.ndarray[Any, Any]", other: "np.ndarray[Any, Any]") -> float:
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    shared = float(np.prod(np.maximum(sides, 0)))
    return shared / float(np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - shared)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Random weights of a two-stage and a single-stage model, in both formats."""
    folder, made = tmp_path_factory.mktemp("weights"), {}
    for name, n_outputs in ((TWO_STAGE, 4), (ONE_STAGE, 4)):
        torch.manual_seed(1)
        model = get_model(name, weights=None, weights_backbone=None, num_classes=n_outputs)
        made[name] = folder / f"{name}.safetensors"
        save_file(model.state_dict(), made[name])
        torch.save(model.state_dict(), folder / f"{name}.pth")
    (folder / "names.txt").write_text("cat\ndog\nbird\n")
    return made


TWO_STAGE, ONE_STAGE = "fasterrcnn_mobilenet_v3_large_320_fpn", "ssdlite320_mobilenet_v3_large"
NAMES = ("cat", "dog", "bird")
LOW = Limits(min_score=0.0, max_regions=12)


def test_two_stage_models_give_the_features_of_their_own_box_head(
    weights: dict[str, Path],
) -> None:
    detector = TorchvisionDetector(TWO_STAGE, weights[TWO_STAGE], limits=LOW, names=NAMES)
    image = picture(3, (90, 60))
    (regions,) = regions_of(detector, image)
    assert detector.classes == (WHOLE_IMAGE, *NAMES)
    assert regions.features_RD.shape == (len(regions), detector.feature_dim) == (12, 1024)
    # The model's own way, in one call: boxes, and what leaves its head for the whole picture.
    model: Any = get_model(TWO_STAGE, weights=None, weights_backbone=None, num_classes=4)
    model.load_state_dict(torch.load(weights[TWO_STAGE].with_suffix(".pth"), weights_only=True))
    model.eval()
    model.roi_heads.score_thresh = 0.0
    picture_3HW = pil_to_tensor(Image.open(io.BytesIO(image)).convert("RGB")).float() / 255
    with torch.inference_mode():
        (seen,) = model([picture_3HW])
        images, _ = model.transform([picture_3HW])
        h, w = images.image_sizes[0]
        whole = [torch.tensor([[0.0, 0.0, w, h]])]
        maps = model.backbone(images.tensors)
        pooled = model.roi_heads.box_roi_pool(maps, whole, images.image_sizes)
        feature_1D = model.roi_heads.box_head(pooled)
        probs_1K = model.roi_heads.box_predictor(feature_1D)[0][:, 1:].softmax(-1)
    assert np.allclose(regions.features_RD[0], feature_1D[0].numpy(), atol=1e-2)
    assert probs_1K.shape == (1, 3)
    assert np.allclose(regions.boxes_R4[1] * [90, 60, 90, 60], seen["boxes"][0].numpy(), atol=1e-2)
    assert np.allclose(regions.probs_RK.astype(np.float32).sum(1), 1, atol=0.01)
    assert regions.probs_RK[0].tolist() == [1, 0, 0, 0]


def test_a_picture_is_seen_alike_whatever_is_seen_with_it(weights: dict[str, Path]) -> None:
    detector = TorchvisionDetector(TWO_STAGE, weights[TWO_STAGE], limits=LOW, names=NAMES)
    (alone,) = regions_of(detector, picture(3, (90, 60)))
    _, together = regions_of(detector, picture(4, (300, 40)), picture(3, (90, 60)))
    assert np.array_equal(alone.boxes_R4, together.boxes_R4)
    assert np.array_equal(alone.features_RD, together.features_RD)


def test_single_stage_models_are_pooled_by_another_network(weights: dict[str, Path]) -> None:
    detector = TorchvisionDetector(ONE_STAGE, weights[ONE_STAGE], limits=LOW, names=NAMES)
    (regions,) = regions_of(detector, picture(3, (90, 60)))
    assert "efficientnet" in detector.name
    assert regions.features_RD.shape == (len(regions), 1392)
    assert set(regions.probs_RK.sum(1).tolist()) == {1.0}
    assert set(regions.probs_RK[1:].argmax(1).tolist()) <= {1, 2, 3}


def test_names_of_coco_are_known() -> None:
    assert len(coco_91()) == 91
    assert len(coco_80()) == len(set(coco_80())) == 80
    assert [coco_80()[k] for k in (0, 2, 16, 79)] == ["person", "car", "dog", "toothbrush"]


def test_what_cannot_be_a_detector_is_refused_in_one_line(
    weights: dict[str, Path], tmp_path: Path, shared_data: Path
) -> None:
    (tmp_path / "page.onnx").write_bytes(b"<html>")
    (tmp_path / "names.txt").write_text("cat\n\n")
    (tmp_path / "pickle.pth").write_bytes(b"cos\nsystem\n(S'touch marker'\ntR.")
    two, tv = weights[TWO_STAGE], f"torchvision:{TWO_STAGE}"
    nano, names = shared_data / "models/yolox_nano.onnx", two.parent / "names.txt"
    for choice, said in [
        (Choice(detector="yolo"), "is none of"),
        (Choice(detector="torchvision"), "is none of"),
        (Choice(detector="grid:3"), "is none of"),
        (Choice(detector="yolox"), "needs --weights"),
        (Choice(detector="yolox", weights=tmp_path / "no.onnx"), "not a file"),
        (Choice(detector="yolox", weights=tmp_path / "page.onnx"), "no ONNX network"),
        (Choice(detector="yolox", weights=nano, classes=names), "80 classes, there are 3 names"),
        (Choice(detector="yolox", weights=nano, classes=tmp_path / "names.txt"), "empty"),
        (Choice(detector="torchvision:resnet50", weights=two), "none of fasterrcnn"),
        (Choice(detector=tv, weights=two), "91 outputs"),
        (Choice(detector=tv, weights=tmp_path / "page.onnx"), "cannot be read"),
        (Choice(detector=tv, weights=tmp_path / "pickle.pth"), "cannot be read"),
    ]:
        with pytest.raises(ValueError, match=said) as caught:
            build(choice)
        assert "\n" not in str(caught.value)
    assert not Path("marker").exists()


@pytest.mark.parametrize(
    ("package", "detector"), [("onnxruntime", "yolox"), ("torchvision", f"torchvision:{TWO_STAGE}")]
)
def test_a_missing_package_is_named(
    package: str, detector: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValueError, match=f"needs {package}, which is not installed: pip install"):
        build(Choice(detector=detector, weights=Path("w")))
