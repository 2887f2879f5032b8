"""Masked object classification: what did the detector see here?"""

from dataclasses import dataclass, field

from torch import Tensor, nn
from torch.nn import functional

from pretrain.batch import Batch, View
from pretrain.masking.regions import RegionMasker
from pretrain.objectives.objective import Encoded, Gate, Loss, Sizes, gated, n_right


@dataclass(frozen=True, slots=True, kw_only=True)
class Moc:
    """Cross-entropy to the detector's most probable class (ImageBERT: a hard label)."""

    name: str = "moc"
    weight: float = 1.0
    corruption: RegionMasker = field(default_factory=RegionMasker)
    gate: Gate = "positives"
    background: int | None = None
    """Class of the detector that means nothing is there, never a target; None: it has none."""

    def head(self, sizes: Sizes) -> nn.Module:
        """One linear map."""
        return nn.Linear(sizes.image_hidden, sizes.classes)

    def count(self, batch: Batch, view: View) -> Tensor:
        """Selected regions."""
        return gated(view.masked_regions_BR, batch, self.gate).sum()

    def loss(self, head: nn.Module, encoded: Encoded, batch: Batch, view: View) -> Loss:
        """The target comes from the batch, never from the view."""
        selected_BR = gated(view.masked_regions_BR, batch, self.gate)
        logits_MK = head(encoded.image_BRH[selected_BR])
        probs_MK = batch.probs_BRK[selected_BR]
        if self.background is not None:
            probs_MK = probs_MK.index_fill(-1, logits_MK.new_tensor([self.background]).long(), -1.0)
        targets_M = probs_MK.argmax(-1)
        return Loss(
            total=functional.cross_entropy(logits_MK.float(), targets_M, reduction="sum"),
            correct=n_right(logits_MK, targets_M),
        )
