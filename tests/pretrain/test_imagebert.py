"""Does ImageBERT do what the paper says? (Checks a to d of the specification, and G4.)"""

import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from pretrain.batch import Batch, View
from pretrain.embed.region import location
from pretrain.network import DataSizes, Network
from pretrain.objectives.mrfr import Mrfr
from pretrain.objectives.objective import Encoded
from pretrain.recipe import Recipe, load
from pretrain.steps.standard import corrupt, count, score_step
from pretrain.steps.strategy import Shown
from pretrain.tokens import WordPiece
from pretrain.workers import Workers
from tests.pretrain.helpers import draws, encoded

MASKED = ("mlm", "moc", "mrfr")


def test_a_regions_have_no_order(network: Network, make_batch: Callable[..., Batch]) -> None:
    batch = make_batch(4)
    order = torch.randperm(batch.regions_BRD.shape[1], generator=torch.Generator().manual_seed(1))
    moved = dataclasses.replace(
        batch,
        regions_BRD=batch.regions_BRD[:, order],
        boxes_BR4=batch.boxes_BR4[:, order],
        probs_BRK=batch.probs_BRK[:, order],
        region_mask_BR=batch.region_mask_BR[:, order],
    )
    before, after = encoded(network, batch), encoded(network, moved)
    assert torch.allclose(after.first, before.first, atol=1e-6)
    assert torch.allclose(after.image_BRH, before.image_BRH[:, order], atol=1e-6)


def test_b_location_of_the_whole_image() -> None:
    boxes = torch.tensor([[[0.0, 0.0, 1.0, 1.0], [0.2, 0.1, 0.7, 0.5]]])
    expected = torch.tensor([[[0.0, 0.0, 1.0, 1.0, 1.0], [0.2, 0.1, 0.7, 0.5, 0.2]]])
    assert torch.allclose(location(boxes), expected)


def test_region_embedding_is_the_norm_of_the_sum_in_the_texts_tables(
    network: Network, make_batch: Callable[..., Batch]
) -> None:
    batch = make_batch(2)
    got = network.embed_image(batch, View.of(batch))
    region, text = network.region, network.text
    summed = (
        batch.regions_BRD @ region.feature.weight.T
        + region.feature.bias
        + location(batch.boxes_BR4) @ region.location.weight.T
        + region.location.bias
        + text.segment.weight[1]
        + text.position.weight[0]
    )
    assert torch.allclose(got, region.norm(summed), atol=1e-6)


def test_c_the_feature_under_a_zeroed_region_leaks_nowhere(
    tiny: Recipe, sizes: DataSizes, make_batch: Callable[..., Batch], wordpiece: WordPiece
) -> None:
    torch.manual_seed(0)
    network = Network(tiny, sizes).eval()
    batch = make_batch(16)
    shown = corrupt(tiny.objectives, batch, draws(16), wordpiece)
    zeroed = shown.view.masked_regions_BR & (shown.view.regions_BRD == 0).all(-1)
    assert zeroed.sum() >= 3
    noise = torch.randn(batch.regions_BRD.shape, generator=torch.Generator().manual_seed(2))
    other = dataclasses.replace(
        batch,
        regions_BRD=torch.where(zeroed[:, :, None], noise, batch.regions_BRD),
        probs_BRK=torch.where(zeroed[:, :, None], 1 - batch.probs_BRK, batch.probs_BRK),
    )
    again = corrupt(tiny.objectives, other, draws(16), wordpiece)
    assert torch.equal(again.view.regions_BRD, shown.view.regions_BRD)
    for before, after in zip(logits(network, shown), logits(network, again), strict=True):
        assert torch.equal(before, after)


def logits(network: Network, shown: Shown) -> list[Tensor]:
    with torch.no_grad():
        out: Encoded = encoded(network, shown.batch, shown.view)
        heads = network.heads
        return [
            heads["mlm"](out.text_BLH, out.words_VH),
            heads["moc"](out.image_BRH),
            heads["mrfr"](out.image_BRH),
            heads["itm"](out.first),
        ]


def test_d_g4_a_batch_of_mismatches_asks_for_matching_alone(
    network: Network, make_batch: Callable[..., Batch], wordpiece: WordPiece
) -> None:
    network.train()
    objectives = network.recipe.objectives
    batch = make_batch(16, match=False)
    shown = corrupt(objectives, batch, draws(16), wordpiece)
    assert shown.view.masked_tokens_BL.any()
    assert shown.view.masked_regions_BR.any()
    losses = network(shown.batch, shown.view)
    for name in MASKED:
        assert losses[name].total.item() == 0.0
    assert dict(zip((o.name for o in objectives), count_of(network, shown), strict=True)) == {
        "mlm": 0,
        "moc": 0,
        "mrfr": 0,
        "itm": 16,
    }
    sum(loss.total for loss in losses.values()).backward()
    # Connected to the graph: every parameter has a gradient, so no worker waits for one in vain.
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert network.heads["itm"].weight.grad.abs().sum() > 0
    assert network.heads["moc"].weight.grad.abs().sum() == 0
    scores = score_step(network, objectives, [shown], Workers())
    assert all(scores[name].mean == 0.0 for name in MASKED)


