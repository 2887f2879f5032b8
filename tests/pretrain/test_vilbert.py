"""Is ViLBERT as its authors trained it? (Checks VB1 to VB8 of the specification.)"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig, BertModel

from pretrain import recipe as recipes
from pretrain.batch import Batch, View
from pretrain.bert import start_from_bert
from pretrain.embed.region import location
from pretrain.encoders.gated import AttentionSublayer, EncoderSpec, GatedEncoder, StreamSpec
from pretrain.encoders.streams import Streams
from pretrain.encoders.sublayers import Attend, FeedForward, single, vilbert
from pretrain.network import DataSizes, Network, count_parameters
from pretrain.objectives.mrc_kl import MrcKl
from pretrain.objectives.objective import Encoded
from pretrain.optim import build_optimizer
from pretrain.recipe import Init, Recipe
from pretrain.steps.standard import corrupt
from pretrain.tokens import WordPiece
from tests.pretrain.helpers import draws, encoded


@pytest.fixture
def small(vocabulary: Path) -> Recipe:
    """The paper's twelve text and six image layers, narrow, without dropout."""
    full = recipes.load("vilbert")
    return dataclasses.replace(
        full,
        vocabulary=str(vocabulary),
        encoder=dataclasses.replace(
            recipes.load("vilbert", shrink=True).encoder, sublayers=full.encoder.sublayers
        ),
        init=Init(bert=None),
    )


@pytest.fixture
def network(small: Recipe, sizes: DataSizes) -> Network:
    torch.manual_seed(0)
    return Network(small, sizes).eval()


def through(network: Network, streams: Streams, first: int, end: int) -> Streams:
    for sublayer in network.encoder.sublayers[first:end]:
        streams = sublayer(streams)
    return streams


CO_ATTENTION = 12
"""Number of the first such sublayer: after six layers of the text alone."""


def test_vb1_the_text_first_sees_the_image_in_a_co_attention(
    network: Network, make_batch: Callable[..., Batch]
) -> None:
    batch = make_batch(3)
    given = network.streams(batch, View.of(batch))
    image = given.image.detach().requires_grad_()
    given = given.apart(given.text.detach(), image)
    alone = through(network, given, 0, CO_ATTENTION).text
    assert torch.autograd.grad(alone.sum(), image, allow_unused=True) == (None,)
    met = through(network, given, 0, CO_ATTENTION + 1).text
    (gradient,) = torch.autograd.grad(met.square().sum(), image)
    assert gradient.abs().sum() > 0


def test_vb2_streams_look_at_each_other_in_co_attention_alone() -> None:
    kinds = []
    for sublayer in recipes.load("vilbert").encoder.sublayers:
        assert not sublayer.shared
        if isinstance(sublayer, Attend):
            crossing = sublayer.text_to_image, sublayer.image_to_text
            own = sublayer.text_to_text, sublayer.image_to_image
            assert crossing == ((False, False) if any(own) else (True, True))
            kinds.append("co" if any(crossing) else own)
        else:
            kinds.append((sublayer.text, sublayer.image))
    text, both = (True, False), (True, True)
    assert kinds == [text, text] * 6 + ["co", both, both, both] * 6


