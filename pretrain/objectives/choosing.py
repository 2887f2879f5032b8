"""Which of several texts belongs to the image?"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from pretrain.batch import Batch, View
from pretrain.objectives.objective import Encoded, Loss, Sizes, targets_of
from pretrain.regions.regions import Regions
from pretrain.tasks.task import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Choosing:
    """Softmax over the scores of a question's pairs (VCR: four answers, or four reasons)."""

    name: str
    rows: int = 4
    """Pairs that are one question, in the order of its choices."""
    weight: float = 1.0
    corruption: None = None

    def head(self, sizes: Sizes) -> nn.Module:
        """One linear map: a score a pair."""
        return nn.Linear(sizes.pooled, 1)

    def count(self, batch: Batch, view: View) -> Tensor:
        """Questions."""
        return batch.match_B.new_tensor(len(batch) // self.rows)

    def loss(self, head: nn.Module, encoded: Encoded, batch: Batch, view: View) -> Loss:
        """Summed cross-entropy to the right choice."""
        scores_NC = self.scores(head, encoded)
        right_N = targets_of(batch).view(-1, self.rows).argmax(-1)
        return Loss(
            total=functional.cross_entropy(scores_NC, right_N, reduction="sum"),
            correct=(scores_NC.argmax(-1) == right_N).sum(),
        )

    def scores(self, head: nn.Module, encoded: Encoded) -> Tensor:
        """[N, choices]."""
        return head(encoded.pooled).view(-1, self.rows).float()  # type: ignore[no-any-return]

    def knows(self, record: Record) -> bool:
        """Whether the right choice is told."""
        return bool(record.right)

    def targets(self, record: Record, regions: Sequence[Regions]) -> list[tuple[float, ...]]:
        """1 beside the right choice."""
        return [(record.right.get(str(i), 0.0),) for i in range(self.rows)]

    def decide(self, head: nn.Module, encoded: Encoded, batch: Batch) -> list[str]:
        """The number of the best choice of each question."""
        return [str(i) for i in self.scores(head, encoded).argmax(-1).tolist()]
