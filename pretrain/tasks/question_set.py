"""How do a task's questions become pairs of a text and an image for the network?"""

import hashlib
from collections.abc import Sequence

from pretrain.collate import Inputs, Pair
from pretrain.data import Example, ShardSet
from pretrain.objectives.objective import Objective
from pretrain.tasks.records import as_lines
from pretrain.tasks.task import Asking, Record
from pretrain.tokens import Pieces, WordPiece


class QuestionSet:
    """Questions beside the regions of their images. A `TrainingSet` that makes its own pairs."""

    def __init__(self, images: ShardSet, records: Sequence[Record], objective: Objective) -> None:
        """Raises ValueError when the objective is none of a task."""
        if not isinstance(objective, Asking):
            raise ValueError(f"{objective.name} asks no questions: fine-tune with `lait finetune`")
        self.records = tuple(records)
        self.rows_per_question = objective.rows
        self._images, self._objective = images, objective
        self.digest = hashlib.sha256(f"{images.digest} {as_lines(records)}".encode()).hexdigest()

    def __len__(self) -> int:
        return len(self.records)

    def example(self, i: int) -> Example:
        """The first image of question `i`."""
        return self._images.by_key(str(self.records[i].rows[0].image))

    def pairs(self, i: int, inputs: Inputs, wordpiece: WordPiece) -> list[Pair]:
        """The rows of question `i`, together with what is right."""
        record = self.records[i]
        regions = [
            self._images.by_key(str(row.image)).regions.top(inputs.max_regions)
            for row in record.rows
        ]
        pieces = wordpiece.encode([row.text for row in record.rows])
        seconds = wordpiece.encode([row.second for row in record.rows])
        targets = self._objective.targets(record, regions)
        return [
            Pair(
                pieces=_joined(first, second, wordpiece),
                regions=found,
                match=True,
                targets=wanted,
            )
            for first, second, found, wanted in zip(pieces, seconds, regions, targets, strict=True)
        ]


def _joined(first: Pieces, second: Pieces, wordpiece: WordPiece) -> Pieces:
    """`first [SEP] second`, in one segment."""
    if not second.ids:
        return first
    n_words = max(first.words, default=-1) + 1
    return Pieces(
        ids=(*first.ids, wordpiece.sep, *second.ids),
        words=(*first.words, -1, *(n_words + word for word in second.words)),
    )
