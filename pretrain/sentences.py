"""What is said about an image, and what may be asked about it?"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from pretrain.objectives.objective import Objective
from shards.sample import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question about an image, with its answers."""

    text: str
    right: Mapping[str, float]
    """Answers with their scores in 0..1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A caption, or a question."""

    text: str
    targets: tuple[float, ...] = field(default=())
    """See `Batch.targets_BX`; a caption asks for nothing."""


@runtime_checkable
class AsksQuestions(Protocol):
    """An objective of pretraining by which questions are texts like captions."""

    @property
    def answers(self) -> tuple[str, ...]:
        """That it knows; where it knows none it asks nothing."""
        ...

    def row_of(self, right: Mapping[str, float]) -> tuple[float, ...]:
        """The scores of `answers`."""
        ...


def asker_of(objectives: Sequence[Objective]) -> AsksQuestions | None:
    """The objective that asks, if there is one."""
    return next((o for o in objectives if isinstance(o, AsksQuestions) and o.answers), None)


def questions_of(sample: Sample) -> tuple[Question, ...]:
    """The questions that a packed sample's record lists."""
    listed = json.loads(sample.record).get("questions", ())
    return tuple(Question(text=one["question"], right=one["answers"]) for one in listed)


def sentences(
    captions: Sequence[str], questions: Sequence[Question], asker: AsksQuestions | None
) -> list[Sentence]:
    """All that may stand beside the image; questions only where an objective asks them."""
    said = [Sentence(text=caption) for caption in captions]
    if asker is None:
        return said
    asked = (Sentence(text=q.text, targets=asker.row_of(q.right)) for q in questions)
    return [*said, *asked]
