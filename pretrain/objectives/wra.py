"""Word-region alignment: do the words find their regions?"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from pretrain.batch import Batch, View
from pretrain.objectives.objective import Encoded, Loss, Sizes
from pretrain.objectives.transport import ipot


@dataclass(frozen=True, slots=True, kw_only=True)
class Wra:
    """The cost of optimal transport between words and regions (UNITER), asked beside matching.

    Least for matching pairs and, as the released code has it, most for others. The cost of a word
    and a region is one minus their cosine; special tokens count as words.
    """

    name: str = "wra"
    weight: float = 0.1
    corruption: None = None
    beta: float = 0.5
    iterations: int = 50
    negatives: bool = True
    """Drive mismatches apart; the paper's formula has matching pairs alone."""

    def head(self, sizes: Sizes) -> nn.Module:
        """Nothing is learned here.

        Raises:
            ValueError: words and regions have different widths, so no angle between them.
        """
        if sizes.hidden != sizes.image_hidden:
            raise ValueError(
                f"objective {self.name} compares words and regions, whose widths are "
                f"{sizes.hidden} and {sizes.image_hidden}: it needs an encoder of one width"
            )
        return nn.Identity()

    def count(self, batch: Batch, view: View) -> Tensor:
        """All pairs, or the matching ones."""
        return batch.match_B.new_tensor(len(batch)) if self.negatives else batch.match_B.sum()

    def loss(self, head: nn.Module, encoded: Encoded, batch: Batch, view: View) -> Loss:
        """Costs of matching pairs, less those of the others."""
        distance_B = self.distances(encoded, batch)
        sign_B = batch.match_B * (2 if self.negatives else 1) - (1 if self.negatives else 0)
        return Loss(total=(sign_B * distance_B).sum(), correct=None)

    def distances(self, encoded: Encoded, batch: Batch) -> Tensor:
        """[B] the cost of each pair; gradients flow through the costs, not through the plan."""
        words_BLH = functional.normalize(encoded.text_BLH.float(), dim=-1)
        regions_BRH = functional.normalize(encoded.image_BRH.float(), dim=-1)
        with torch.autocast(words_BLH.device.type, enabled=False):
            cost_BLR = 1 - words_BLH @ regions_BRH.transpose(1, 2)
        plan_BLR = ipot(
            cost_BLR,
            batch.text_mask_BL,
            batch.region_mask_BR,
            beta=self.beta,
            iterations=self.iterations,
        )
        return (plan_BLR * cost_BLR).sum((1, 2))
