"""Are scenes reproducible, and are their boxes and relations what they claim to be?"""

from collections import Counter

import pytest

from lait.world.layout import SHAPES, SIZE_AREAS
from lait.world.relation import Relation, area, holds, relations_between
from lait.world.scene import Scene, make_scene
from lait.world.vocabulary import BACKGROUNDS, COLOURS, KINDS, RECIPROCAL

SCENES = [make_scene(seed) for seed in range(1500)]


def test_the_same_seed_gives_the_same_scene() -> None:
    assert [make_scene(seed) for seed in range(50)] == SCENES[:50]
    assert make_scene(1) != make_scene(2)


def test_a_known_scene_has_not_changed() -> None:
    """Gold answers hang on it: a change here must be meant."""
    scene = make_scene(7)
    shown = [(t.size, t.pattern, t.colour, t.kind) for t in scene.things]
    assert (scene.background, shown) == (
        "plain",
        [("small", None, "green", "umbrella"), ("medium", "striped", "red", "umbrella")],
    )


def test_everything_in_the_vocabulary_occurs() -> None:
    things = [thing for scene in SCENES for thing in scene.things]
    assert {thing.kind for thing in things} == set(KINDS)
    assert {thing.colour for thing in things} == set(COLOURS)
    assert {scene.background for scene in SCENES} == set(BACKGROUNDS)
    assert {thing.size for thing in things} == set(SIZE_AREAS)
    assert {len(scene.things) for scene in SCENES} == {1, 2, 3, 4, 5}
    told = Counter(relation.predicate for scene in SCENES for relation in scene.relations)
    assert set(told) == set(RECIPROCAL)
    assert min(told.values()) >= 50


def test_things_of_one_scene_can_be_told_apart() -> None:
    for scene in SCENES:
        looks = [(thing.kind, thing.colour) for thing in scene.things]
        assert len(set(looks)) == len(looks), scene


def test_boxes_lie_in_the_picture_and_meet_only_on_purpose() -> None:
    for scene in SCENES:
        for thing in scene.things:
            x1, y1, x2, y2 = thing.box
            assert 0 <= x1 < x2 <= 1, scene
            assert 0 <= y1 < y2 <= 1, scene
        for i, first in enumerate(scene.things):
            for second in scene.things[i + 1 :]:
                a, b = first.box, second.box
                across = min(a[2], b[2]) - max(a[0], b[0])
                down = min(a[3], b[3]) - max(a[1], b[1])
                joined = holds("inside", b, a) or holds("on", b, a)
                assert joined or across <= 0 or down <= 0, (scene.seed, first, second)


def test_things_are_large_enough_to_be_seen() -> None:
    smallest = min(area(thing.box) for scene in SCENES for thing in scene.things)
    assert smallest > 0.018


def test_things_keep_their_natural_shape() -> None:
    for scene in SCENES:
        for thing in scene.things:
            x1, y1, x2, y2 = thing.box
            shape = (x2 - x1) * scene.aspect / (y2 - y1)
            assert shape == pytest.approx(SHAPES[thing.kind], rel=0.02), scene.seed


def test_size_words_follow_the_area() -> None:
    for scene in SCENES:
        for small in (t for t in scene.things if t.size == "small"):
            for other in scene.things:
                if other.size == "large":
                    assert area(other.box) > 2 * area(small.box), scene.seed
        for thing in scene.things:
            low = {"small": 0.0, "medium": 0.06, "large": 0.13}[thing.size]
            high = {"small": 0.06, "medium": 0.13, "large": 0.3}[thing.size]
            assert low <= area(thing.box) < high, (scene.seed, thing)


