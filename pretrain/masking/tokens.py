"""Which word pieces are hidden, and what is shown in their place?"""

import dataclasses
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pretrain.batch import Batch, View
from pretrain.draws import Draws
from pretrain.tokens import WordPiece


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenMasker:
    """BERT's corruption: select 15% of the pieces; 80% [MASK], 10% a random piece, 10% kept."""

    select: float = 0.15
    mask: float = 0.8
    random: float = 0.1
    """The rest is shown as it is, and still predicted."""
    unit: Literal["piece", "word"] = "piece"
    """`word`: one draw for all pieces of a word, for selection and for what is shown (VL-BERT)."""
    at_least_one: bool = False
    """Where nothing was selected, the first piece is (UNITER)."""
    random_from: int = 0
    """Smallest id of a random piece; UNITER leaves out the special ones, BERT does not."""

    def __call__(self, view: View, batch: Batch, draws: Draws, wordpiece: WordPiece) -> View:
        """Special tokens are never selected."""
        real_BL = batch.words_BL >= 0
        chosen_BL = self._drawn("select", batch, draws)
        action_BL = self._drawn("action", batch, draws)
        # Pieces of one word share what is done to them, never which random piece they become.
        piece_BL = draws.uniform("tokens.piece", batch.tokens_BL.shape[1]).to(chosen_BL.device)
        selected_BL = real_BL & (chosen_BL < self.select)
        if self.at_least_one:
            selected_BL = selected_BL | self._first(batch) & ~selected_BL.any(1, keepdim=True)
        hidden_BL = selected_BL & (action_BL < self.mask)
        swapped_BL = selected_BL & ~hidden_BL & (action_BL < self.mask + self.random)
        n_pieces = wordpiece.vocabulary - self.random_from
        pieces_BL = self.random_from + (piece_BL * n_pieces).long().clamp(max=n_pieces - 1)
        tokens_BL = view.tokens_BL.masked_fill(hidden_BL, wordpiece.mask)
        return dataclasses.replace(
            view,
            tokens_BL=torch.where(swapped_BL, pieces_BL, tokens_BL),
            masked_tokens_BL=view.masked_tokens_BL | selected_BL,
        )

    def _drawn(self, purpose: str, batch: Batch, draws: Draws) -> Tensor:
        """[B, L] in [0, 1): a number for each piece, or for each word."""
        L = batch.tokens_BL.shape[1]
        drawn_BL = draws.uniform(f"tokens.{purpose}", L).to(batch.tokens_BL.device)
        if self.unit == "piece":
            return drawn_BL
        return drawn_BL.gather(1, batch.words_BL.clamp(min=0))

    def _first(self, batch: Batch) -> Tensor:
        """[B, L], true at the first piece of the text, or at all of its first word."""
        first_BL = batch.words_BL == 0
        return first_BL if self.unit == "word" else first_BL & (first_BL.cumsum(1) == 1)
