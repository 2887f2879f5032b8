"""Which word pieces are hidden, and what is shown in their place?"""

import dataclasses
from dataclasses import dataclass

import torch

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

    def __call__(self, view: View, batch: Batch, draws: Draws, wordpiece: WordPiece) -> View:
        """Special tokens are never selected; a random piece is any of the vocabulary."""
        L = batch.tokens_BL.shape[1]
        device = batch.tokens_BL.device
        chosen_BL, action_BL, piece_BL = (
            draws.uniform(f"tokens.{purpose}", L).to(device)
            for purpose in ("select", "action", "piece")
        )
        selected_BL = (batch.words_BL >= 0) & (chosen_BL < self.select)
        hidden_BL = selected_BL & (action_BL < self.mask)
        swapped_BL = selected_BL & ~hidden_BL & (action_BL < self.mask + self.random)
        pieces_BL = (piece_BL * wordpiece.vocabulary).long().clamp(max=wordpiece.vocabulary - 1)
        tokens_BL = view.tokens_BL.masked_fill(hidden_BL, wordpiece.mask)
        return dataclasses.replace(
            view,
            tokens_BL=torch.where(swapped_BL, pieces_BL, tokens_BL),
            masked_tokens_BL=view.masked_tokens_BL | selected_BL,
        )
