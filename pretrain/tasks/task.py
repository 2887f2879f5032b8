"""What must a fine-tuning task promise, and what is one question of it?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from torch import nn

from pretrain.batch import Batch
from pretrain.objectives.objective import Encoded, Objective
from pretrain.recipe import Stage
from pretrain.regions.regions import Regions

Box = tuple[float, float, float, float]
"""(x1, y1, x2, y2) in 0..1 of the image's width and height."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One text beside one image: what goes through the network."""

    image: str | int
    """As the annotation names it: a file name, its stem, a sha256; or the number that ends its
    stem, as COCO's ids do."""
    text: str
    second: str = ""
    """Another text after the first (an answer after its question)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One question of a task, with what is right."""

    id: str
    rows: tuple[Row, ...]
    """As many as the task's objective takes together."""
    right: Mapping[str, float]
    """Answers with their scores in 0..1; empty where the file does not tell (a test split)."""
    box: Box | None = None
    """Where the right region is, for tasks that point."""
    kind: str = ""
    """Results are also told apart by this: `yes/no`, `number`, ..."""
    group: str = ""
    """Records of one group are consistent when all of them are answered right."""


@runtime_checkable
class Asking(Objective, Protocol):
    """The objective of a task."""

    @property
    def rows(self) -> int:
        """Pairs that are one question; they stand together in a batch."""
        ...

    def knows(self, record: Record) -> bool:
        """Whether the record says anything that can be learned."""
        ...

    def targets(self, record: Record, regions: Sequence[Regions]) -> list[tuple[float, ...]]:
        """For each row of a record, its row of `Batch.targets_BX`."""
        ...

    def decide(self, head: nn.Module, encoded: Encoded, batch: Batch) -> list[str]:
        """The answer to each question of a batch."""
        ...


class Task(Protocol):
    """A module of `pretrain.tasks`, with these functions."""

    STAGE: Stage
    """How the task is trained, unless told otherwise."""

    def read(self, files: Sequence[Path], split: str | None) -> list[Record]:
        """The records of the published files, in their order.

        Raises:
            ValueError: not these files, or damaged; names the file and what is missing.
        """
        ...

    def objective(self, records: Sequence[Record]) -> Asking:
        """The head and loss for fine-tuning on these records."""
        ...

    def results(self, answers: Mapping[str, str]) -> Any:
        """The answers by record id, in the form that the benchmark's own scorer takes."""
        ...

    def metrics(self, records: Sequence[Record], answers: Mapping[str, str]) -> dict[str, float]:
        """The standard figures, in 0..1; only records whose truth is known count."""
        ...