def test_vb3_a_stream_takes_keys_and_values_from_the_other(
    network: Network, make_batch: Callable[..., Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = make_batch(3)
    streams = network.streams(batch, View.of(batch))
    attend, seen = functional.scaled_dot_product_attention, []

    def noted(q: Tensor, k: Tensor, v: Tensor, **options: Any) -> Tensor:
        seen.append((q.shape[2], k.shape[2], v.shape[2]))
        return attend(q, k, v, **options)

    monkeypatch.setattr(functional, "scaled_dot_product_attention", noted)
    co = network.encoder.sublayers[CO_ATTENTION]
    n_text, n_image = streams.text.shape[1], streams.image.shape[1]
    with torch.no_grad():
        exchanged = co(streams)
        assert seen == [(n_text, n_image, n_image), (n_image, n_text, n_text)]
        own = AttentionSublayer(
            dataclasses.replace(
                co.gates,
                text_to_text=True,
                text_to_image=False,
                image_to_text=False,
                image_to_image=True,
            ),
            # The same maps, of the co-attention's own width, but turned to one's own stream.
            dataclasses.replace(network.recipe.encoder, heads=4),
        )
        own.text, own.image = co.text, co.image
        kept = own.eval()(streams)
    assert not torch.allclose(exchanged.text, kept.text, atol=1e-3)
    assert not torch.allclose(exchanged.image, kept.image, atol=1e-3)


def test_vb4_both_directions_start_from_the_streams_as_they_were(
    network: Network, make_batch: Callable[..., Batch]
) -> None:
    batch = make_batch(3)
    before = network.streams(batch, View.of(batch))
    co = network.encoder.sublayers[CO_ATTENTION]
    text_mask, n_text = batch.text_mask_BL, before.n_text
    with torch.no_grad():
        after = co(before)
        q = co.image.project(before.image)[0]
        in_turn, at_once = (
            co.image.attend(before.image, q, *co.text.project(text)[1:], text_mask)
            for text in (after.text, before.text)
        )
    assert after.n_text == n_text
    assert torch.allclose(after.image, at_once, atol=1e-6)
    assert not torch.allclose(after.image, in_turn, atol=1e-3)


def test_vb5_the_whole_image_is_the_mean_of_what_is_shown(
    small: Recipe,
    network: Network,
    make_batch: Callable[..., Batch],
    wordpiece: WordPiece,
) -> None:
    batch = make_batch(16)
    view = corrupt(small.objectives, batch, draws(16), wordpiece).view
    assert view.hidden_regions_BR.sum() >= 3
    embedded = network.embed_image(batch, view)
    assert embedded.shape[1] == 1 + batch.regions_BRD.shape[1]
    assert network.image_mask(batch)[:, 0].all()
    mean = view.regions_BRD.sum(1) / batch.region_mask_BR.sum(1, keepdim=True)
    whole = torch.tensor([[0.0, 0.0, 1.0, 1.0, 1.0]])
    region = network.region
    expected = region.norm(region.feature(mean) + region.location(whole))
    assert torch.allclose(embedded[:, 0], expected, atol=1e-5)
    assert location(torch.tensor([[[0.0, 0.0, 1.0, 1.0]]])).tolist() == [whole.tolist()]
    # It stands for the image and is never asked for.
    out = encoded(network, batch, view)
    assert out.image_BRH.shape[1] == batch.regions_BRD.shape[1]
    # What a hidden region looked like reaches nothing, neither by itself nor by the mean.
    hidden = view.hidden_regions_BR[:, :, None]
    other = dataclasses.replace(
        batch, regions_BRD=torch.where(hidden, batch.regions_BRD + 5.0, batch.regions_BRD)
    )
    again = encoded(network, other, corrupt(small.objectives, other, draws(16), wordpiece).view)
    for one, two in ((out.text_BLH, again.text_BLH), (out.pooled, again.pooled)):
        assert torch.equal(one, two)
    assert torch.equal(out.image_BRH, again.image_BRH)


def test_vb6_matching_is_asked_of_the_product_of_both_streams(
    network: Network, make_batch: Callable[..., Batch]
) -> None:
    batch = make_batch(4)
    streams = network.encoder(network.streams(batch, View.of(batch)))
    pooler, head = network.pooler, network.heads["itm"]
    text = pooler.text(streams.text[:, 0]).relu()
    image = pooler.image(streams.image[:, 0]).relu()
    expected = head(text * image)
    assert torch.allclose(head(encoded(network, batch).pooled), expected, atol=1e-5)
    nn.init.zeros_(pooler.image.weight)
    nn.init.constant_(head.bias, 0.5)
    assert torch.equal(head(encoded(network, batch).pooled), torch.full((4, 2), 0.5))


def test_vb7_what_bert_starts_learns_at_a_tenth_and_only_weights_decay(
    small: Recipe, sizes: DataSizes, tmp_path: Path
) -> None:
    """Inside of another module, too: the released code lost its groups in one of the two."""
    network = Network(small, sizes)
    fresh = {name: tensor.clone() for name, tensor in network.named_parameters()}
    _save_bert(small.encoder, sizes, tmp_path)
    start_from_bert(network, Init(bert=str(tmp_path)))
    started = {n for n, p in network.named_parameters() if not torch.equal(p, fresh[n])}
    norms = {
        f"{name}.weight"
        for name, module in network.named_modules()
        if isinstance(module, nn.LayerNorm)
    }
    for prefix, module in (("", network), ("module.", _Wrapped(network))):
        names = {id(p): n.removeprefix(prefix) for n, p in module.named_parameters()}
        groups = build_optimizer(module, small.stages[0].optim).param_groups
        for group in groups:
            for parameter in group["params"]:
                name = names.pop(id(parameter))
                undecayed = name in norms or name.endswith(".bias")
                assert group["weight_decay"] == (0.0 if undecayed else 0.01), name
                assert group["lr_scale"] == (0.1 if name in started else 1.0), name
        assert not names


class _Wrapped(nn.Module):
    """As DistributedDataParallel names what it holds."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module


def _save_bert(encoder: EncoderSpec, sizes: DataSizes, folder: Path) -> None:
    config = BertConfig(
        vocab_size=sizes.vocabulary,
        hidden_size=encoder.hidden,
        num_hidden_layers=12,
        num_attention_heads=encoder.heads,
        intermediate_size=encoder.feed_forward,
    )
    bert = BertModel(config)
    for parameter in bert.parameters():
        nn.init.normal_(parameter)
    bert.save_pretrained(folder)


def test_vb8_parameters_are_those_of_the_released_code() -> None:
    sizes = DataSizes(vocabulary=30_522, feature_dim=2048, classes=1601)
    counted = count_parameters(recipes.load("vilbert"), sizes)
    assert counted.body == 235_705_856
    assert round((counted.body + counted.heads) / 1e6, 1) == 239.0


@pytest.mark.parametrize("name", ["vilbert", "lxmert"])
def test_g4_where_nothing_is_asked_losses_are_zero_and_every_parameter_has_a_gradient(
    name: str, sizes: DataSizes, vocabulary: Path, make_batch: Callable[..., Batch]
) -> None:
    """A parameter without one, as the released code had, would stop DistributedDataParallel."""
    recipe = dataclasses.replace(recipes.load(name, shrink=True), vocabulary=str(vocabulary))
    network = Network(recipe, sizes)
    batch = make_batch(4, match=False)
    losses = network(batch, View.of(batch))
    asked = {"itm", "detected"}  # LXMERT's labels are asked of regions that are shown, too
    for objective, loss in losses.items():
        assert loss.total.isfinite()
        assert (loss.total == 0) == (objective not in asked), objective
    torch.stack([loss.total for loss in losses.values()]).sum().backward()
    for path, parameter in network.named_parameters():
        assert parameter.grad is not None, path
        assert parameter.grad.isfinite().all(), path


def test_soft_classes_are_found_by_their_divergence(make_batch: Callable[..., Batch]) -> None:
    batch = make_batch(4, match=False)
    probs = (batch.probs_BRK + 0.1).softmax(-1)
    batch = dataclasses.replace(batch, probs_BRK=probs)
    chosen = batch.region_mask_BR & (torch.arange(probs.shape[1]) == 0)
    view = dataclasses.replace(View.of(batch), masked_regions_BR=chosen)
    logits = torch.randn(probs.shape, generator=torch.Generator().manual_seed(0))
    out = Encoded(text_BLH=logits, image_BRH=logits, words_VH=logits)
    by_hand = (probs * (probs.log() - logits.log_softmax(-1))).sum(-1)[chosen].sum()
    objective = MrcKl()
    loss = objective.loss(nn.Identity(), out, batch, view)
    assert torch.isclose(loss.total, by_hand)
    assert int(objective.count(batch, view)) == 4
    shared = dataclasses.replace(objective, reduction="element")
    total = shared.loss(nn.Identity(), out, batch, view).total
    assert torch.isclose(total * probs.shape[2], by_hand)
    matching = dataclasses.replace(objective, gate="positives")
    assert matching.loss(nn.Identity(), out, batch, view).total == 0


def test_streams_of_different_widths_cannot_share() -> None:
    wide = StreamSpec(hidden=96, heads=4, feed_forward=96)
    with pytest.raises(ValueError, match="shares its weights"):
        GatedEncoder(EncoderSpec(sublayers=single(1), hidden=48, heads=4, image=wide))
    with pytest.raises(ValueError, match=r"encoder\.cross must be set"):
        GatedEncoder(EncoderSpec(sublayers=vilbert(1, 1), hidden=48, heads=4, image=wide))
    assert FeedForward(text=True, image=True, shared=False) in vilbert(1, 1)
