"""NLVR2: is a sentence true of two pictures?

Suhr et al. 2019, arXiv:1811.00491. File as published: `train.json`, `dev.json`, `test1.json`, one
object a line. The images of `dev-850-0-1` are `dev-850-0-img0` and `dev-850-0-img1`.
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

_ROWS = 2
_ANSWERS = ("False", "True")
STAGE = Stage(name="nlvr2", epochs=20.0, batch_pairs=64, optim=Adam(lr=2e-5))
"""12-in-1's batch and rate; 20 epochs are assumed."""


def read(files: Sequence[Path], split: str | None) -> list[Record]:
    """See `Task.read`."""
    no_split(split, "NLVR2's examples")
    return [_record(*line) for line in read_lines(one_file(files, "NLVR2's json of a split"))]


def objective(records: Sequence[Record]) -> Answering:
    """See `Task.objective`: both pictures' vectors side by side."""
    return Answering(name="nlvr2", answers=_ANSWERS, kind="ce", rows=_ROWS)


def results(answers: Mapping[str, str]) -> Any:
    """Lines `identifier,prediction`, as the benchmark's scorer takes them."""
    return "".join(f"{record_id},{answer}\n" for record_id, answer in answers.items())


def metrics(records: Sequence[Record], answers: Mapping[str, str]) -> dict[str, float]:
    """Accuracy, and consistency: a sentence is right on all its pairs of pictures."""
    return {
        **figures.accuracy(records, answers),
        "consistency": figures.consistency(records, answers),
    }


def _record(where: str, line: Any) -> Record:
    record_id, sentence = field(line, "identifier", str, where), field(line, "sentence", str, where)
    label = line.get("label")
    if label is not None and str(label) not in _ANSWERS:
        raise ValueError(f"{where} has the label {label!r}; NLVR2's are True and False")
    pictures = record_id.rpartition("-")[0]
    return Record(
        id=record_id,
        rows=tuple(Row(image=f"{pictures}-img{side}", text=sentence) for side in (0, 1)),
        right={} if label is None else {str(label): 1.0},
        group=sentence,
    )
