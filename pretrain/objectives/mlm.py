"""Masked language modelling: which word piece was here?"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from pretrain.batch import Batch, View
from pretrain.masking.tokens import TokenMasker
from pretrain.objectives.objective import Encoded, Gate, Loss, Sizes, gated, n_right


@dataclass(frozen=True, slots=True, kw_only=True)
class Mlm:
    """Cross-entropy over the vocabulary, decoder tied to the word table (BERT)."""

    name: str = "mlm"
    weight: float = 1.0
    corruption: TokenMasker = field(default_factory=TokenMasker)
    gate: Gate = "positives"

    def head(self, sizes: Sizes) -> nn.Module:
        """BERT's transform and the decoder's bias."""
        return MlmHead(sizes)

    def count(self, batch: Batch, view: View) -> Tensor:
        """Selected pieces."""
        return gated(view.masked_tokens_BL, batch, self.gate).sum()

    def loss(self, head: nn.Module, encoded: Encoded, batch: Batch, view: View) -> Loss:
        """Only selected pieces go through the decoder."""
        selected_BL = gated(view.masked_tokens_BL, batch, self.gate)
        logits_MV = head(encoded.text_BLH[selected_BL], encoded.words_VH)
        targets_M = batch.tokens_BL[selected_BL]
        return Loss(
            total=functional.cross_entropy(logits_MV.float(), targets_M, reduction="sum"),
            correct=n_right(logits_MV, targets_M),
        )


class MlmHead(nn.Module):
    """Linear, GELU, LN, then the scalar product with every word's embedding."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.transform = nn.Linear(sizes.hidden, sizes.hidden)
        self.norm = nn.LayerNorm(sizes.hidden, eps=sizes.eps)
        self.bias = nn.Parameter(torch.zeros(sizes.vocabulary))

    def forward(self, hidden_MH: Tensor, words_VH: Tensor) -> Tensor:
        """[M, V] logits."""
        return functional.linear(
            self.norm(functional.gelu(self.transform(hidden_MH))), words_VH, self.bias
        )
