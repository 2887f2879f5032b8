"""How does the world ask its questions in the form in which VQA v2 publishes them?"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

_PEOPLE: Final = 10
"""Who answered each question; the world's answers are beyond doubt, so all say the same."""


def write_vqa(
    annotations: Path, images: Mapping[str, str | int], folder: Path
) -> tuple[Path, Path]:
    """`questions.json` and `annotations.json` about some of the world's images.

    Args:
        annotations: The world's `annotations.jsonl`.
        images: How each image is called in the new files, by its sha256.
        folder: Where they go.
    """
    questions: list[dict[str, Any]] = []
    truths: list[dict[str, Any]] = []
    for known in _lines(annotations):
        if known["sha256"] not in images:
            continue
        image = images[known["sha256"]]
        for asked in known["questions"]:
            number = len(questions)
            common = {"image_id": image, "question_id": number}
            questions.append({**common, "question": asked["question"]})
            answer = asked["answer"]
            truths.append(
                {
                    **common,
                    "answer_type": asked["type"],
                    "multiple_choice_answer": answer,
                    "answers": [
                        {"answer": answer, "answer_confidence": "yes", "answer_id": person + 1}
                        for person in range(_PEOPLE)
                    ],
                }
            )
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "questions.json", folder / "annotations.json"
    paths[0].write_text(json.dumps({"task_type": "Open-Ended", "questions": questions}) + "\n")
    paths[1].write_text(json.dumps({"annotations": truths}) + "\n")
    return paths


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)
