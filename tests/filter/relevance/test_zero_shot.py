"""Does a zero-shot question to an open_clip model get open_clip's own answer?"""

import json
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from filter.relevance.model import RelevanceModel
from filter.relevance.pairs import images_of, read_pairs, read_pixels
from filter.relevance.preprocess import Pixels
from filter.relevance.zero_shot import ZeroShot
from filter.safety import SafetyModel
from tests.filter.relevance.conftest import Trained

UNSAFE, SAFE = ("a red car", "a red house"), ("a blue star", "a green tree", "a dog")


@pytest.fixture(scope="module")
def model(trained: Trained) -> RelevanceModel:
    return RelevanceModel.load(trained.model)


@pytest.fixture(scope="module")
def pixels(model: RelevanceModel, trained: Trained) -> list[Pixels]:
    paths = list(images_of(read_pairs(trained.pairs)).values())[:6]
    return [read_pixels(path, model.size_px, model.encoder.resize) for path in paths]


def test_it_is_clips_softmax(model: RelevanceModel, pixels: list[Pixels]) -> None:
    zero_shot = ZeroShot.of(model.encoder, UNSAFE, SAFE)
    assert isinstance(zero_shot, SafetyModel)
    network = model.encoder.network
    with torch.inference_mode():
        x = torch.cat([model.encoder._input(picture) for picture in pixels])
        images, words, scale = network(x, model.encoder.tokenizer([*UNSAFE, *SAFE]))[:3]
        own = (scale * images @ words.T).softmax(dim=-1).numpy()
    np.testing.assert_allclose(zero_shot.shares(pixels), own, atol=1e-5)
    np.testing.assert_allclose(zero_shot.unsafe(pixels), own[:, :2].sum(axis=1), atol=1e-5)
    assert zero_shot.unsafe([]) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP as open_clip publishes one, small and random."""
    out = tmp_path_factory.mktemp("clip")
    towers = {
        "embed_dim": 16,
        "vision_cfg": {
            "image_size": 32,
            "layers": 1,
            "width": 16,
            "patch_size": 8,
            "head_width": 8,
        },
        "text_cfg": {
            "context_length": 77,
            "vocab_size": 49408,
            "width": 16,
            "heads": 2,
            "layers": 1,
        },
    }
    torch.manual_seed(0)
    network = open_clip.model.CLIP(**towers)
    weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(weights, out / "open_clip_model.safetensors")
    shown = {"size": 32, "mode": "RGB", "mean": [0.5] * 3, "std": [0.5] * 3}
    shown |= {"interpolation": "bicubic", "resize_mode": "squash"}
    described = {"model_cfg": towers, "preprocess_cfg": shown}
    (out / "open_clip_config.json").write_text(json.dumps(described))
    return out


def test_any_model_folder_can_be_asked(folder: Path) -> None:
    zero_shot = ZeroShot.load(f"open_clip:local-dir:{folder}", UNSAFE, SAFE)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8))
    (found,) = zero_shot.unsafe([zero_shot.preprocess(picture)])
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    words = open_clip.get_tokenizer(f"local-dir:{folder}")([*UNSAFE, *SAFE])
    with torch.inference_mode():
        images, texts, scale = model.eval()(transform(picture)[None], words)[:3]
        own = (scale * images @ texts.T).softmax(dim=-1)[0, :2].sum().item()
    assert found == pytest.approx(own, abs=1e-5)


def test_no_prompts(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"filter\.unsafe_prompts"):
        ZeroShot.load(f"open_clip:local-dir:{folder}", (), SAFE)
