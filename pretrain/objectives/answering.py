"""Which of a task's answers is right?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from pretrain.batch import Batch, View
from pretrain.objectives.objective import Encoded, Loss, Sizes, targets_of
from pretrain.regions.regions import Regions
from pretrain.tasks.task import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """Classification of the pair's vector, or of the vectors of several pairs side by side.

    The head of ViLBERT and LXMERT for questions is two maps around a GELU and a layer norm; the
    loss is binary cross-entropy over all answers (VQA, whose answers have soft scores), or softmax.
    """

    name: str
    answers: tuple[str, ...]
    """The classes, in the order of the head's outputs."""
    kind: Literal["bce", "ce"] = "ce"
    rows: int = 1
    """Pairs that are one question; their vectors are put side by side (NLVR2: 2)."""
    inner: int = 2
    """Width between the two maps, times the pair's vector; 0: one map."""
    weight: float = 1.0
    corruption: None = None

    def head(self, sizes: Sizes) -> nn.Module:
        """From the pairs' vectors to a logit an answer."""
        width, inner = self.rows * sizes.pooled, self.inner * sizes.pooled
        if not inner:
            return nn.Linear(width, len(self.answers))
        return nn.Sequential(
            nn.Linear(width, inner),
            nn.GELU(),
            nn.LayerNorm(inner, eps=sizes.eps),
            nn.Linear(inner, len(self.answers)),
        )

    def count(self, batch: Batch, view: View) -> Tensor:
        """Questions."""
        return batch.match_B.new_tensor(len(batch) // self.rows)

    def loss(self, head: nn.Module, encoded: Encoded, batch: Batch, view: View) -> Loss:
        """Summed over questions; for `bce` over their answers too, as the systems train it.

        Right is a question whose most probable answer has a score above one half.
        """
        logits_NA = self.logits(head, encoded)
        targets_NA = targets_of(batch)[:: self.rows]
        if self.kind == "bce":
            total = functional.binary_cross_entropy_with_logits(
                logits_NA, targets_NA, reduction="sum"
            )
        else:
            total = -(functional.log_softmax(logits_NA, dim=-1) * targets_NA).sum()
        scores_N = targets_NA.gather(1, logits_NA.argmax(-1, keepdim=True)).squeeze(1)
        return Loss(total=total, correct=(scores_N > 0.5).sum())

    def logits(self, head: nn.Module, encoded: Encoded) -> Tensor:
        """[N, answers]."""
        pooled_BP = encoded.pooled
        return head(pooled_BP.reshape(len(pooled_BP) // self.rows, -1)).float()  # type: ignore[no-any-return]

    def knows(self, record: Record) -> bool:
        """Whether one of its right answers is a class."""
        return not record.right.keys().isdisjoint(self.answers)

    def targets(self, record: Record, regions: Sequence[Regions]) -> list[tuple[float, ...]]:
        """The answers' scores stand beside the first row."""
        scores = tuple(record.right.get(answer, 0.0) for answer in self.answers)
        return [scores, *[()] * (self.rows - 1)]

    def decide(self, head: nn.Module, encoded: Encoded, batch: Batch) -> list[str]:
        """The most probable answer to each question."""
        return [self.answers[i] for i in self.logits(head, encoded).argmax(-1).tolist()]