def _plainly(relation: Relation, scene: Scene) -> bool:
    """The relation by centres and edges, written without the module's own rules."""
    a, b = scene.things[relation.subject].box, scene.things[relation.object].box
    dx, dy = (a[0] + a[2] - b[0] - b[2]) / 2, (a[1] + a[3] - b[1] - b[3]) / 2
    contained = a[0] > b[0] and a[1] > b[1] and a[2] < b[2] and a[3] < b[3]
    contains = a[0] < b[0] and a[1] < b[1] and a[2] > b[2] and a[3] > b[3]
    return {
        "left of": dx < 0 and abs(dx) > abs(dy),
        "right of": dx > 0 and abs(dx) > abs(dy),
        "above": dy < 0 and abs(dy) >= abs(dx),
        "below": dy > 0 and abs(dy) >= abs(dx),
        "on": dy < 0 and abs(a[3] - b[1]) < 0.021,
        "under": dy > 0 and abs(a[1] - b[3]) < 0.021,
        "inside": contained,
        "around": contains,
        "next to": abs(dy) < (a[3] - a[1] + b[3] - b[1]) / 2,
        "bigger than": area(a) > 1.4 * area(b),
        "smaller than": area(b) > 1.4 * area(a),
    }[relation.predicate]


def test_every_relation_is_true_and_has_its_reciprocal() -> None:
    for scene in SCENES:
        told = set(scene.relations)
        assert len(told) == len(scene.relations)
        for relation in scene.relations:
            assert _plainly(relation, scene), (scene.seed, relation)
            back = Relation(
                subject=relation.object,
                predicate=RECIPROCAL[relation.predicate],
                object=relation.subject,
            )
            assert back in told, (scene.seed, relation)


@pytest.mark.parametrize(
    ("predicate", "a", "b", "true"),
    [
        ("left of", (0.1, 0.4, 0.3, 0.6), (0.5, 0.4, 0.7, 0.6), True),
        ("left of", (0.1, 0.0, 0.3, 0.2), (0.35, 0.7, 0.5, 0.9), False),  # rather above
        ("left of", (0.1, 0.4, 0.5, 0.6), (0.3, 0.4, 0.7, 0.6), False),  # they overlap
        ("above", (0.4, 0.1, 0.6, 0.3), (0.4, 0.5, 0.6, 0.7), True),
        ("below", (0.4, 0.1, 0.6, 0.3), (0.4, 0.5, 0.6, 0.7), False),
        ("on", (0.45, 0.3, 0.55, 0.5), (0.4, 0.5, 0.6, 0.7), True),
        ("on", (0.45, 0.2, 0.55, 0.4), (0.4, 0.5, 0.6, 0.7), False),  # it hovers
        ("on", (0.59, 0.3, 0.69, 0.5), (0.4, 0.5, 0.6, 0.7), False),  # it would fall off
        ("inside", (0.45, 0.45, 0.55, 0.55), (0.4, 0.4, 0.6, 0.6), True),
        ("inside", (0.35, 0.45, 0.55, 0.55), (0.4, 0.4, 0.6, 0.6), False),
        ("next to", (0.1, 0.4, 0.3, 0.6), (0.35, 0.4, 0.5, 0.6), True),
        ("next to", (0.1, 0.4, 0.3, 0.6), (0.6, 0.4, 0.8, 0.6), False),  # too far
        ("next to", (0.1, 0.1, 0.3, 0.3), (0.35, 0.6, 0.5, 0.8), False),  # not level
        ("bigger than", (0.0, 0.0, 0.4, 0.4), (0.5, 0.5, 0.7, 0.7), True),
        ("bigger than", (0.0, 0.0, 0.22, 0.2), (0.5, 0.5, 0.7, 0.7), False),
    ],
)
def test_what_predicates_mean(
    predicate: str,
    a: tuple[float, float, float, float],
    b: tuple[float, float, float, float],
    true: bool,
) -> None:
    assert holds(predicate, a, b) is true  # type: ignore[arg-type]


def test_relations_between_three_boxes() -> None:
    boxes = [(0.1, 0.4, 0.3, 0.6), (0.5, 0.4, 0.7, 0.6), (0.5, 0.75, 0.7, 0.95)]
    told = {(r.subject, r.predicate, r.object) for r in relations_between(boxes)}
    assert told == {
        (0, "left of", 1),
        (1, "right of", 0),
        (0, "left of", 2),
        (2, "right of", 0),
        (1, "above", 2),
        (2, "below", 1),
    }


def test_size_px_keeps_the_shape() -> None:
    for scene in SCENES[:200]:
        width, height = scene.size_px(480)
        assert max(width, height) == 480
        assert width / height == pytest.approx(scene.aspect, rel=0.01)
