"""Question answering in pretraining: where the text is a question, what is the answer?"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from pretrain.batch import Batch, View
from pretrain.draws import Draws
from pretrain.objectives.objective import Encoded, Loss, Sizes, n_right
from pretrain.tokens import WordPiece

NO_ANSWER = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSampler:
    """Of the answers that people gave, one is drawn as the true one, in proportion to its score."""

    def __call__(self, view: View, batch: Batch, draws: Draws, wordpiece: WordPiece) -> View:
        """Hides nothing: says which answer this step asks for."""
        if batch.targets_BX is None:
            return view
        scores_BX = batch.targets_BX.clamp(min=0).cumsum(-1)
        total_B1 = scores_BX[:, -1:]
        drawn_B1 = draws.uniform("answer", 1).to(scores_BX.device) * total_B1
        answers_B = (scores_BX <= drawn_B1).sum(-1).clamp(max=scores_BX.shape[1] - 1)
        answers_B = answers_B.masked_fill(total_B1[:, 0] == 0, NO_ANSWER)
        return dataclasses.replace(view, answers_B=answers_B)


@dataclass(frozen=True, slots=True, kw_only=True)
class Qa:
    """Cross-entropy over a table of answers (LXMERT), of matching pairs that have an answer."""

    name: str = "qa"
    weight: float = 1.0
    corruption: AnswerSampler = field(default_factory=AnswerSampler)
    answers: tuple[str, ...] = ()
    """What the head's first outputs mean."""
    n_answers: int = 9500
    """Outputs of the head."""

    def head(self, sizes: Sizes) -> nn.Module:
        """Two linear maps around a GELU and a layer norm.

        Raises:
            ValueError: the table is longer than the head is wide.
        """
        if len(self.answers) > self.n_answers:
            raise ValueError(
                f"objectives.{self.name}.answers are {len(self.answers)}, more than "
                f"objectives.{self.name}.n_answers={self.n_answers}"
            )
        inner = 2 * sizes.pooled
        return nn.Sequential(
            nn.Linear(sizes.pooled, inner),
            nn.GELU(),
            nn.LayerNorm(inner, eps=sizes.eps),
            nn.Linear(inner, self.n_answers),
        )

    def row_of(self, right: Mapping[str, float]) -> tuple[float, ...]:
        """One row of `Batch.targets_BX`."""
        return tuple(right.get(answer, 0.0) for answer in self.answers)

    def count(self, batch: Batch, view: View) -> Tensor:
        """Matching pairs that have an answer."""
        return _asked(batch, view).sum()

    def loss(self, head: nn.Module, encoded: Encoded, batch: Batch, view: View) -> Loss:
        """Of the answers that were drawn."""
        asked_B = _asked(batch, view)
        logits_NA = head(encoded.pooled[asked_B]).float()
        answers_N = asked_B.new_zeros(0, dtype=torch.long)
        if view.answers_B is not None:
            answers_N = view.answers_B[asked_B]
        return Loss(
            total=functional.cross_entropy(logits_NA, answers_N, reduction="sum"),
            correct=n_right(logits_NA, answers_N),
        )


def _asked(batch: Batch, view: View) -> Tensor:
    if view.answers_B is None:
        return torch.zeros_like(batch.match_B, dtype=torch.bool)
    return (batch.match_B == 1) & (view.answers_B != NO_ANSWER)
