"""How do several tasks, each with its own data, share one network?"""

import dataclasses
from dataclasses import dataclass

from pretrain.task_plans.stop_and_go import StopAndGo
from pretrain.task_plans.task_plan import PlanState, Task, TaskState, Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRobin:
    """One optimiser step a task, in turn (12-in-1); `Sampled` draws them instead."""

    tasks: tuple[Task, ...]
    stop_and_go: StopAndGo | None = None
    """Let tasks rest that have stopped getting better."""

    def turns(
        self, state: PlanState, *, seed: int, step: int
    ) -> tuple[tuple[Turn, ...], PlanState]:
        """See `TaskPlan.turns`."""
        state = self._skipped(state)
        while not self._plays(state):  # a whole round in which all rest
            state = self._skipped(self._passed(state))
        return (self.tasks[state.slot].turn,), self._skipped(self._passed(state))

    def due(self, state: PlanState) -> tuple[Turn, ...]:
        """All tasks, between two rounds, every `validate_every` rounds of stop-and-go."""
        control = self.stop_and_go
        if control is None or state.slot:
            return ()
        waited = state.round - state.validated
        return tuple(t.turn for t in self.tasks) if waited >= control.validate_every else ()

    def heard(self, state: PlanState, scores: tuple[float, ...]) -> PlanState:
        """A stop or a go for each task."""
        assert self.stop_and_go is not None, self
        states = state.tasks or (TaskState(),) * len(self.tasks)
        return dataclasses.replace(
            state,
            validated=state.round,
            tasks=tuple(
                self.stop_and_go.heard(task, score)
                for task, score in zip(states, scores, strict=True)
            ),
        )

    def _skipped(self, state: PlanState) -> PlanState:
        """Past those who rest, but never beyond the border of two rounds."""
        while state.slot and not self._plays(state):
            state = self._passed(state)
        return state

    def _passed(self, state: PlanState) -> PlanState:
        ended = state.slot + 1 == len(self.tasks)
        return dataclasses.replace(
            state, round=state.round + ended, slot=0 if ended else state.slot + 1
        )

    def _plays(self, state: PlanState) -> bool:
        if self.stop_and_go is None or not state.tasks:
            return True
        return self.stop_and_go.plays(state.tasks[state.slot], state.round)
