"""SNLI-VE: does a picture entail a sentence, contradict it, or neither?

Xie et al. 2019, arXiv:1901.06706. File as published: `snli_ve_train.jsonl`, `snli_ve_dev.jsonl`,
`snli_ve_test.jsonl`; the picture is Flickr30k's, the sentence is `sentence2`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pretrain.objectives.answering import Answering
from pretrain.optim import Adam
from pretrain.recipe import Stage
from pretrain.tasks import figures
from pretrain.tasks.published import field, no_split, one_file, read_lines
from pretrain.tasks.task import Record, Row

_ANSWERS = ("contradiction", "neutral", "entailment")
_UNDECIDED = "-"
"""The label of pairs on which people did not agree."""
STAGE = Stage(name="snli_ve", epochs=20.0, batch_pairs=256, optim=Adam(lr=2e-5))
"""12-in-1's batch and rate; 20 epochs are assumed."""


def read(files: Sequence[Path], split: str | None) -> list[Record]:
    """See `Task.read`."""
    no_split(split, "SNLI-VE's pairs")
    return [_record(*line) for line in read_lines(one_file(files, "SNLI-VE's jsonl of a split"))]


def objective(records: Sequence[Record]) -> Answering:
    """See `Task.objective`."""
    return Answering(name="snli_ve", answers=_ANSWERS, kind="ce", inner=0)


def results(answers: Mapping[str, str]) -> Any:
    """The label of each pair, by its id."""
    return dict(answers)


def metrics(records: Sequence[Record], answers: Mapping[str, str]) -> dict[str, float]:
    """Accuracy, of all pairs and of each label."""
    return figures.accuracy(records, answers)


def _record(where: str, line: Any) -> Record:
    label = line.get("gold_label")
    if label not in (*_ANSWERS, _UNDECIDED, None):
        raise ValueError(f"{where} has the gold_label {label!r}; known are {', '.join(_ANSWERS)}")
    known = label is not None and label != _UNDECIDED
    return Record(
        id=str(field(line, "pairID", (str, int), where)),
        rows=(
            Row(
                image=str(field(line, "Flickr30K_ID", (str, int), where)),
                text=field(line, "sentence2", str, where),
            ),
        ),
        right={label: 1.0} if known else {},
        kind=label if known else "",
    )
