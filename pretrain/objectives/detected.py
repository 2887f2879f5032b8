"""What did the detector say about each region: which object, which attribute, which feature?"""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from pretrain.batch import Batch, View
from pretrain.masking.regions import RegionMasker
from pretrain.objectives.objective import Encoded, Loss, Sizes, n_right
from pretrain.objectives.transform import Transform

SELECT = 0.15
"""Share of the regions that LXMERT masks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """LXMERT's three tasks on regions, which share the first map of their heads.

    Object and attribute are asked of EVERY region, shown or not, each answer weighed by the
    detector's confidence in its label; the feature, in smooth L1, of the masked ones. All three
    are means over all regions, which divided by the share that is masked gives their usual scale:
    hence the weight. Right is a region whose object is found.
    """

    name: str = "detected"
    weight: float = 1.0 / SELECT
    corruption: RegionMasker = field(default_factory=RegionMasker)
    background: int | None = None
    """Class of the detector that means nothing is there, which the head does not have; None: it
    has none."""
    masked_only: bool = False
    """Objects and attributes of the masked regions alone, all alike (the paper's text; the authors
    trained with False)."""

    def head(self, sizes: Sizes) -> nn.Module:
        """One transform, three linear maps."""
        return DetectedHead(self, sizes)

    def count(self, batch: Batch, view: View) -> Tensor:
        """All regions."""
        return batch.region_mask_BR.sum()

    def loss(self, head: nn.Module, encoded: Encoded, batch: Batch, view: View) -> Loss:
        """The targets come from the batch, never from the view."""
        assert isinstance(head, DetectedHead), head
        real_BR = batch.region_mask_BR
        masked_N = view.masked_regions_BR[real_BR]
        hidden_NH = head.transform(encoded.image_BRH[real_BR])
        probs_NK = batch.probs_BRK[real_BR]
        if self.background is not None:
            bare = [k for k in range(probs_NK.shape[1]) if k != self.background]
            probs_NK = probs_NK[:, bare]
        logits_NK = head.objects(hidden_NH)
        total = self._labels(logits_NK, probs_NK, masked_N)
        if head.attributes is not None:
            assert batch.attributes_BRA is not None, "the detector's manifest names attributes"
            logits_NA = head.attributes(hidden_NH)
            total = total + self._labels(logits_NA, batch.attributes_BRA[real_BR], masked_N)
        predicted_MD = head.features(hidden_NH[masked_N]).float()
        features_MD = batch.regions_BRD[real_BR][masked_N]
        distance = functional.smooth_l1_loss(predicted_MD, features_MD, reduction="sum")
        total = total + distance / features_MD.shape[1]
        return Loss(total=total, correct=n_right(logits_NK, probs_NK.argmax(-1)))

    def _labels(self, logits_NC: Tensor, probs_NC: Tensor, masked_N: Tensor) -> Tensor:
        confidence_N, label_N = probs_NC.max(-1)
        loss_N = functional.cross_entropy(logits_NC.float(), label_N, reduction="none")
        return torch.as_tensor((loss_N * (masked_N if self.masked_only else confidence_N)).sum())


class DetectedHead(nn.Module):
    """A `Detected`'s."""

    def __init__(self, spec: Detected, sizes: Sizes) -> None:
        super().__init__()
        hidden, n_objects = sizes.image_hidden, sizes.classes - (spec.background is not None)
        self.transform = Transform(hidden, sizes.eps)
        self.objects = nn.Linear(hidden, n_objects)
        self.attributes = nn.Linear(hidden, sizes.attributes) if sizes.attributes else None
        self.features = nn.Linear(hidden, sizes.feature_dim)
