"""What does the world know of a picture, as one line of `annotations.jsonl`?"""

from typing import TypedDict

from lait.world.question import QuestionType, questions
from lait.world.relation import Box
from lait.world.scene import Scene, Thing
from lait.world.vocabulary import Kind, Predicate

QUESTIONS_PER_SCENE = 8


class SceneGraph(TypedDict):
    """Nodes and edges; numbers are places in `objects`."""

    objects: list[Kind]
    attributes: list[tuple[int, str]]
    relations: list[tuple[int, Predicate, int]]


class Asked(TypedDict):
    """A question with its answer."""

    question: str
    answer: str
    type: QuestionType


class Annotation(TypedDict):
    """Everything known of one image file; `boxes`, `labels`, `attributes` run in parallel."""

    sha256: str
    scene: int
    boxes: list[Box]
    labels: list[Kind]
    attributes: list[list[str]]
    scene_graph: SceneGraph
    questions: list[Asked]


def annotation(scene: Scene, sha256: str) -> Annotation:
    """The record of a scene drawn as the file of that hash; ready for `json.dumps`."""
    attributes = [_attributes(thing) for thing in scene.things]
    labels = [thing.kind for thing in scene.things]
    return Annotation(
        sha256=sha256,
        scene=scene.seed,
        boxes=[thing.box for thing in scene.things],
        labels=labels,
        attributes=attributes,
        scene_graph=SceneGraph(
            objects=labels,
            attributes=[(i, word) for i, words in enumerate(attributes) for word in words],
            relations=[(r.subject, r.predicate, r.object) for r in scene.relations],
        ),
        questions=[
            Asked(question=asked.question, answer=asked.answer, type=asked.type)
            for asked in questions(scene, QUESTIONS_PER_SCENE, seed=0)
        ],
    )


def _attributes(thing: Thing) -> list[str]:
    return [thing.colour, thing.size, *([thing.pattern] if thing.pattern else [])]
