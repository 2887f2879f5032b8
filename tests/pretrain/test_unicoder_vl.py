"""Is Unicoder-VL as it is described? (Checks UV1 to UV5 of the specification.)"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pretrain import recipe as recipes
from pretrain.batch import Batch, View
from pretrain.draws import Draws
from pretrain.embed.region import location
from pretrain.network import DataSizes, Network
from pretrain.objectives.moc import Moc
from pretrain.objectives.objective import Encoded
from pretrain.recipe import Recipe
from pretrain.recipes import unicoder_vl
from pretrain.recipes.unicoder_vl import BACKGROUND
from pretrain.steps.standard import corrupt, score_step
from pretrain.steps.strategy import Shown
from pretrain.tokens import WordPiece
from pretrain.workers import Workers
from tests.pretrain.helpers import draws


@pytest.fixture
def small(vocabulary: Path) -> Recipe:
    return dataclasses.replace(recipes.load("unicoder_vl", shrink=True), vocabulary=str(vocabulary))


def moc_loss(objective: Moc, probs: list[float], say: int) -> float:
    """Loss of one selected region of these class probabilities, when the head says class `say`."""
    K = len(probs)
    mask = torch.ones(1, 1, dtype=torch.bool)
    batch = Batch(
        tokens_BL=torch.ones(1, 1, dtype=torch.long),
        segments_BL=torch.zeros(1, 1, dtype=torch.long),
        positions_BL=torch.zeros(1, 1, dtype=torch.long),
        words_BL=torch.zeros(1, 1, dtype=torch.long),
        text_mask_BL=mask,
        regions_BRD=torch.ones(1, 1, 2),
        boxes_BR4=torch.tensor([[[0.0, 0.0, 1.0, 1.0]]]),
        probs_BRK=torch.tensor([[probs]]),
        region_mask_BR=mask,
        match_B=torch.ones(1, dtype=torch.long),
    )
    view = dataclasses.replace(View.of(batch), masked_regions_BR=mask)
    hidden = 100.0 * torch.eye(K)[say][None, None]
    encoded = Encoded(text_BLH=hidden, image_BRH=hidden, words_VH=hidden)
    return objective.loss(torch.nn.Identity(), encoded, batch, view).total.item()


def test_uv1_background_is_never_the_class_to_find() -> None:
    probs = [0.6, 0.1, 0.3]
    assert moc_loss(Moc(background=BACKGROUND), probs, say=2) == pytest.approx(0.0)
    assert moc_loss(Moc(background=BACKGROUND), probs, say=0) == pytest.approx(100.0)
    assert moc_loss(Moc(), probs, say=0) == pytest.approx(0.0)
    full = recipes.load("unicoder_vl")
    assert [o.background for o in full.objectives if isinstance(o, Moc)] == [BACKGROUND]


@pytest.mark.parametrize("match", [True, False])
def test_uv2_only_matching_pairs_have_masked_losses(
    match: bool,
    small: Recipe,
    sizes: DataSizes,
    wordpiece: WordPiece,
    make_batch: Callable[..., Batch],
) -> None:
    network = Network(small, sizes).eval()
    batch = make_batch(32, match=match)
    view = corrupt(small.objectives, batch, draws(32), wordpiece)
    scores = score_step(network, small.objectives, [Shown(batch=batch, view=view.view)], Workers())
    assert scores["itm"].mean > 0
    for name in ("mlm", "moc"):
        assert (scores[name].total > 0) == match
        assert (scores[name].count > 0) == match


def test_uv3_negatives_from_both_sides_alike(small: Recipe) -> None:
    texts = [f"text {i}" for i in range(64)]
    captions = [frozenset([text]) for text in texts]
    kinds, n_rows = [], 0
    for step in range(200):
        drawn = Draws(seed=0, step=step, rows=tuple(range(64)))
        choices = small.pairing(range(64), texts, captions, drawn)
        n_rows += len(choices)
        kinds += [choice.image_row == row for row, choice in enumerate(choices) if not choice.match]
    assert len(kinds) / n_rows == pytest.approx(0.5, abs=0.02)
    assert sum(kinds) / len(kinds) == pytest.approx(0.5, abs=0.02)


def test_uv4_a_region_is_the_norm_of_feature_and_location_alone(
    small: Recipe, sizes: DataSizes, make_batch: Callable[..., Batch]
) -> None:
    network = Network(small, sizes).eval()
    batch = make_batch(2)
    got = network.embed_image(batch, View.of(batch)).detach().numpy()
    weights = {name: p.detach().numpy() for name, p in network.region.named_parameters()}
    summed = batch.regions_BRD.numpy() @ weights["feature.weight"].T + weights["feature.bias"]
    summed += location(batch.boxes_BR4).numpy() @ weights["location.weight"].T
    summed += weights["location.bias"]
    centred = summed - summed.mean(-1, keepdims=True)
    expected = centred / (centred.var(-1, keepdims=True) + 1e-12) ** 0.5
    expected = expected * weights["norm.weight"] + weights["norm.bias"]
    assert abs(got - expected).max() < 1e-5


def test_uv5_the_recipe_says_that_it_is_unverified() -> None:
    full = recipes.load("unicoder_vl")
    assert any("unverified" in assumption for assumption in full.assumptions)
    assert "UNVERIFIED" in (unicoder_vl.__doc__ or "")
    stage = full.stages[0]
    assert (stage.epochs, stage.batch_pairs, stage.optim.lr) == (10.0, 192, 1e-4)
    assert (full.inputs.max_length, full.inputs.max_regions) == (144, 100)
