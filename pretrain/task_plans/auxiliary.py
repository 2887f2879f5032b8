"""How does a second data set help the first, in the same steps?"""

from dataclasses import dataclass

from pretrain.task_plans.task_plan import PlanState, Task, Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterAndAuxiliary:
    """Each step takes a batch of the stage's own data and one of each helper (VL-BERT).

    The losses of all batches add up before the step is made; each batch is averaged over its own
    answers. The stage's own data says when an epoch ends; helpers begin anew when they are through.
    """

    helpers: tuple[Task, ...]
    asked: tuple[str, ...] | None = None
    """About the stage's own data; None: everything."""

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The master's and the helpers'."""
        return (Task(asked=self.asked), *self.helpers)

    def turns(
        self, state: PlanState, *, seed: int, step: int
    ) -> tuple[tuple[Turn, ...], PlanState]:
        """See `TaskPlan.turns`."""
        return tuple(task.turn for task in self.tasks), state

    def due(self, state: PlanState) -> tuple[Turn, ...]:
        """Nothing."""
        return ()

    def heard(self, state: PlanState, scores: tuple[float, ...]) -> PlanState:
        """Never called."""
        return state
