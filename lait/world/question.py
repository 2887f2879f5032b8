"""What could one ask about a scene, and what is the answer?"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from lait.world.relation import holds
from lait.world.scene import Scene, Thing
from lait.world.vocabulary import (
    BACKGROUNDS,
    COLOURS,
    KINDS,
    PATTERNS,
    PLACES,
    PLURALS,
    Predicate,
    article,
)

QuestionType = Literal["yes/no", "number", "colour", "position", "other"]
QUESTION_TYPES: Final[tuple[QuestionType, ...]] = (
    "yes/no",
    "number",
    "colour",
    "position",
    "other",
)

_OPPOSITES: Final[tuple[tuple[Predicate, Predicate, str, str], ...]] = (
    ("left of", "right of", "left", "right"),
    ("above", "below", "above", "below"),
)
_PATIENCE = 300
"""Questions without a new one among them after which the asker gives up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question about a picture, in the shape of the VQA data sets."""

    question: str
    answer: str
    """Lower case: `yes`, `no`, a number in digits, or one word."""
    type: QuestionType


def questions(scene: Scene, n: int, seed: int) -> tuple[Question, ...]:
    """`n` distinct questions that the scene answers without doubt.

    Types take turns, as far as the scene has something to ask of each; of the yes/no questions
    every second one is answered `no`. Raises ValueError when there are not `n` to ask.
    """
    rng = random.Random(f"question:{scene.seed}:{seed}")
    start = rng.randrange(2)  # else the first yes/no question of every scene had one answer
    found: dict[str, Question] = {}
    turn = misses = 0
    while len(found) < n and misses < _PATIENCE:
        asked = sum(question.type == "yes/no" for question in found.values())
        question = _ASKERS[turn % len(_ASKERS)](rng, scene, (asked + start) % 2 == 0)
        is_new = question is not None and question.question not in found
        if question is not None and is_new:
            found[question.question] = question
        misses, turn = 0 if is_new else misses + 1, turn + 1
    if len(found) < n:
        raise ValueError(f"scene {scene.seed} has {len(found)} questions: ask for fewer than {n}")
    return tuple(found.values())


def _the(scene: Scene, thing: Thing) -> str:
    """`the cat`, or `the red cat` where there are several."""
    alone = sum(other.kind == thing.kind for other in scene.things) == 1
    return f"the {thing.kind}" if alone else f"the {thing.colour} {thing.kind}"


def _yes_no(rng: random.Random, scene: Scene, wanted: bool) -> Question | None:
    ask = rng.choice((_is_there, _is_so_coloured, _is_placed, _is_here))
    text = ask(rng, scene, wanted)
    if text is None:
        return None
    return Question(question=text, answer="yes" if wanted else "no", type="yes/no")


def _is_there(rng: random.Random, scene: Scene, wanted: bool) -> str:
    thing = rng.choice(scene.things)
    if wanted:
        return f"Is there {article(f'{thing.colour} {thing.kind}')}?"
    absent = [kind for kind in KINDS if all(kind != other.kind for other in scene.things)]
    return f"Is there {article(f'{thing.colour} {rng.choice(absent)}')}?"


def _is_so_coloured(rng: random.Random, scene: Scene, wanted: bool) -> str | None:
    thing = rng.choice(scene.things)
    if sum(other.kind == thing.kind for other in scene.things) > 1:
        return None
    wrong = rng.choice([colour for colour in COLOURS if colour != thing.colour])
    return f"Is the {thing.kind} {thing.colour if wanted else wrong}?"


def _is_placed(rng: random.Random, scene: Scene, wanted: bool) -> str | None:
    told = [r for r in scene.relations if r.predicate in ("left of", "right of", "above", "below")]
    if not told:
        return None
    relation = rng.choice(told)
    a, b = scene.things[relation.subject], scene.things[relation.object]
    first, second = (a, b) if wanted else (b, a)
    link = {"left of": "to the left of", "right of": "to the right of"}.get(
        relation.predicate, relation.predicate
    )
    return f"Is {_the(scene, first)} {link} {_the(scene, second)}?"


def _is_here(rng: random.Random, scene: Scene, wanted: bool) -> str:
    elsewhere = [place for place in BACKGROUNDS if place != scene.background]
    place = scene.background if wanted else rng.choice(elsewhere)
    return f"Was this picture taken {PLACES[place][0]}?"


def _number(rng: random.Random, scene: Scene, _: bool) -> Question:
    if rng.random() < 0.35:
        answer = str(len(scene.things))
        return Question(
            question="How many things are in the picture?", answer=answer, type="number"
        )
    here = [thing.kind for thing in scene.things]
    kind = rng.choice(KINDS) if rng.random() < 0.15 else rng.choice(here)
    text = f"How many {PLURALS[kind]} are there?"
    return Question(question=text, answer=str(here.count(kind)), type="number")


def _colour(rng: random.Random, scene: Scene, _: bool) -> Question | None:
    thing = rng.choice(scene.things)
    if sum(other.kind == thing.kind for other in scene.things) > 1:
        return None
    text = f"What colour is the {thing.kind}?"
    return Question(question=text, answer=thing.colour, type="colour")


def _position(rng: random.Random, scene: Scene, _: bool) -> Question | None:
    first, second, word, opposite = rng.choice(_OPPOSITES)
    told = [r for r in scene.relations if r.predicate in (first, second)]
    if not told:
        return None
    relation = rng.choice(told)
    a, b = (_the(scene, scene.things[index]) for index in (relation.subject, relation.object))
    link = f"{word} or {opposite} of" if word == "left" else f"{word} or {opposite}"
    answer = word if relation.predicate == first else opposite
    return Question(question=f"Is {a} {link} {b}?", answer=answer, type="position")


def _other(rng: random.Random, scene: Scene, _: bool) -> Question | None:
    ask = rng.choice((_what_is_coloured, _what_stands, _which_pattern, _where))
    return ask(rng, scene)


def _what_is_coloured(rng: random.Random, scene: Scene) -> Question:
    thing = rng.choice(scene.things)
    text = f"Which thing is {thing.colour}?"
    return Question(question=text, answer=thing.kind, type="other")


def _what_stands(rng: random.Random, scene: Scene) -> Question | None:
    """`What is on the red car?`, asked only where one thing alone is the answer."""
    told = [r for r in scene.relations if r.predicate not in ("bigger than", "smaller than")]
    if not told:
        return None
    relation = rng.choice(told)
    anchor = scene.things[relation.object]
    fitting = [
        thing
        for thing in scene.things
        if thing is not anchor and holds(relation.predicate, thing.box, anchor.box)
    ]
    if len(fitting) != 1:
        return None
    text = f"What is {relation.predicate} the {anchor.colour} {anchor.kind}?"
    return Question(question=text, answer=fitting[0].kind, type="other")


def _which_pattern(rng: random.Random, scene: Scene) -> Question | None:
    patterned = [thing for thing in scene.things if thing.pattern in PATTERNS]
    if not patterned:
        return None
    thing = rng.choice(patterned)
    text = f"Is {_the(scene, thing)} striped, spotted or checked?"
    return Question(question=text, answer=str(thing.pattern), type="other")


def _where(rng: random.Random, scene: Scene) -> Question:
    text = "Which background does this picture have?"
    if scene.background not in ("night", "plain") and rng.random() < 0.5:
        text = "Where was this picture taken?"
    return Question(question=text, answer=scene.background, type="other")


_Asker = Callable[[random.Random, Scene, bool], Question | None]
_ASKERS: Final[tuple[_Asker, ...]] = (_yes_no, _number, _colour, _position, _yes_no, _other)
