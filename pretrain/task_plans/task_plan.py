"""What must a task plan promise?"""

from dataclasses import dataclass
from typing import Protocol

from pretrain.pairing import Pairing

OWN = ""
"""Names the data set of the stage itself; others have names of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One batch of an optimiser step, and what is asked about it."""

    data: str = OWN
    """From which data set it comes."""
    asked: tuple[str, ...] | None = None
    """Objectives by name; None: all of the recipe's. Only what these hide is hidden."""
    scale: float = 1.0
    """Of its losses."""
    pairing: Pairing | None = None
    """Which text is shown with which image; None: as the recipe says."""
    token: int | None = None
    """Number of the task's own token (`TextSpec.tasks`); None: it has none."""

    def key(self, objective: str) -> str:
        """Under which name the objective's score is reported: `mlm`, or `wikipedia/mlm`."""
        return objective if self.data == OWN else f"{self.data}/{objective}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a plan may choose for a step."""

    asked: tuple[str, ...] | None
    """Objectives by name, asked together; None: all of the recipe's."""
    data: str = OWN
    weight: float = 1.0
    """How often it is drawn, beside the weights of the others."""
    scale: float = 1.0
    """Of its losses: its own learning rate over the stage's (12-in-1)."""
    pairing: Pairing | None = None
    """See `Turn.pairing`."""
    token: int | None = None
    """See `Turn.token`."""
    batch_pairs: int | None = None
    """Pairs of its data in a step; None: the stage's number."""

    @property
    def turn(self) -> Turn:
        """Its optimiser step."""
        return Turn(
            data=self.data,
            asked=self.asked,
            scale=self.scale,
            pairing=self.pairing,
            token=self.token,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState:
    """How one task fares (see `stop_and_go.py`)."""

    best: float | None = None
    """Its best validation score; None before the first."""
    waited: int = 0
    """Validations since the last better one."""
    stopped: bool = False
    cooling: int = 0
    """Validations that still count for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanState:
    """How far a plan has come. In every checkpoint; the same on all workers."""

    round: int = 0
    """Times that all tasks had their turn."""
    slot: int = 0
    """Which task is next in this round."""
    validated: int = 0
    """In which round scores were last heard."""
    tasks: tuple[TaskState, ...] = ()
    """In the plan's order."""


class TaskPlan(Protocol):
    """A frozen value of a stage. All decisions follow from state, seed and step alone."""

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All that it may ask."""
        ...

    def turns(
        self, state: PlanState, *, seed: int, step: int
    ) -> tuple[tuple[Turn, ...], PlanState]:
        """The batches of one optimiser step, and the state after it."""
        ...

    def due(self, state: PlanState) -> tuple[Turn, ...]:
        """What has to be validated before the next step; nothing, for most plans."""
        ...

    def heard(self, state: PlanState, scores: tuple[float, ...]) -> PlanState:
        """The state once all that was due has been scored; higher is better."""
        ...
