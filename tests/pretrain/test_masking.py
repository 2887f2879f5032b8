"""Is the right share hidden in the right way, and is nothing written into the originals?"""

import dataclasses
from collections.abc import Callable

import pytest
import torch

from pretrain.batch import Batch, View
from pretrain.draws import Draws
from pretrain.masking.regions import RegionMasker
from pretrain.masking.tokens import TokenMasker
from pretrain.tokens import WordPiece


def draws(n: int, step: int = 0) -> Draws:
    return Draws(seed=0, step=step, rows=tuple(range(n)))


def repeated(batch: Batch, n: int) -> Batch:
    tensors = {f.name: getattr(batch, f.name) for f in dataclasses.fields(batch)}
    return Batch(**{name: t[:1].expand(n, *t.shape[1:]).clone() for name, t in tensors.items()})


def test_g3_e_tokens_15_percent_80_10_10(
    make_batch: Callable[..., Batch], wordpiece: WordPiece
) -> None:
    batch = repeated(make_batch(1), 40_000)
    original = batch.tokens_BL.clone()
    view = TokenMasker()(View.of(batch), batch, draws(40_000), wordpiece)
    assert torch.equal(batch.tokens_BL, original)
    maskable = batch.words_BL >= 0
    assert maskable.sum() >= 200_000
    selected = view.masked_tokens_BL
    assert not (selected & ~maskable).any()
    assert (selected.sum() / maskable.sum()).item() == pytest.approx(0.15, abs=0.003)
    shown, was = view.tokens_BL[selected], batch.tokens_BL[selected]
    hidden = shown == wordpiece.mask
    same = shown == was
    # A random piece is the mask or the piece itself now and then: 1 in the vocabulary each.
    chance = 0.1 / wordpiece.vocabulary
    assert hidden.float().mean().item() == pytest.approx(0.8 + chance, abs=0.01)
    assert same.float().mean().item() == pytest.approx(0.1 + chance, abs=0.01)
    assert torch.equal(view.tokens_BL[~selected], batch.tokens_BL[~selected])
    assert set(shown[~hidden & ~same].tolist()) >= set(range(5, wordpiece.vocabulary)) - set(
        was.tolist()
    )


def test_g3_e_regions_15_percent_90_10(
    make_batch: Callable[..., Batch], wordpiece: WordPiece
) -> None:
    batch = repeated(make_batch(4, seed=3), 60_000)
    original = batch.regions_BRD.clone()
    view = RegionMasker()(View.of(batch), batch, draws(60_000), wordpiece)
    assert torch.equal(batch.regions_BRD, original)
    real = batch.region_mask_BR
    selected = view.masked_regions_BR
    assert not (selected & ~real).any()
    assert (selected.sum() / real.sum()).item() == pytest.approx(0.15, abs=0.003)
    zeroed = (view.regions_BRD[selected] == 0).all(-1)
    assert zeroed.float().mean().item() == pytest.approx(0.9, abs=0.01)
    assert torch.equal(view.regions_BRD[selected][~zeroed], batch.regions_BRD[selected][~zeroed])
    assert torch.equal(view.regions_BRD[~selected], batch.regions_BRD[~selected])


def test_maskers_add_to_a_view_and_leave_it_alone(
    make_batch: Callable[..., Batch], wordpiece: WordPiece
) -> None:
    batch = make_batch(64)
    first = TokenMasker(select=0.5)(View.of(batch), batch, draws(64), wordpiece)
    before = first.tokens_BL.clone()
    both = RegionMasker(select=0.5)(first, batch, draws(64), wordpiece)
    assert torch.equal(first.tokens_BL, before)
    assert torch.equal(both.tokens_BL, first.tokens_BL)
    assert not first.masked_regions_BR.any()
    assert both.masked_regions_BR.any()


def test_a_masked_pair_is_the_same_on_any_worker(
    make_batch: Callable[..., Batch], wordpiece: WordPiece
) -> None:
    batch = make_batch(16)
    whole = TokenMasker()(View.of(batch), batch, draws(16), wordpiece)
    half = Batch(**{f.name: getattr(batch, f.name)[8:] for f in dataclasses.fields(batch)})
    part = TokenMasker()(View.of(half), half, draws(16).only(range(8, 16)), wordpiece)
    assert torch.equal(part.tokens_BL, whole.tokens_BL[8:])
