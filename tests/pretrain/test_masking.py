"""Is the right share hidden in the right way, and is nothing written into the originals?"""

import dataclasses
from collections.abc import Callable

import pytest
import torch

from pretrain.batch import Batch, View
from pretrain.draws import Draws
from pretrain.masking.regions import RegionMasker, iou
from pretrain.masking.spans import SpanMasker
from pretrain.masking.tokens import TokenMasker
from pretrain.tokens import WordPiece


def draws(n: int, step: int = 0) -> Draws:
    return Draws(seed=0, step=step, rows=tuple(range(n)))


def repeated(batch: Batch, n: int) -> Batch:
    return batch.map(lambda tensor: tensor[:1].expand(n, *tensor.shape[1:]).clone())


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
    half = batch.map(lambda tensor: tensor[8:])
    part = TokenMasker()(View.of(half), half, draws(16).only(range(8, 16)), wordpiece)
    assert torch.equal(part.tokens_BL, whole.tokens_BL[8:])


def of_words(words: list[int], n: int, wordpiece: WordPiece) -> Batch:
    """`n` rows of one text whose pieces belong to these words, between [CLS] and [SEP]."""
    L = len(words) + 2
    tokens = torch.arange(5, 5 + L).clamp(max=wordpiece.vocabulary - 1)
    words_L = torch.tensor([-1, *words, -1])
    return Batch(
        tokens_BL=tokens.expand(n, L),
        segments_BL=torch.zeros(n, L, dtype=torch.long),
        positions_BL=torch.arange(L).expand(n, L),
        words_BL=words_L.expand(n, L),
        text_mask_BL=torch.ones(n, L, dtype=torch.bool),
        regions_BRD=torch.ones(n, 1, 3),
        boxes_BR4=torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(n, 1, 4),
        probs_BRK=torch.ones(n, 1, 2),
        region_mask_BR=torch.ones(n, 1, dtype=torch.bool),
        match_B=torch.ones(n, dtype=torch.long),
    )


def test_vl7_pieces_of_a_word_share_one_action(wordpiece: WordPiece) -> None:
    words = [0, 1, 1, 2, 2, 2, 3]
    batch = of_words(words, 10_000, wordpiece)
    view = TokenMasker(unit="word", random_from=5)(View.of(batch), batch, draws(10_000), wordpiece)
    selected = view.masked_tokens_BL[:, 1:-1]
    hidden = (view.tokens_BL == wordpiece.mask)[:, 1:-1]
    for word in range(4):
        pieces = [i for i, w in enumerate(words) if w == word]
        for what in (selected, hidden & selected):
            assert (what[:, pieces] == what[:, pieces[:1]]).all()
    assert selected[:, [0, 1, 3, 6]].float().mean().item() == pytest.approx(0.15, abs=0.005)
    # Words, not pieces, are what is independent.
    pieces_apart = TokenMasker()(View.of(batch), batch, draws(10_000), wordpiece)
    apart = pieces_apart.masked_tokens_BL[:, 1:-1]
    assert (apart[:, 1] != apart[:, 2]).any()


def test_un8_at_least_one_piece_and_one_region(
    make_batch: Callable[..., Batch], wordpiece: WordPiece
) -> None:
    batch = make_batch(2000)
    plain = TokenMasker()(View.of(batch), batch, draws(2000), wordpiece).masked_tokens_BL
    some = TokenMasker(at_least_one=True)(View.of(batch), batch, draws(2000), wordpiece)
    nothing = ~plain.any(1)
    assert nothing.any()
    assert (some.masked_tokens_BL[nothing].sum(1) == 1).all()
    assert some.masked_tokens_BL[nothing, 1].all()
    assert torch.equal(some.masked_tokens_BL[~nothing], plain[~nothing])
    regions = RegionMasker(at_least_one=True)(View.of(batch), batch, draws(2000), wordpiece)
    none = RegionMasker()(View.of(batch), batch, draws(2000), wordpiece)
    assert not none.masked_regions_BR.any(1).all()
    assert regions.masked_regions_BR.any(1).all()
    assert not (regions.masked_regions_BR & ~batch.region_mask_BR).any()


