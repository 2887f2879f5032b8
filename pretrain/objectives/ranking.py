"""Ranking: does the true pair score above its rivals?"""

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from pretrain.batch import Batch, View
from pretrain.objectives.itm import Itm
from pretrain.objectives.objective import Encoded, Loss, Sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The three losses of ImageBERT's fine-tuning for retrieval, on the score of [CLS].

    The batch holds groups of pairs, the true one first (`pretrain.pairing.Candidates`). Head and
    name are those of `Itm`, so fine-tuning goes on from what pretraining has learned.
    """

    name: str = "itm"
    weight: float = 1.0
    corruption: None = None
    kind: Literal["binary", "multiclass", "triplet"] = "binary"
    """`binary`: cross-entropy of every pair (the paper's best); `multiclass`: softmax over a group;
    `triplet`: hinge against the hardest rival of a group."""
    group: int = 3
    """Pairs of a group: `rows_per_image` of the pairing."""
    margin: float = 0.2
    """Of `triplet`; not published."""
    matching: Itm = field(default_factory=Itm)
    """Whose head, score and binary loss these are."""

    def head(self, sizes: Sizes) -> nn.Module:
        """That of `matching`."""
        return self.matching.head(sizes)

    def count(self, batch: Batch, view: View) -> Tensor:
        """Pairs for `binary`, else groups."""
        return batch.match_B.new_tensor(len(batch) // (1 if self.kind == "binary" else self.group))

    def loss(self, head: nn.Module, encoded: Encoded, batch: Batch, view: View) -> Loss:
        """The summed loss. Right is a group whose true pair scores highest; a pair, if `binary`."""
        if self.kind == "binary":
            return self.matching.loss(head, encoded, batch, view)
        scores_GP = self.score(head, encoded).view(-1, self.group)
        # Where the batch had no rival the true pair stands in: it is not held against itself.
        no_rival_GP = batch.match_B.view(-1, self.group)[:, 1:] == 1
        true_G = scores_GP[:, 0]
        rivals_GP = scores_GP[:, 1:].masked_fill(no_rival_GP, -torch.inf)
        hardest_G = rivals_GP.max(-1).values
        if self.kind == "multiclass":
            everyone_GP = torch.cat((true_G[:, None], rivals_GP), dim=1)
            total = (everyone_GP.logsumexp(-1) - true_G).sum()
        else:
            total = (self.margin - true_G + hardest_G).clamp(min=0).sum()
        return Loss(total=total, correct=(true_G > hardest_G).sum())

    def score(self, head: nn.Module, encoded: Encoded) -> Tensor:
        """[B] logits: how well text and image belong together."""
        return self.matching.score(head, encoded)
