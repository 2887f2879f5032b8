"""Image-text matching: do this text and this image belong together?"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from pretrain.batch import Batch, View
from pretrain.objectives.objective import Encoded, Loss, Sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class Itm:
    """Binary cross-entropy on one linear map of [CLS] (ImageBERT). Match is 1."""

    name: str = "itm"
    weight: float = 1.0
    corruption: None = None

    def head(self, sizes: Sizes) -> nn.Module:
        """One linear map."""
        return nn.Linear(sizes.hidden, 1)

    def count(self, batch: Batch, view: View) -> Tensor:
        """All pairs."""
        return batch.match_B.new_tensor(len(batch))

    def loss(self, head: nn.Module, encoded: Encoded, batch: Batch, view: View) -> Loss:
        """One answer a pair."""
        logits_B, targets_B = self.score(head, encoded), batch.match_B.float()
        total = functional.binary_cross_entropy_with_logits(logits_B, targets_B, reduction="sum")
        return Loss(total=total, correct=((logits_B > 0) == (batch.match_B == 1)).sum())

    def score(self, head: nn.Module, encoded: Encoded) -> Tensor:
        """[B] logits: how well text and image belong together."""
        return head(encoded.first).squeeze(-1).float()  # type: ignore[no-any-return]
