"""How do texts and regions of different lengths become one batch?"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from pretrain.batch import IMAGE_SEGMENT, TEXT_SEGMENT, Batch
from pretrain.regions.regions import Regions
from pretrain.tokens import Pieces, WordPiece


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """How one pair is laid out (ImageBERT: `[CLS] w.. [SEP] r.. [SEP]`, 144 in total)."""

    max_length: int = 144
    """Word pieces, regions and special tokens together."""
    max_regions: int = 100
    """The most confident ones are kept."""
    closing_sep: bool = True
    """A [SEP] after the regions. Attention knows no order but positions, so the batch carries it
    at the end of the text tokens, in the image's segment."""
    shows: Literal["both", "text", "image"] = "both"
    """What the network sees of a pair. `text`, one blank region, and `image`, no word, are the
    baselines against which a model that looks at both is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A text and an image, matching or not."""

    pieces: Pieces
    regions: Regions
    match: bool
    targets: tuple[float, ...] = ()
    """Of fine-tuning on a task, see `Batch.targets_BX`."""


def collate(pairs: Sequence[Pair], inputs: Inputs, wordpiece: WordPiece) -> Batch:
    """Pad to the longest text and the most regions among `pairs`; too long: the text is cut.

    Raises:
        ValueError: the regions alone exceed `max_length`.
    """
    pairs = [_shown(pair, inputs) for pair in pairs]
    regions = [pair.regions.top(inputs.max_regions) for pair in pairs]
    texts = [
        fit(pair.pieces, len(found), inputs) for pair, found in zip(pairs, regions, strict=True)
    ]
    n_special = 2 + inputs.closing_sep
    B, L = len(pairs), max(len(text.ids) for text in texts) + n_special
    R = max(len(found) for found in regions)
    tokens_BL = np.full((B, L), wordpiece.pad, dtype=np.int64)
    segments_BL = np.full((B, L), TEXT_SEGMENT, dtype=np.int64)
    words_BL = np.full((B, L), -1, dtype=np.int64)
    text_mask_BL = np.zeros((B, L), dtype=np.bool_)
    for b, text in enumerate(texts):
        n = len(text.ids)
        tokens_BL[b, 0] = wordpiece.cls
        tokens_BL[b, 1 : n + 1] = text.ids
        words_BL[b, 1 : n + 1] = text.words
        tokens_BL[b, n + 1 : n + n_special] = wordpiece.sep
        segments_BL[b, n + 2 :] = IMAGE_SEGMENT
        text_mask_BL[b, : n + n_special] = True
    return Batch(
        tokens_BL=torch.from_numpy(tokens_BL),
        segments_BL=torch.from_numpy(segments_BL),
        positions_BL=torch.arange(L).expand(B, L),
        words_BL=torch.from_numpy(words_BL),
        text_mask_BL=torch.from_numpy(text_mask_BL),
        regions_BRD=_stack([found.features_RD for found in regions], R),
        boxes_BR4=_stack([found.boxes_R4 for found in regions], R),
        probs_BRK=_stack([found.probs_RK for found in regions], R),
        attributes_BRA=_attributes(regions, R),
        region_mask_BR=torch.tensor([[r < len(found) for r in range(R)] for found in regions]),
        match_B=torch.tensor([int(pair.match) for pair in pairs]),
        targets_BX=_targets(pairs),
    )


def fit(pieces: Pieces, n_regions: int, inputs: Inputs) -> Pieces:
    """As much of the text as leaves room for all regions and the special tokens."""
    room = inputs.max_length - n_regions - 2 - inputs.closing_sep
    if room < 0:
        raise ValueError(
            f"{n_regions} regions do not fit into inputs.max_length={inputs.max_length}; "
            "raise it or lower inputs.max_regions"
        )
    return Pieces(ids=pieces.ids[:room], words=pieces.words[:room])


def _shown(pair: Pair, inputs: Inputs) -> Pair:
    if inputs.shows == "text":
        return dataclasses.replace(pair, regions=pair.regions.blank())
    if inputs.shows == "image":
        return dataclasses.replace(pair, pieces=Pieces(ids=(), words=()))
    return pair


def _targets(pairs: Sequence[Pair]) -> torch.Tensor | None:
    """Padded with zeros; None where no pair has any."""
    width = max(len(pair.targets) for pair in pairs)
    if not width:
        return None
    rows = [(*pair.targets, *(0.0,) * (width - len(pair.targets))) for pair in pairs]
    return torch.tensor(rows, dtype=torch.float32)


def _attributes(regions: Sequence[Regions], R: int) -> torch.Tensor | None:
    """None where the detector of any of them knows none."""
    known = [found.attributes_RA for found in regions if found.attributes_RA is not None]
    return _stack(known, R) if len(known) == len(regions) else None


def _stack(
    arrays: "Sequence[np.ndarray[tuple[int, ...], np.dtype[np.floating]]]", R: int
) -> torch.Tensor:
    stacked = np.zeros((len(arrays), R, arrays[0].shape[1]), dtype=np.float32)
    for row, array in zip(stacked, arrays, strict=True):
        row[: len(array)] = array
    return torch.from_numpy(stacked)
