"""GQA: questions about a real picture that were made from its scene graph.

Hudson and Manning 2019, arXiv:1902.09506. Files as published: `*_balanced_questions.json`, an
object of questions by id; several files are read as one. Accuracy counts the balanced questions;
consistency is over the questions that a rightly answered one entails. Validity, plausibility and
distribution need files that are not the questions, and are not computed.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pretrain.objectives.answering import Answering
from pretrain.optim import Adam
from pretrain.recipe import Stage
from pretrain.tasks import figures
from pretrain.tasks.answers import vocabulary
from pretrain.tasks.published import field, no_split, read_json
from pretrain.tasks.task import Record, Row

_OPEN = "query"
"""The structural type of the open questions; all others are answered from a choice of two."""
STAGE = Stage(name="gqa", epochs=20.0, batch_pairs=128, optim=Adam(lr=4e-5))
"""12-in-1's batch and rate; how long is not published, 20 epochs are assumed."""


def read(files: Sequence[Path], split: str | None) -> list[Record]:
    """See `Task.read`."""
    no_split(split, "GQA's questions")
    records = []
    for file in files:
        content = read_json(file)
        if not isinstance(content, dict) or not content:
            raise ValueError(f"--annotations {file}: GQA's files hold questions by id")
        records += [
            _record(f"{file}, question {record_id}", record_id, one)
            for record_id, one in content.items()
        ]
    return records


def objective(records: Sequence[Record]) -> Answering:
    """See `Task.objective`: every answer of the training set is a class."""
    answers = vocabulary((answer for record in records for answer in record.right), 1)
    return Answering(name="gqa", answers=answers, kind="ce")


def results(answers: Mapping[str, str]) -> Any:
    """The form of the challenge's result file."""
    return [
        {"questionId": record_id, "prediction": answer} for record_id, answer in answers.items()
    ]


def metrics(records: Sequence[Record], answers: Mapping[str, str]) -> dict[str, float]:
    """Accuracy (all, open, binary) and consistency."""
    found = figures.accuracy(records, answers)
    known = {record.id: record for record in records if record.right}
    right = {
        record_id: record.right.get(answers.get(record_id, ""), 0.0)
        for record_id, record in known.items()
    }
    shares = []
    for record_id, record in known.items():
        entailed = [
            other for other in record.group.split() if other in right and other != record_id
        ]
        if right[record_id] == 1.0 and entailed:
            shares.append(sum(right[other] for other in entailed) / len(entailed))
    if shares:
        found["consistency"] = sum(shares) / len(shares)
    return found


def _record(where: str, record_id: str, question: Any) -> Record:
    row = Row(
        image=field(question, "imageId", (str, int), where),
        text=field(question, "question", str, where),
    )
    answer = question.get("answer")
    types = question.get("types") or {}
    kind = "open" if types.get("structural") == _OPEN else "binary" if types else ""
    return Record(
        id=record_id,
        rows=(row,),
        right={} if answer is None else {str(answer): 1.0},
        kind=kind,
        group=" ".join(map(str, question.get("entailed") or ())),
    )