def count_of(network: Network, shown: Shown) -> list[float]:
    return count(network.recipe.objectives, [shown], Workers()).tolist()


def test_g4_a_batch_with_nothing_masked_is_finite(
    network: Network, make_batch: Callable[..., Batch]
) -> None:
    batch = make_batch(4)
    losses = network(batch, View.of(batch))
    total = sum(loss.total for loss in losses.values())
    total.backward()
    assert total.isfinite()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_masked_losses_count_matching_pairs_only(
    network: Network, make_batch: Callable[..., Batch], wordpiece: WordPiece
) -> None:
    batch = make_batch(16)
    half = dataclasses.replace(batch, match_B=(torch.arange(16) < 8).long())
    objectives = network.recipe.objectives
    shown = corrupt(objectives, half, draws(16), wordpiece)
    masked = [
        shown.view.masked_tokens_BL[:8].sum(),
        shown.view.masked_regions_BR[:8].sum(),
        shown.view.masked_regions_BR[:8].sum(),
        16,
    ]
    assert count_of(network, shown) == [float(n) for n in masked]


def test_moc_and_mrfr_look_at_one_draw_of_masked_regions(
    tiny: Recipe, make_batch: Callable[..., Batch], wordpiece: WordPiece
) -> None:
    batch = make_batch(64)
    both = corrupt(tiny.objectives, batch, draws(64), wordpiece).view
    alone = corrupt(tiny.objectives[1:2], batch, draws(64), wordpiece).view
    assert torch.equal(both.masked_regions_BR, alone.masked_regions_BR)


def test_targets_are_the_originals_also_of_kept_regions_and_words(
    network: Network, make_batch: Callable[..., Batch], wordpiece: WordPiece
) -> None:
    """Losses against a reference written out by hand."""
    batch = make_batch(32)
    shown = corrupt(network.recipe.objectives, batch, draws(32), wordpiece)
    with torch.no_grad():
        losses = network(shown.batch, shown.view)
        mlm, moc, mrfr, itm = logits(network, shown)
    tokens, regions = shown.view.masked_tokens_BL, shown.view.masked_regions_BR
    expected = {
        "mlm": -mlm.log_softmax(-1)[tokens].gather(1, batch.tokens_BL[tokens][:, None]).sum(),
        "moc": -moc.log_softmax(-1)[regions][batch.probs_BRK[regions] == 1].sum(),
        "mrfr": (mrfr[regions] - batch.regions_BRD[regions]).square().mean(-1).sum(),
        "itm": -itm.squeeze(-1).sigmoid().log().sum(),
    }
    for name, value in expected.items():
        assert losses[name].total.item() == pytest.approx(value.item(), rel=1e-4), name


def test_squared_distance_can_be_summed_as_in_the_paper(
    network: Network, make_batch: Callable[..., Batch], wordpiece: WordPiece
) -> None:
    batch = make_batch(8)
    shown = corrupt(network.recipe.objectives, batch, draws(8), wordpiece)
    out, head = encoded(network, batch, shown.view), network.heads["mrfr"]
    mean = Mrfr(reduction="mean").loss(head, out, batch, shown.view).total
    total = Mrfr(reduction="sum").loss(head, out, batch, shown.view).total
    assert total.item() == pytest.approx(mean.item() * batch.regions_BRD.shape[2], rel=1e-5)


def test_full_size_is_bert_base_with_the_papers_numbers() -> None:
    recipe = load("imagebert")
    with torch.device("meta"):
        network = Network(recipe, DataSizes(vocabulary=30_522, feature_dim=2048, classes=1600))
    bert_base_without_pooler = 108_891_648
    heads = {
        "region": 2048 * 768 + 768 + 5 * 768 + 768 + 2 * 768,
        "mlm": 768 * 768 + 768 + 2 * 768 + 30_522,
        "moc": 768 * 1600 + 1600,
        "mrfr": 768 * 2048 + 2048,
        "itm": 768 + 1,
    }
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    assert n_parameters == bert_base_without_pooler + sum(heads.values())
    stage = recipe.stages[0]
    assert (stage.optim.lr, stage.batch_pairs, stage.epochs) == (1e-4, 48, 17)
    assert (recipe.inputs.max_length, recipe.inputs.max_regions) == (144, 100)
    assert [o.weight for o in recipe.objectives] == [1.0] * 4
