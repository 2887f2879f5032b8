"""Does a loaded model score as open_clip does, alike in any company, or refuse in one line?"""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from filter.judge import Scorer
from filter.relevance import backbone
from filter.relevance.config import RelevanceConfig
from filter.relevance.evaluate import evaluate
from filter.relevance.folder import CARD
from filter.relevance.model import RelevanceModel
from filter.relevance.pairs import images_of, read_pairs
from filter.relevance.preprocess import Pixels
from filter.relevance.train import train
from tests.filter.relevance.conftest import Trained

TEXTS = [
    "A red car",
    "a blue star left of a yellow house",
    "Click here",
    "",
    "A photograph of three boats on a calm lake at dawn, seen from a small hill with trees " * 4,
]


@pytest.fixture(scope="module")
def model(trained: Trained) -> RelevanceModel:
    return RelevanceModel.load(trained.model)


@pytest.fixture(scope="module")
def pictures(trained: Trained) -> list[Image.Image]:
    paths = list(images_of(read_pairs(trained.pairs)).values())[:17]
    return [Image.open(path).convert("RGB") for path in paths]


@pytest.fixture(scope="module")
def pixels(model: RelevanceModel, pictures: list[Image.Image]) -> list[Pixels]:
    return [model.preprocess(picture) for picture in pictures]


def own_cosines(folder: Path, pictures: list[Image.Image], texts: list[str]) -> Any:
    """What open_clip itself makes of a folder: its model, its transform, its tokenizer."""
    described = json.loads((folder / "open_clip_config.json").read_text())
    hf = "hf_model_name" in described["model_cfg"]["text_cfg"]
    name = backbone.register(described["model_cfg"], folder if hf else None)
    network = open_clip.create_model(
        name,
        pretrained=str(folder / "open_clip_model.safetensors"),
        force_preprocess_cfg=described["preprocess_cfg"],
    ).eval()
    cfg = open_clip.transform.PreprocessCfg(**open_clip.get_model_preprocess_cfg(network))
    transform = open_clip.transform.image_transform_v2(cfg, is_train=False)
    with torch.inference_mode():
        images = network.encode_image(torch.stack([transform(p) for p in pictures]), normalize=True)
        words = network.encode_text(open_clip.get_tokenizer(name)(texts), normalize=True)
    return (images @ words.T).numpy()


def test_it_is_what_the_cascade_expects(model: RelevanceModel) -> None:
    assert isinstance(model, Scorer)
    assert model.size_px == 224
    assert 0 < model.threshold < 1
    assert len(model.digest) == 64


def test_cosines_equal_open_clips_own(
    model: RelevanceModel, trained: Trained, pictures: list[Image.Image], pixels: list[Pixels]
) -> None:
    cosines = model.encoder.images(pixels) @ model.encoder.texts(TEXTS).T
    np.testing.assert_allclose(cosines, own_cosines(trained.model, pictures, TEXTS), atol=1e-5)


def test_scores_do_not_depend_on_the_company(model: RelevanceModel, pixels: list[Pixels]) -> None:
    texts = [random.Random(seed).sample(TEXTS, k=seed % 5) for seed in range(len(pixels))]
    together = model.score(pixels, texts)
    assert [len(scores) for scores in together] == [len(own) for own in texts]
    one_by_one = [
        [model.score([picture], [[text]])[0][0] for text in own]
        for picture, own in zip(pixels, texts, strict=True)
    ]
    assert together == one_by_one
    assert model.score(pixels[::-1], texts[::-1])[::-1] == together
    assert all(0 <= score <= 1 for own in together for score in own)


def test_vectors_are_the_same_to_the_last_bit_in_any_company(
    model: RelevanceModel, pixels: list[Pixels]
) -> None:
    """Rounding could hide small differences; nothing is left to hide."""
    whole = model.encoder.texts(TEXTS)
    alone = np.concatenate([model.encoder.texts([text]) for text in TEXTS])
    np.testing.assert_array_equal(whole, alone)
    np.testing.assert_array_equal(whole, model.encoder.texts(TEXTS[::-1])[::-1])
    images = model.encoder.images(pixels)
    np.testing.assert_array_equal(images[3:4], model.encoder.images(pixels[3:4]))


def test_the_number_of_threads_changes_nothing_and_is_left_alone(
    model: RelevanceModel, pixels: list[Pixels]
) -> None:
    before = torch.get_num_threads()
    vectors = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            vectors.append(
                np.concatenate([model.encoder.images(pixels), model.encoder.texts(TEXTS)])
            )
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(vectors[0], vectors[1])


