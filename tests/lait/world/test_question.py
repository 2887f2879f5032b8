"""Are questions answered rightly, by the scene and not by the asker's word?"""

import json
import re
from collections import Counter

import pytest

from lait.world.annotation import QUESTIONS_PER_SCENE, annotation
from lait.world.question import QUESTION_TYPES, Question, questions
from lait.world.relation import holds
from lait.world.scene import Scene, Thing, make_scene
from lait.world.vocabulary import PLACES

SCENES = [make_scene(seed) for seed in range(400)]
ASKED = [(scene, question) for scene in SCENES for question in questions(scene, 8, seed=0)]


def _one(scene: Scene, words: str) -> Thing:
    """The one thing that `the red cat` or `the cat` can mean; fails when there are several."""
    *colour, kind = words.split()
    fitting = [t for t in scene.things if t.kind == kind and colour in ([], [t.colour])]
    assert len(fitting) == 1, (words, scene)
    return fitting[0]


def _answer(scene: Scene, text: str) -> str:
    """The answer, worked out from the words of the question alone."""
    kinds = [thing.kind for thing in scene.things]
    if text == "How many things are in the picture?":
        return str(len(kinds))
    if match := re.fullmatch(r"How many (\w+) are there\?", text):
        return str(sum(match[1] in (kind, f"{kind}s") for kind in kinds))
    if match := re.fullmatch(r"What colour is the (\w+)\?", text):
        return _one(scene, match[1]).colour
    if match := re.fullmatch(r"Which thing is (\w+)\?", text):
        [thing] = [thing for thing in scene.things if thing.colour == match[1]]
        return thing.kind
    if match := re.fullmatch(r"Is the (.+) striped, spotted or checked\?", text):
        return str(_one(scene, match[1]).pattern)
    if text in ("Where was this picture taken?", "Which background does this picture have?"):
        return scene.background
    if match := re.fullmatch(r"What is (.+) the (\w+ \w+)\?", text):
        anchor = _one(scene, match[2])
        [thing] = [
            t
            for t in scene.things
            if t is not anchor and holds(match[1], t.box, anchor.box)  # type: ignore[arg-type]
        ]
        return thing.kind
    if match := re.fullmatch(r"Is the (.+) (left or right of|above or below) the (.+)\?", text):
        a, b = _one(scene, match[1]), _one(scene, match[3])
        names = (
            {"left": "left of", "right": "right of"}
            if "left" in match[2]
            else {"above": "above", "below": "below"}
        )
        [name] = [name for name, p in names.items() if holds(p, a.box, b.box)]  # type: ignore[arg-type]
        return name
    return "yes" if _is_so(scene, text) else "no"


def _is_so(scene: Scene, text: str) -> bool:
    if match := re.fullmatch(r"Is there an? (\w+) (\w+)\?", text):
        return any((t.colour, t.kind) == (match[1], match[2]) for t in scene.things)
    if match := re.fullmatch(r"Was this picture taken (.+)\?", text):
        return match[1] in PLACES[scene.background]
    if match := re.fullmatch(
        r"Is the (.+?) (to the left of|to the right of|above|below) the (.+)\?", text
    ):
        predicate = match[2].removeprefix("to the ")
        return holds(predicate, _one(scene, match[1]).box, _one(scene, match[3]).box)  # type: ignore[arg-type]
    match = re.fullmatch(r"Is the (\w+) (\w+)\?", text)
    assert match, text
    return _one(scene, match[1]).colour == match[2]


def test_every_answer_is_right() -> None:
    for scene, question in ASKED:
        assert question.answer == _answer(scene, question.question), (scene.seed, question)


def test_types_say_what_kind_of_answer_comes() -> None:
    for _, question in ASKED:
        assert (question.answer in ("yes", "no")) == (question.type == "yes/no"), question
        assert question.answer.isdigit() == (question.type == "number"), question
        assert (question.type == "position") == (
            question.answer in ("left", "right", "above", "below")
        )


def test_yes_and_no_are_balanced() -> None:
    answers = Counter(q.answer for _, q in ASKED if q.type == "yes/no")
    assert abs(answers["yes"] - answers["no"]) < 0.04 * answers.total()
    firsts = Counter(
        next(q.answer for q in questions(scene, 8, seed=0) if q.type == "yes/no")
        for scene in SCENES
    )
    assert 0.4 < firsts["yes"] / firsts.total() < 0.6


@pytest.mark.parametrize("opening", ["Is there", "Was this", "Is the"])
def test_the_wording_does_not_give_the_answer_away(opening: str) -> None:
    told = Counter(
        q.answer for _, q in ASKED if q.type == "yes/no" and q.question.startswith(opening)
    )
    assert 0.4 < told["yes"] / told.total() < 0.6, told


def test_all_types_are_asked() -> None:
    types = Counter(question.type for _, question in ASKED)
    assert set(types) == set(QUESTION_TYPES)
    assert min(types.values()) > 0.08 * len(ASKED)


def test_questions_are_distinct_and_reproducible() -> None:
    for scene in SCENES[:100]:
        asked = questions(scene, 8, seed=0)
        assert len({question.question for question in asked}) == 8
        assert asked == questions(scene, 8, seed=0)
    assert questions(SCENES[5], 8, seed=0) != questions(SCENES[5], 8, seed=1)


def test_too_many_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="ask for fewer than 5000"):
        questions(SCENES[3], 5000, seed=0)


def test_an_annotation_is_the_scene() -> None:
    for scene in SCENES:
        record = json.loads(json.dumps(annotation(scene, "ab" * 32)))
        assert list(record) == [
            *("sha256", "scene", "boxes", "labels", "attributes", "scene_graph", "questions")
        ]
        assert (record["sha256"], record["scene"]) == ("ab" * 32, scene.seed)
        graph = record["scene_graph"]
        assert graph["objects"] == record["labels"]
        for index, thing in enumerate(scene.things):
            assert tuple(record["boxes"][index]) == thing.box
            assert record["labels"][index] == thing.kind
            expected = {thing.colour, thing.size, thing.pattern} - {None}
            assert set(record["attributes"][index]) == expected
            assert {word for place, word in graph["attributes"] if place == index} == expected
        assert len(graph["relations"]) == len(scene.relations)
        for subject, predicate, place in graph["relations"]:
            assert holds(predicate, scene.things[subject].box, scene.things[place].box)
        assert len(record["questions"]) == QUESTIONS_PER_SCENE
        for asked in record["questions"]:
            question = Question(**asked)
            assert question.answer == _answer(scene, question.question)
