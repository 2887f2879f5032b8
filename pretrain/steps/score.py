"""How did the objectives do?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pretrain.objectives.objective import Loss, Objective
from pretrain.task_plans.task_plan import Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How one objective did on the pairs of all workers."""

    total: float
    """Summed loss."""
    count: float
    """Over how many answers."""
    correct: float | None
    """How many were right; None where answers are not right or wrong."""

    @property
    def mean(self) -> float:
        """0 where nothing was asked."""
        return self.total / max(1.0, self.count)

    def __add__(self, other: "Score") -> "Score":
        """Both together."""
        known = self.correct is not None and other.correct is not None
        return Score(
            total=self.total + other.total,
            count=self.count + other.count,
            correct=(self.correct or 0.0) + (other.correct or 0.0) if known else None,
        )


def weighted(
    objectives: Sequence[Objective], scores: Mapping[str, Score], turns: Sequence[Turn] = (Turn(),)
) -> float:
    """What is minimised: the sum of the objectives' means, each times its weight."""
    return sum(
        turn.scale * objective.weight * scores[turn.key(objective.name)].mean
        for turn in turns
        for objective in objectives
        if turn.asked is None or objective.name in turn.asked
    )


def tally(losses: Mapping[str, Loss], objectives: Sequence[Objective]) -> Tensor:
    """float64 [objectives, 2]: sums and right answers of one forward pass, without a graph."""
    rows = []
    for objective in objectives:
        loss = losses[objective.name]
        total = loss.total.detach().double()
        correct = total.new_zeros(()) if loss.correct is None else loss.correct.double()
        rows.append(torch.stack((total, correct)))
    return torch.stack(rows)


def scores_of(
    objectives: Sequence[Objective],
    tallied: Tensor,
    counts: Tensor,
    losses: Mapping[str, Loss],
) -> dict[str, Score]:
    """Tallies and counts of all workers, by name; `losses` tells who knows right from wrong."""
    rows = zip(objectives, tallied.tolist(), counts.tolist(), strict=True)
    return {
        objective.name: Score(
            total=total,
            count=count,
            correct=None if losses[objective.name].correct is None else correct,
        )
        for objective, (total, correct), count in rows
    }