def test_an_image_is_encoded_once(
    model: RelevanceModel, pixels: list[Pixels], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    encode = model.encoder.network.encode_image

    def counted(x: torch.Tensor, *, normalize: bool) -> Any:
        sizes.append(len(x))
        return encode(x, normalize=normalize)

    monkeypatch.setattr(model.encoder.network, "encode_image", counted)
    model.score(pixels[:3], [TEXTS, [], TEXTS[:1]])
    assert sizes == [1, 1]


def test_true_texts_score_above_others(model: RelevanceModel, trained: Trained) -> None:
    """On its own training pairs: a column or row that slipped would show."""
    report = evaluate(trained.model, trained.pairs)
    assert report.auc_random > 0.95
    assert report.split == "none"
    assert report.threshold == model.threshold


def test_wrong_pixels_and_lengths_are_refused(model: RelevanceModel, pixels: list[Pixels]) -> None:
    with pytest.raises(ValueError, match=r"float64 \[224, 224, 3\], the model takes uint8"):
        model.score([pixels[0].astype(np.float64)], [["a"]])
    with pytest.raises(ValueError, match=r"uint8 \[100, 224, 3\]"):
        model.score([pixels[0][:100]], [["a"]])
    with pytest.raises(ValueError, match="2 images but texts for 1"):
        model.score(pixels[:2], [["a"]])
    assert model.score([], []) == []
    assert model.score(pixels[:2], [[], []]) == [[], []]


def set_version(folder: Path) -> None:
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | {"schema_version": 99}))


def damage(folder: Path) -> None:
    with (folder / "open_clip_model.safetensors").open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"\xff\xff\xff\xff")


def set_features(folder: Path) -> None:
    card = json.loads((folder / CARD).read_text())
    card["calibration"]["features"] = ["magic"]
    (folder / CARD).write_text(json.dumps(card))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (shutil.rmtree, "is not a folder"),
        (lambda folder: (folder / CARD).unlink(), f"has no {CARD}"),
        (lambda folder: (folder / CARD).write_text("{"), "cannot be read"),
        (lambda folder: (folder / CARD).write_text("[]"), "has version None"),
        (set_version, "has version 99, this lait reads 1"),
        (damage, "open_clip_model.safetensors is damaged"),
        (lambda folder: (folder / "vocab.txt").unlink(), "lacks vocab.txt"),
        (set_features, "uses features \\['magic'\\]"),
    ],
)
def test_a_folder_that_cannot_be_used_is_one_clear_line(
    spoil: Callable[[Path], object], message: str, trained: Trained, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(trained.model, folder)
    spoil(folder)
    with pytest.raises(ValueError, match=message) as caught:
        RelevanceModel.load(folder)
    assert "\n" not in str(caught.value)


def test_a_moved_model_scores_the_same(
    model: RelevanceModel, trained: Trained, pixels: list[Pixels], tmp_path: Path
) -> None:
    shutil.copytree(trained.model, tmp_path / "elsewhere")
    moved = RelevanceModel.load(tmp_path / "elsewhere")
    assert moved.digest == model.digest
    assert moved.score(pixels, [TEXTS] * 17) == model.score(pixels, [TEXTS] * 17)


def test_any_open_clip_checkpoint_can_be_calibrated(
    trained: Trained, pictures: list[Image.Image], tmp_path: Path
) -> None:
    """A CLIP with its own text tower and tokenizer, of a size that a test can afford."""
    cfg = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 64, "layers": 1, "width": 64, "patch_size": 16},
        "text_cfg": {
            "context_length": 77,
            "vocab_size": 49408,
            "width": 64,
            "heads": 2,
            "layers": 1,
        },
    }
    name = backbone.register(cfg, None)
    torch.manual_seed(0)
    network = open_clip.create_model(name)
    torch.save(network.state_dict(), tmp_path / "clip.pt")
    config = RelevanceConfig(backbone=f"open_clip:{name}/{tmp_path / 'clip.pt'}", folds=3)
    report = train(trained.pairs, tmp_path / "model", config=config)
    assert report.images == 48
    model = RelevanceModel.load(tmp_path / "model")
    assert model.size_px == 64
    # open_clip's default for models without their own setting: the shorter side, then a crop.
    assert model.encoder.resize == "shortest"
    cosines = model.encoder.images([model.preprocess(p) for p in pictures]) @ (
        model.encoder.texts(TEXTS).T
    )
    expected = own_cosines(tmp_path / "model", pictures, TEXTS)
    # Pillow's fit and torchvision's resize-then-crop cut at most a pixel apart.
    np.testing.assert_allclose(cosines, expected, atol=0.02)
    again = f"open_clip:local-dir:{tmp_path / 'model'}"
    second = train(
        trained.pairs, tmp_path / "second", config=RelevanceConfig(backbone=again, folds=3)
    )
    assert second == report
