"""Visual question answering, VQA v2: which answer would most of ten people give?

Goyal et al. 2017, arXiv:1612.00837. Files as published: `v2_OpenEnded_mscoco_*_questions.json` and,
but for a test split, `v2_mscoco_*_annotations.json`. A question is classified among the frequent
answers of the training set, by binary cross-entropy to their soft scores.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pretrain.objectives.answering import Answering
from pretrain.optim import Adam
from pretrain.recipe import Stage
from pretrain.tasks import figures
from pretrain.tasks.answers import normal, soft_scores, vocabulary
from pretrain.tasks.published import field, no_split, read_json
from pretrain.tasks.task import Record, Row

AT_LEAST = 9
"""Times that an answer occurs in the training set to be one of the classes (3,129 on VQA v2)."""
STAGE = Stage(name="vqa", epochs=20.0, batch_pairs=256, optim=Adam(lr=4e-5))
"""ViLBERT's: batch 256, rate 4e-5, 20 epochs."""


def read(files: Sequence[Path], split: str | None) -> list[Record]:
    """See `Task.read`."""
    no_split(split, "VQA's questions")
    questions: list[tuple[str, Any]] = []
    truths: dict[str, Any] = {}
    for file in files:
        content = read_json(file)
        if isinstance(content, dict) and "questions" in content:
            listed = field(content, "questions", list, str(file))
            questions += [(f"{file}, question {i}", one) for i, one in enumerate(listed)]
        else:
            for i, one in enumerate(field(content, "annotations", list, str(file))):
                where = f"{file}, annotation {i}"
                truths[str(field(one, "question_id", (int, str), where))] = (where, one)
    if not questions:
        raise ValueError(
            '--annotations: none of the files has VQA\'s "questions": give the questions file '
            "and, to train or score, the annotations file as well"
        )
    return [_record(where, one, truths) for where, one in questions]


def objective(records: Sequence[Record], *, at_least: int = AT_LEAST) -> Answering:
    """See `Task.objective`. A small set keeps the answers that occur at all."""
    best = [max(record.right, key=lambda a: (record.right[a], a)) for record in records]
    answers = vocabulary(best, at_least) or vocabulary(best, 1)
    return Answering(name="vqa", answers=answers, kind="bce")


def results(answers: Mapping[str, str]) -> Any:
    """The form of the challenge's result file."""
    return [
        {"question_id": int(record_id) if record_id.isdigit() else record_id, "answer": answer}
        for record_id, answer in answers.items()
    ]


def metrics(records: Sequence[Record], answers: Mapping[str, str]) -> dict[str, float]:
    """VQA accuracy, of all questions and of each answer type."""
    return figures.accuracy(records, answers, same=normal)


def _record(where: str, question: Any, truths: Mapping[str, Any]) -> Record:
    record_id = str(field(question, "question_id", (int, str), where))
    row = Row(
        image=field(question, "image_id", (int, str), where),
        text=field(question, "question", str, where),
    )
    if record_id not in truths:
        return Record(id=record_id, rows=(row,), right={})
    told_in, truth = truths[record_id]
    given = [field(one, "answer", str, told_in) for one in field(truth, "answers", list, told_in)]
    kind = str(truth.get("answer_type", ""))
    return Record(id=record_id, rows=(row,), right=soft_scores(given) if given else {}, kind=kind)
