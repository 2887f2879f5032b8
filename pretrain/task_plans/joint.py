"""How are all objectives asked at once?"""

from dataclasses import dataclass

from pretrain.task_plans.task_plan import PlanState, Task, Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """Every step asks everything about one batch (ImageBERT, LXMERT, ViLBERT)."""

    @property
    def tasks(self) -> tuple[Task, ...]:
        """One, of everything."""
        return (Task(asked=None),)

    def turns(
        self, state: PlanState, *, seed: int, step: int
    ) -> tuple[tuple[Turn, ...], PlanState]:
        """See `TaskPlan.turns`."""
        return (Turn(),), state

    def due(self, state: PlanState) -> tuple[Turn, ...]:
        """Nothing."""
        return ()

    def heard(self, state: PlanState, scores: tuple[float, ...]) -> PlanState:
        """Never called."""
        return state
