"""How do texts and regions of different lengths become one batch?"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from pretrain.batch import IMAGE_SEGMENT, TEXT_SEGMENT, Batch
from pretrain.draws import Draws
from pretrain.embed.pixels import PixelSpec, pixels_of
from pretrain.regions.regions import Regions
from pretrain.tokens import Pieces, WordPiece


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """How one pair is laid out (ImageBERT: `[CLS] w.. [SEP] r.. [SEP]`, 144 in total)."""

    max_length: int = 144
    """Word pieces, regions and special tokens together."""
    max_text: int | None = None
    """Word pieces and special tokens; None: as many as the regions leave."""
    max_regions: int = 100
    """The most confident ones are kept."""
    closing_sep: bool = True
    """A [SEP] after the regions. Attention knows no order but positions, so the batch carries it
    at the end of the text tokens, in the image's segment."""
    mask_at_end: bool = False
    """A [MASK] before the [SEP] of the text: where the answer would stand (VisualBERT's VQA)."""
    shows: Literal["both", "text", "image"] = "both"
    """What the network sees of a pair. `text`, one blank region, and `image`, no word, are the
    baselines against which a model that looks at both is held."""
    pixels: PixelSpec | None = None
    """Show the network the images themselves, too."""
    cut: Literal["text", "longer"] = "text"
    """What gives way where a pair exceeds `max_length`: the text, or whichever of text and regions
    is longer, piece by piece (VL-BERT)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A text and an image, matching or not."""

    pieces: Pieces
    regions: Regions
    match: bool
    image: bytes = b""
    """As it was encoded; looked at only where `Inputs.pixels` asks for it."""
    second: Pieces | None = None
    """A second text: `[CLS] first [SEP] second [SEP]`, in the segment after the first's."""
    bare: bool = False
    """No special tokens: a piece of running text."""
    links: tuple[tuple[int, int], ...] = ()
    """What is known of (region, word of the first text) that mean the same."""
    targets: tuple[float, ...] = ()
    """Of fine-tuning on a task, see `Batch.targets_BX`."""


def collate(
    pairs: Sequence[Pair], inputs: Inputs, wordpiece: WordPiece, draws: Draws | None = None
) -> Batch:
    """Pad to the longest text and the most regions among `pairs`; too long: the text is cut.

    Args:
        pairs: What becomes the rows.
        inputs: How a row is laid out.
        wordpiece: Whose special tokens stand between texts.
        draws: Of the rows: pixels are shown as in training; None: nothing random.

    Raises:
        ValueError: the regions alone exceed `max_length`, or an image cannot be decoded.
    """
    pairs = [_shown(pair, inputs) for pair in pairs]
    regions = [pair.regions.top(_n_regions(pair, inputs)) for pair in pairs]
    rows = [
        _row(pair, len(found), inputs, wordpiece)
        for pair, found in zip(pairs, regions, strict=True)
    ]
    B, L = len(pairs), max(len(row.tokens) for row in rows)
    R = max(len(found) for found in regions)
    tokens_BL = np.full((B, L), wordpiece.pad, dtype=np.int64)
    segments_BL = np.full((B, L), TEXT_SEGMENT, dtype=np.int64)
    words_BL = np.full((B, L), -1, dtype=np.int64)
    text_mask_BL = np.zeros((B, L), dtype=np.bool_)
    for b, row in enumerate(rows):
        n = len(row.tokens)
        tokens_BL[b, :n] = row.tokens
        segments_BL[b, :n] = row.segments
        words_BL[b, :n] = row.words
        text_mask_BL[b, :n] = True
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
        region_mask_BR=torch.tensor(
            [[r < len(found) for r in range(R)] for found in regions], dtype=torch.bool
        ),
        match_B=torch.tensor([int(pair.match) for pair in pairs]),
        targets_BX=_targets(pairs),
        pixels_BCHW=(
            None
            if inputs.pixels is None
            else pixels_of([pair.image for pair in pairs], inputs.pixels, draws)
        ),
        aligned_BRL=_aligned(pairs, rows, R, L),
    )


