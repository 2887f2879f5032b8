"""Image-text matching: do this text and this image belong together?"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from pretrain.batch import Batch, View
from pretrain.objectives.objective import Encoded, Loss, Sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class Itm:
    """Cross-entropy on one linear map of what stands for the pair. Match is 1."""

    name: str = "itm"
    weight: float = 1.0
    corruption: None = None
    logits: Literal[1, 2] = 1
    """1: a sigmoid (ImageBERT); 2: a softmax over no match and match (BERT's next sentence)."""

    def head(self, sizes: Sizes) -> nn.Module:
        """One linear map."""
        return nn.Linear(sizes.pooled, self.logits)

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
        logits_BC = head(encoded.pooled).float()
        if self.logits == 1:
            return logits_BC.squeeze(-1)  # type: ignore[no-any-return]
        # A softmax over two is a sigmoid of their difference.
        return logits_BC[:, 1] - logits_BC[:, 0]  # type: ignore[no-any-return]
