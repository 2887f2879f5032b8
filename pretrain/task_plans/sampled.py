"""How is one task drawn for each step?"""

import itertools
from dataclasses import dataclass

from pretrain.draws import Draws
from pretrain.task_plans.task_plan import PlanState, Task, Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """One task a step, drawn by weight (UNITER); with data of their own, proportional multi-task.

    The draw follows from (seed, step): it is the same on every worker, for all micro-batches of the
    step, and after a restart. Objectives that are not asked hide nothing.
    """

    tasks: tuple[Task, ...]

    def turns(
        self, state: PlanState, *, seed: int, step: int
    ) -> tuple[tuple[Turn, ...], PlanState]:
        """See `TaskPlan.turns`."""
        drawn = Draws(seed=seed, step=step, rows=(0,)).uniform("task", 1).item()
        bounds = list(itertools.accumulate(task.weight for task in self.tasks))
        number = sum(drawn * bounds[-1] >= bound for bound in bounds[:-1])
        return (self.tasks[number].turn,), state

    def due(self, state: PlanState) -> tuple[Turn, ...]:
        """Nothing."""
        return ()

    def heard(self, state: PlanState, scores: tuple[float, ...]) -> PlanState:
        """Never called."""
        return state
