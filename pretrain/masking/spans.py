"""Which runs of word pieces are hidden together?"""

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from pretrain.batch import Batch, View
from pretrain.draws import Draws
from pretrain.tokens import WordPiece


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanMasker:
    """Anchors are drawn piece by piece; each hides a run that begins there.

    InterBERT's masked segment modelling as its paper is reported to mean it: anchors with
    probability 0.1, runs of three pieces on average. The length is geometric, cut at `longest` and
    at the end of the text, so a run never reaches a special token.
    """

    anchor: float = 0.1
    mean_length: float = 3.0
    longest: int = 10
    mask: float = 0.8
    random: float = 0.1
    """Of each hidden piece on its own; the rest is shown as it is, and still predicted."""

    def __call__(self, view: View, batch: Batch, draws: Draws, wordpiece: WordPiece) -> View:
        """Runs that meet are one run; special tokens are never selected."""
        L, device = batch.tokens_BL.shape[1], batch.tokens_BL.device
        anchor_BL, length_BL, action_BL, piece_BL = (
            draws.uniform(f"spans.{purpose}", L).to(device)
            for purpose in ("anchor", "length", "action", "piece")
        )
        real_BL = batch.words_BL >= 0
        reach_BL = self.lengths(length_BL) * (real_BL & (anchor_BL < self.anchor))
        # A run covers a place when an anchor at or before it reaches that far.
        place_L = torch.arange(L, device=device)
        covered_BL = (place_L + reach_BL).cummax(1).values > place_L
        selected_BL = real_BL & covered_BL
        hidden_BL = selected_BL & (action_BL < self.mask)
        swapped_BL = selected_BL & ~hidden_BL & (action_BL < self.mask + self.random)
        pieces_BL = (piece_BL * wordpiece.vocabulary).long().clamp(max=wordpiece.vocabulary - 1)
        tokens_BL = view.tokens_BL.masked_fill(hidden_BL, wordpiece.mask)
        return dataclasses.replace(
            view,
            tokens_BL=torch.where(swapped_BL, pieces_BL, tokens_BL),
            masked_tokens_BL=view.masked_tokens_BL | selected_BL,
        )

    def lengths(self, uniform: Tensor) -> Tensor:
        """int64, from numbers in [0, 1): geometric from 1 with `mean_length` before the cut."""
        stop = 1.0 / self.mean_length
        if stop >= 1.0:
            return torch.ones_like(uniform, dtype=torch.int64)
        drawn = torch.log1p(-uniform) / torch.log1p(torch.tensor(-stop))
        return (1 + drawn.floor().long()).clamp(max=self.longest)