def fit(pieces: Pieces, n_regions: int, inputs: Inputs) -> Pieces:
    """As much of the text as leaves room for all regions and the special tokens."""
    return pieces.first(_room(n_regions, inputs, n_texts=1))


def fit_two(first: Pieces, second: Pieces, n_regions: int, inputs: Inputs) -> tuple[Pieces, Pieces]:
    """As much of both texts as there is room for; the longer one is cut (BERT)."""
    room = _room(n_regions, inputs, n_texts=2)
    n_first = max(min(len(first.ids), room // 2), room - len(second.ids))
    first = first.first(n_first)
    return first, second.first(room - len(first.ids))


def _room(n_regions: int, inputs: Inputs, n_texts: int) -> int:
    """Word pieces that can stand beside so many regions.

    Raises:
        ValueError: not even the special tokens have room.
    """
    room = inputs.max_length - n_regions
    if inputs.max_text is not None:
        room = min(room, inputs.max_text)
    room -= 1 + n_texts + inputs.mask_at_end + inputs.closing_sep
    if room < 0:
        raise ValueError(
            f"{n_regions} regions do not fit into inputs.max_length={inputs.max_length}; "
            "raise it or lower inputs.max_regions"
        )
    return room


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """The text tokens of one pair."""

    tokens: list[int]
    segments: list[int]
    words: list[int]


def _n_regions(pair: Pair, inputs: Inputs) -> int:
    n = min(len(pair.regions), inputs.max_regions)
    if inputs.cut == "text" or pair.bare:
        return n
    room = inputs.max_length - 2 - inputs.mask_at_end - inputs.closing_sep
    # Both are cut to the same length, unless one of them needs less.
    return min(n, max(room // 2, room - len(pair.pieces.ids)))


def _row(pair: Pair, n_regions: int, inputs: Inputs, wordpiece: WordPiece) -> _Row:
    if pair.bare:
        n = len(pair.pieces.ids)
        return _Row(
            tokens=[*pair.pieces.ids], segments=[TEXT_SEGMENT] * n, words=[*pair.pieces.words]
        )
    texts = (
        (fit(pair.pieces, n_regions, inputs),)
        if pair.second is None
        else fit_two(pair.pieces, pair.second, n_regions, inputs)
    )
    tokens, segments, words, n_words = [wordpiece.cls], [TEXT_SEGMENT], [-1], 0
    for number, text in enumerate(texts):
        tokens += [*text.ids, wordpiece.sep]
        segments += [TEXT_SEGMENT + number] * (len(text.ids) + 1)
        words += [*(n_words + word for word in text.words), -1]
        n_words += 1 + max(text.words, default=-1)
    if inputs.mask_at_end:
        tokens.insert(-1, wordpiece.mask)
        segments.append(segments[-1])
        words.append(-1)
    if inputs.closing_sep:
        tokens.append(wordpiece.sep)
        segments.append(IMAGE_SEGMENT)
        words.append(-1)
    return _Row(tokens=tokens, segments=segments, words=words)


def _aligned(pairs: Sequence[Pair], rows: Sequence[_Row], R: int, L: int) -> torch.Tensor | None:
    """None where nothing is known."""
    if not any(pair.links for pair in pairs):
        return None
    aligned_BRL = torch.zeros(len(pairs), R, L, dtype=torch.bool)
    for b, (pair, row) in enumerate(zip(pairs, rows, strict=True)):
        for region, word in pair.links:
            places = [place for place, number in enumerate(row.words) if number == word]
            if region < R and word >= 0:
                aligned_BRL[b, region, places] = True
    return aligned_BRL


def _shown(pair: Pair, inputs: Inputs) -> Pair:
    if inputs.shows == "text":
        return dataclasses.replace(pair, regions=pair.regions.blank(), links=())
    if inputs.shows == "image":
        return dataclasses.replace(pair, pieces=Pieces(ids=(), words=()), links=())
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
