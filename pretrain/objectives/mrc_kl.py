"""Masked region classification: what did the detector think could be here?"""

from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from pretrain.batch import Batch, View
from pretrain.masking.regions import RegionMasker
from pretrain.objectives.objective import Encoded, Gate, Loss, Sizes, gated, n_right
from pretrain.objectives.transform import Transform


@dataclass(frozen=True, slots=True, kw_only=True)
class MrcKl:
    """KL divergence from the network's classes to the detector's soft ones (ViLBERT, UNITER)."""

    name: str = "mrc_kl"
    weight: float = 1.0
    corruption: RegionMasker = field(default_factory=RegionMasker)
    gate: Gate = "all"
    reduction: Literal["region", "element"] = "region"
    """A region's divergence, or that divided by the number of classes (UNITER, as trained)."""

    def head(self, sizes: Sizes) -> nn.Module:
        """BERT's transform, then one linear map."""
        transform = Transform(sizes.image_hidden, sizes.eps)
        return nn.Sequential(transform, nn.Linear(sizes.image_hidden, sizes.classes))

    def count(self, batch: Batch, view: View) -> Tensor:
        """Selected regions."""
        return gated(view.masked_regions_BR, batch, self.gate).sum()

    def loss(self, head: nn.Module, encoded: Encoded, batch: Batch, view: View) -> Loss:
        """The target comes from the batch, never from the view."""
        selected_BR = gated(view.masked_regions_BR, batch, self.gate)
        log_probs_MK = functional.log_softmax(head(encoded.image_BRH[selected_BR]).float(), dim=-1)
        probs_MK = batch.probs_BRK[selected_BR]
        total = functional.kl_div(log_probs_MK, probs_MK, reduction="sum")
        if self.reduction == "element":
            total = total / probs_MK.shape[1]
        return Loss(total=total, correct=n_right(log_probs_MK, probs_MK.argmax(-1)))
