"""Visual commonsense reasoning: which of four answers, and which of four reasons for it?

Zellers et al. 2019, arXiv:1811.10830. File as published: `train.jsonl`, `val.jsonl`. A line becomes
two records, `ID/answer` (Q -> A) and `ID/rationale` (QA -> R, given the right answer); both right
is Q -> AR. A tag of an object is written as its class and number: `person 2`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pretrain.objectives.choosing import Choosing
from pretrain.optim import Adam
from pretrain.recipe import Stage
from pretrain.tasks import figures
from pretrain.tasks.published import field, no_split, one_file, read_lines
from pretrain.tasks.task import Record, Row

_ROWS = 4
_ANSWER, _RATIONALE = "answer", "rationale"
STAGE = Stage(name="vcr", epochs=20.0, batch_pairs=64, optim=Adam(lr=2e-5))
"""ViLBERT's batch and rate; 20 epochs are assumed."""


def read(files: Sequence[Path], split: str | None) -> list[Record]:
    """See `Task.read`."""
    no_split(split, "VCR's annotations")
    lines = read_lines(one_file(files, "VCR's jsonl of a split"))
    return [record for where, line in lines for record in _records(where, line)]


def objective(records: Sequence[Record]) -> Choosing:
    """See `Task.objective`."""
    return Choosing(name="vcr", rows=_ROWS)


def results(answers: Mapping[str, str]) -> Any:
    """Which choice was taken, by record id."""
    return {record_id: int(answer) for record_id, answer in answers.items()}


def metrics(records: Sequence[Record], answers: Mapping[str, str]) -> dict[str, float]:
    """`Q->A`, `QA->R` and, both right, `Q->AR`."""
    found = figures.accuracy(records, answers)
    return {
        "Q->A": found[f"accuracy of {_ANSWER}"],
        "QA->R": found[f"accuracy of {_RATIONALE}"],
        "Q->AR": figures.consistency(records, answers),
    }


def _records(where: str, line: Any) -> list[Record]:
    record_id, objects = field(line, "annot_id", str, where), field(line, "objects", list, where)
    image = field(line, "img_fn", str, where)
    question = _text(field(line, "question", list, where), objects, where)
    records = []
    told = line.get("answer_label")
    for kind in (_ANSWER, _RATIONALE):
        choices = [
            _text(one, objects, where) for one in field(line, f"{kind}_choices", list, where)
        ]
        if len(choices) != _ROWS:
            raise ValueError(f"{where} has {len(choices)} {kind}_choices; VCR's have {_ROWS}")
        label = line.get(f"{kind}_label")
        if kind == _RATIONALE and told is not None:
            right_answer = field(line, "answer_choices", list, where)[int(told)]
            question = f"{question} {_text(right_answer, objects, where)}"
        records.append(
            Record(
                id=f"{record_id}/{kind}",
                rows=tuple(Row(image=image, text=question, second=choice) for choice in choices),
                right={} if label is None else {str(int(label)): 1.0},
                kind=kind,
                group=record_id,
            )
        )
    return records


def _text(tokens: Sequence[Any], objects: Sequence[Any], where: str) -> str:
    words = []
    for token in tokens:
        if isinstance(token, list):
            if not all(isinstance(i, int) and 0 <= i < len(objects) for i in token):
                raise ValueError(f"{where} tags the objects {token}, there are {len(objects)}")
            words.append(" and ".join(f"{objects[i]} {i + 1}" for i in token))
        else:
            words.append(str(token))
    return " ".join(words)
