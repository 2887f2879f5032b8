"""Does a zero-shot question to an open_clip model get open_clip's own answer?"""

import numpy as np
import pytest

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
    import torch

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


def test_any_model_folder_can_be_asked(trained: Trained, pixels: list[Pixels]) -> None:
    """A folder of `lait relevance train` is an open_clip model like any other."""
    found = ZeroShot.load(f"open_clip:local-dir:{trained.model}", UNSAFE, SAFE).unsafe(pixels)
    assert len(found) == len(pixels)
    assert all(0 <= share <= 1 for share in found)


def test_no_prompts(trained: Trained) -> None:
    with pytest.raises(ValueError, match=r"filter\.unsafe_prompts"):
        ZeroShot.load(f"open_clip:local-dir:{trained.model}", (), SAFE)
