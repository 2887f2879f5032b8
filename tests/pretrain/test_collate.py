"""Is the sequence laid out as ImageBERT lays it out, whatever its lengths?"""

import dataclasses

import numpy as np
import pytest
import torch

from pretrain.collate import Inputs, Pair, collate
from pretrain.regions.regions import Regions
from pretrain.tokens import Pieces, WordPiece


def regions(n: int, dim: int = 4) -> Regions:
    return Regions(
        boxes_R4=np.tile(np.array([0, 0, 1, 1], dtype=np.float32), (n, 1)),
        features_RD=np.arange(1, n + 1, dtype=np.float16)[:, None].repeat(dim, 1),
        probs_RK=np.eye(n, 3, dtype=np.float16),
    )


def pair(n_pieces: int, n_regions: int) -> Pair:
    pieces = Pieces(ids=tuple(range(10, 10 + n_pieces)), words=tuple(range(n_pieces)))
    return Pair(pieces=pieces, regions=regions(n_regions), match=True)


@pytest.mark.parametrize(("closing", "room"), [(True, 41), (False, 42)])
def test_imagebert_i_too_long_truncates_text_never_regions(
    closing: bool, room: int, wordpiece: WordPiece
) -> None:
    inputs = Inputs(max_length=144, max_regions=100, closing_sep=closing)
    batch = collate([pair(90, 100), pair(3, 2)], inputs, wordpiece)
    n_special = 3 if closing else 2
    assert batch.tokens_BL.shape[1] + batch.regions_BRD.shape[1] == 144
    assert batch.region_mask_BR.sum(1).tolist() == [100, 2]
    assert batch.text_mask_BL.sum(1).tolist() == [room + n_special, 3 + n_special]
    first = batch.tokens_BL[0].tolist()
    assert first[0] == wordpiece.cls
    assert first[1 : room + 1] == list(range(10, 10 + room))
    assert first[room + 1 :] == [wordpiece.sep] * (n_special - 1)


def test_a_short_text_is_padded_and_the_closing_sep_is_the_images(wordpiece: WordPiece) -> None:
    batch = collate([pair(3, 2), pair(5, 1)], Inputs(), wordpiece)
    assert batch.tokens_BL[0].tolist() == [
        wordpiece.cls, 10, 11, 12, wordpiece.sep, wordpiece.sep, wordpiece.pad, wordpiece.pad,
    ]  # fmt: skip
    assert batch.segments_BL[0, :6].tolist() == [0, 0, 0, 0, 0, 1]
    assert batch.words_BL[0].tolist() == [-1, 0, 1, 2, -1, -1, -1, -1]
    assert batch.positions_BL[0].tolist() == list(range(8))
    assert batch.regions_BRD[1, 1].abs().sum() == 0


def test_the_most_confident_regions_are_kept(wordpiece: WordPiece) -> None:
    batch = collate([pair(3, 9)], Inputs(max_regions=4), wordpiece)
    assert batch.regions_BRD[0, :, 0].tolist() == [1, 2, 3, 4]


def test_regions_that_cannot_fit_are_refused_by_name(wordpiece: WordPiece) -> None:
    with pytest.raises(ValueError, match=r"inputs\.max_length=20"):
        collate([pair(3, 30)], Inputs(max_length=20), wordpiece)


def test_a_batch_cannot_be_changed(wordpiece: WordPiece) -> None:
    batch = collate([pair(3, 2)], Inputs(), wordpiece)
    with pytest.raises(dataclasses.FrozenInstanceError):
        batch.tokens_BL = batch.segments_BL  # type: ignore[misc]


@pytest.mark.parametrize("shows", ["text", "image"])
def test_a_baseline_sees_nothing_of_the_other_side(shows: str, wordpiece: WordPiece) -> None:
    inputs = Inputs(shows=shows)  # type: ignore[arg-type]
    batch = collate([pair(5, 3), pair(2, 1)], inputs, wordpiece)
    other = collate([pair(5, 1), pair(2, 4)] if shows == "text" else [pair(1, 3), pair(9, 1)],
                    inputs, wordpiece)  # fmt: skip
    for name in ("tokens_BL", "text_mask_BL", "regions_BRD", "boxes_BR4", "probs_BRK"):
        assert torch.equal(getattr(batch, name), getattr(other, name)), name
    assert batch.text_mask_BL.sum(1).tolist() == ([8, 5] if shows == "text" else [3, 3])
    assert batch.region_mask_BR.sum(1).tolist() == ([1, 1] if shows == "text" else [3, 1])
