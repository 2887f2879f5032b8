"""When does a task that no longer gets better rest, and when does it come back?"""

import dataclasses
from dataclasses import dataclass

from pretrain.task_plans.task_plan import TaskState


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAndGo:
    """12-in-1's dynamic stop-and-go, on validation scores of which higher is better.

    A resting task is still trained now and then, so that it is not forgotten. Whether it goes again
    is tested before whether it stops: a fall is never missed because patience ran out just then.
    """

    better: float = 0.001
    """A score counts as better when it is above the best by this share of it."""
    patience: int = 1
    """So many validations may be no better; one more stops the task."""
    worse: float = 0.005
    """A resting task goes again when its score is below the best by more than this share."""
    cooldown: int = 1
    """Validations after a stop or a go that do not count against the task."""
    gap: int = 4
    """A resting task plays in every so many rounds."""
    validate_every: int = 100
    """Rounds between two validations."""

    def heard(self, task: TaskState, score: float) -> TaskState:
        """The task after one more validation."""
        best = score if task.best is None else task.best
        if task.stopped:
            if score < best - self.worse * abs(best):
                return TaskState(best=best, cooling=self.cooldown)
            return dataclasses.replace(task, best=max(best, score))
        if task.best is None or score > best + self.better * abs(best):
            return TaskState(best=score, cooling=max(0, task.cooling - 1))
        if task.cooling:
            return dataclasses.replace(task, cooling=task.cooling - 1)
        if task.waited + 1 > self.patience:
            return TaskState(best=best, stopped=True)
        return dataclasses.replace(task, waited=task.waited + 1)

    def plays(self, task: TaskState, round_number: int) -> bool:
        """Whether the task takes part in this round."""
        return not task.stopped or round_number % self.gap == 0
