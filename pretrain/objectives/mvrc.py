"""Masked RoI classification with linguistic clues: what could the detector have seen here?"""

from dataclasses import dataclass, field

from torch import Tensor, nn
from torch.nn import functional

from pretrain.batch import Batch, View
from pretrain.masking.regions import RegionMasker
from pretrain.objectives.objective import Encoded, Loss, Sizes, n_right

_TOLERANCE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Mvrc:
    """Cross-entropy to the detector's whole distribution (VL-BERT, as released).

    A region whose probabilities do not add up to 1 has no such distribution and is not asked for.
    """

    name: str = "mvrc"
    weight: float = 1.0
    corruption: RegionMasker = field(default_factory=RegionMasker)

    def head(self, sizes: Sizes) -> nn.Module:
        """Linear, GELU, linear: no norm between."""
        return nn.Sequential(
            nn.Linear(sizes.image_hidden, sizes.image_hidden),
            nn.GELU(),
            nn.Linear(sizes.image_hidden, sizes.classes),
        )

    def count(self, batch: Batch, view: View) -> Tensor:
        """Selected regions with a distribution."""
        return _asked(batch, view).sum()

    def loss(self, head: nn.Module, encoded: Encoded, batch: Batch, view: View) -> Loss:
        """The target comes from the batch, never from the view."""
        asked_BR = _asked(batch, view)
        log_probs_MK = functional.log_softmax(head(encoded.image_BRH[asked_BR]).float(), dim=-1)
        probs_MK = batch.probs_BRK[asked_BR]
        return Loss(
            total=-(probs_MK * log_probs_MK).sum(),
            correct=n_right(log_probs_MK, probs_MK.argmax(-1)),
        )


def _asked(batch: Batch, view: View) -> Tensor:
    complete_BR = (batch.probs_BRK.sum(-1) - 1).abs() < _TOLERANCE
    return view.masked_regions_BR & complete_BR