def test_random_pieces_can_leave_out_the_special_ones(
    make_batch: Callable[..., Batch], wordpiece: WordPiece
) -> None:
    batch = repeated(make_batch(1), 20_000)
    for random_from in (0, 5):
        masker = TokenMasker(mask=0.0, random=1.0, random_from=random_from)
        view = masker(View.of(batch), batch, draws(20_000), wordpiece)
        shown = view.tokens_BL[view.masked_tokens_BL]
        assert shown.min() == random_from
        assert shown.max() == wordpiece.vocabulary - 1


def test_iou_by_hand() -> None:
    boxes = torch.tensor([[[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6], [0, 0, 0, 0]]])
    expected = torch.eye(4)
    expected[0, 1] = expected[1, 0] = 1 / 3
    expected[3, 3] = 0.0
    assert torch.allclose(iou(boxes.float())[0], expected)


def test_tw1_no_region_in_sight_overlaps_a_hidden_one(
    make_batch: Callable[..., Batch], wordpiece: WordPiece
) -> None:
    n, R = 1000, 20
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(n, R, 2, generator=generator) * 0.5
    size = 0.1 + torch.rand(n, R, 2, generator=generator) * 0.4
    batch = dataclasses.replace(
        make_batch(n),
        boxes_BR4=torch.cat([corner, corner + size], -1),
        regions_BRD=torch.ones(n, R, 3),
        probs_BRK=torch.ones(n, R, 2),
        region_mask_BR=torch.arange(R).expand(n, R) < 18,
    )

    def in_sight(overlap: float | None) -> tuple[int, View]:
        view = RegionMasker(overlap=overlap)(View.of(batch), batch, draws(n), wordpiece)
        hidden = (view.regions_BRD == 0).all(-1)
        asked = hidden & view.masked_regions_BR
        near = (iou(batch.boxes_BR4) > 0.4) & asked[:, None, :]
        real = batch.region_mask_BR
        return int((near.any(-1) & ~hidden & real).sum()), view

    leaks, plain = in_sight(None)
    assert leaks > 0
    closed, view = in_sight(0.4)
    assert closed == 0
    # What is only overlapped is hidden, but not asked for.
    assert not (view.masked_regions_BR & ~plain.masked_regions_BR).any()
    assert ((view.regions_BRD == 0).all(-1) & ~view.masked_regions_BR).any()


def test_spans_are_three_long_on_average_and_stay_in_the_text(wordpiece: WordPiece) -> None:
    lengths = SpanMasker(longest=1000).lengths(torch.rand(200_000))
    assert lengths.min() == 1
    assert lengths.float().mean().item() == pytest.approx(3.0, abs=0.05)
    assert SpanMasker(longest=4).lengths(torch.rand(1000)).max() == 4
    batch = of_words(list(range(30)), 4000, wordpiece)
    masker = SpanMasker(anchor=0.01)
    selected = masker(View.of(batch), batch, draws(4000), wordpiece).masked_tokens_BL
    assert not selected[:, [0, -1]].any()
    starts = selected[:, 1:] & ~selected[:, :-1]
    # Far apart from each other and from the end, runs are as long as they were drawn; cut at ten.
    mean = selected.sum().item() / starts.sum().item()
    assert mean == pytest.approx(SpanMasker().lengths(torch.rand(200_000)).float().mean(), abs=0.25)


def test_every_piece_of_a_span_is_covered_from_its_anchor_on(wordpiece: WordPiece) -> None:
    batch = of_words(list(range(12)), 500, wordpiece)
    masker = SpanMasker(anchor=0.15, longest=5)
    drawn = draws(500)
    selected = masker(View.of(batch), batch, drawn, wordpiece).masked_tokens_BL
    anchors = drawn.uniform("spans.anchor", 14) < 0.15
    lengths = masker.lengths(drawn.uniform("spans.length", 14))
    for row in range(500):
        expected = set()
        for at in range(1, 13):
            if anchors[row, at]:
                expected |= set(range(at, min(at + int(lengths[row, at]), 13)))
        assert set(selected[row].nonzero().flatten().tolist()) == expected
