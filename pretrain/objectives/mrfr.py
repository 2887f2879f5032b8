"""Masked region feature regression: what did it look like here?"""

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from pretrain.batch import Batch, View
from pretrain.masking.regions import RegionMasker
from pretrain.objectives.objective import Encoded, Gate, Loss, Sizes, gated
from pretrain.objectives.transform import Transform


@dataclass(frozen=True, slots=True, kw_only=True)
class Mrfr:
    """Squared L2 distance to the region's original pooled feature (ImageBERT)."""

    name: str = "mrfr"
    weight: float = 1.0
    corruption: RegionMasker = field(default_factory=RegionMasker)
    gate: Gate = "positives"
    reduction: Literal["mean", "sum"] = "mean"
    """Over the feature's dimensions. The paper's formula is the sum; on 2048 dimensions that is
    about a thousand times the scale of the cross-entropies beside it."""
    tied: bool = False
    """Linear, GELU and LN, then the transpose of the embedder's own map of features (UNITER)."""

    def head(self, sizes: Sizes) -> nn.Module:
        """One linear map, or BERT's transform and a bias."""
        if self.tied:
            return TiedHead(sizes)
        return nn.Linear(sizes.image_hidden, sizes.feature_dim)

    def count(self, batch: Batch, view: View) -> Tensor:
        """Selected regions."""
        return gated(view.masked_regions_BR, batch, self.gate).sum()

    def loss(self, head: nn.Module, encoded: Encoded, batch: Batch, view: View) -> Loss:
        """The target comes from the batch, never from the view."""
        selected_BR = gated(view.masked_regions_BR, batch, self.gate)
        hidden_MH = encoded.image_BRH[selected_BR]
        predicted_MD = head(hidden_MH, encoded.features_HD) if self.tied else head(hidden_MH)
        squared_MD = (predicted_MD.float() - batch.regions_BRD[selected_BR]).square()
        total = squared_MD.sum()
        if self.reduction == "mean":
            total = total / squared_MD.shape[1]
        return Loss(total=total, correct=None)


class TiedHead(nn.Module):
    """Back through the map by which features came in."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.transform = Transform(sizes.image_hidden, sizes.eps)
        self.bias = nn.Parameter(torch.zeros(sizes.feature_dim))

    def forward(self, hidden_MH: Tensor, features_HD: Tensor) -> Tensor:
        """[M, D]."""
        return functional.linear(self.transform(hidden_MH), features_HD.T, self.bias)
