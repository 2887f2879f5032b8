"""How does a word piece become a vector?"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSpec:
    """BERT's embedding tables."""

    positions: int = 512
    segments: int = 2
    tasks: int = 0
    """Task tokens that may stand behind [CLS] (12-in-1); 0: there are none."""


class TextEmbedder(nn.Module):
    """LN(word + segment + position), as BERT."""

    def __init__(
        self, spec: TextSpec, *, vocabulary: int, hidden: int, eps: float, dropout: float
    ) -> None:
        super().__init__()
        self.word = nn.Embedding(vocabulary, hidden)
        self.segment = nn.Embedding(spec.segments, hidden)
        self.position = nn.Embedding(spec.positions, hidden)
        self.task = nn.Embedding(spec.tasks, hidden) if spec.tasks else None
        self.norm = nn.LayerNorm(hidden, eps=eps)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        tokens_BL: Tensor,
        segments_BL: Tensor,
        positions_BL: Tensor,
        task: int | None = None,
        visual_B1H: Tensor | None = None,
    ) -> Tensor:
        """[B, L, hidden]; [B, L + 1, hidden] with a task's token behind the first one.

        The task's token has neither position nor segment, and moves nobody else's. What is visual
        about the words, if anything, is added to each (VL-BERT).
        """
        summed_BLH = self.word(tokens_BL) + self.segment(segments_BL) + self.position(positions_BL)
        if visual_B1H is not None:
            summed_BLH = summed_BLH + visual_B1H
        if task is not None:
            assert self.task is not None, "TextSpec.tasks"
            token_B1H = self.task.weight[task].expand(len(summed_BLH), 1, -1)
            summed_BLH = torch.cat((summed_BLH[:, :1], token_B1H, summed_BLH[:, 1:]), dim=1)
        return torch.as_tensor(self.dropout(self.norm(summed_BLH)))

    def place(self, *, segment: int, position: int) -> Tensor:
        """[hidden]: what the tables say about a place in the sequence, without a word."""
        return self.segment.weight[segment] + self.position.weight[position]
