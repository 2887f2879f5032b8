"""What would a person write under the picture of a scene?"""

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from lait.world.claim import Claim, Count, Place, Related, There, is_true
from lait.world.scene import Relation, Scene, Thing
from lait.world.vocabulary import (
    NOUNS,
    NUMBER_WORDS,
    PLACES,
    PLURALS,
    POSES,
    PREDICATE_WORDS,
    article,
)
from lait.world.voice import Voice

__all__ = ["Caption", "captions", "described", "is_true", "mismatched", "title"]

_PATIENCE = 300
"""Sentences without a new or fitting one among them after which a writer gives up."""
_OPENINGS: Final = (
    "A picture of",
    "A photo of",
    "There is",
    "This picture shows",
    "You can see",
    "Here we see",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """A sentence with everything it states."""

    text: str
    claims: tuple[Claim, ...]


_Template = Callable[[Voice, Scene], Caption | None]
"""Writes one sentence, or None where the scene does not offer what it speaks of."""


def _caption(words: str, *claims: Claim) -> Caption:
    folded = " ".join(words.split())
    return Caption(text=folded[0].upper() + folded[1:], claims=claims)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _chosen(voice: Voice, scene: Scene, most: int) -> list[Thing]:
    """Some of the things, in any order; at full detail as many as allowed."""
    limit = min(most, len(scene.things))
    count = limit if voice.often(0.3) else voice.rng.randint(1, limit)
    return voice.rng.sample(scene.things, count)


def _listing(voice: Voice, scene: Scene) -> Caption:
    """`A photo of a red cat, a cup and a blue car on the beach`."""
    names, claims = zip(
        *(voice.a(thing) for thing in _chosen(voice, scene, 3 + round(voice.detail))), strict=True
    )
    opening = voice.rng.choice(_OPENINGS) if voice.rng.random() < 0.6 else ""
    if not voice.often(0.75):
        return _caption(f"{opening or 'A picture of'} {_listed(names)}", *claims)
    where = Place(background=scene.background)
    return _caption(f"{opening} {_listed(names)} {voice.place(scene)}", *claims, where)


def _posing(voice: Voice, scene: Scene) -> Caption:
    """`A red cat is sitting on the beach`, and what else is there."""
    first, *others = _chosen(voice, scene, 3)
    name, claim = voice.a(first)
    where = Place(background=scene.background)
    words, claims = f"{name} {POSES[first.kind]} {voice.place(scene)}", [claim]
    if others:
        names, more = zip(*(voice.a(thing) for thing in others), strict=True)
        words += f" {voice.rng.choice(('with', 'together with', 'along with'))} {_listed(names)}"
        claims += more
    return _caption(words, *claims, where)


def _related(voice: Voice, scene: Scene) -> Caption | None:
    """`On the beach a red cat is sitting next to a blue ball`."""
    relation = _relation(voice, scene)
    if relation is None:
        return None
    first, second = scene.things[relation.subject], scene.things[relation.object]
    (a, claim_a), (b, claim_b) = voice.a(first), voice.a(second)
    link = voice.word(PREDICATE_WORDS[relation.predicate])
    if relation.predicate in ("bigger than", "smaller than"):
        link = f"that is {link}"
    elif voice.rng.random() < 0.45:
        link = f"{POSES[first.kind]} {link}"
    claims: list[Claim] = [
        claim_a,
        claim_b,
        Related(subject=claim_a, predicate=relation.predicate, object=claim_b),
    ]
    words = f"{a} {link} {b}"
    if voice.often(0.7):
        place = voice.place(scene)
        claims.append(Place(background=scene.background))
        words = f"{place} {words}" if voice.rng.random() < 0.25 else f"{words} {place}"
    told = {relation.subject, relation.object}
    others = [thing for index, thing in enumerate(scene.things) if index not in told]
    if others and voice.often(0.25):
        c, claim_c = voice.a(voice.rng.choice(others))
        words, claims = f"{words}, and there is also {c}", [*claims, claim_c]
    return _caption(words, *claims)


def _relation(voice: Voice, scene: Scene) -> Relation | None:
    """A relation worth telling: what is on or inside something comes before mere directions."""
    if not scene.relations:
        return None
    rank = {
        "on": 6,
        "inside": 6,
        "under": 2,
        "around": 0.4,
        "bigger than": 0.4,
        "smaller than": 0.3,
    }
    weights = [rank.get(relation.predicate, 2) for relation in scene.relations]
    return voice.rng.choices(scene.relations, weights)[0]


def _counting(voice: Voice, scene: Scene) -> Caption | None:
    """`Three things in the snow: ...`, `Two birds, one red and one black, at the seaside`."""
    total = len(scene.things)
    kinds = [thing.kind for thing in scene.things]
    repeated = sorted({kind for kind in kinds if kinds.count(kind) > 1})
    where, place = Place(background=scene.background), voice.place(scene)
    if repeated:
        kind = voice.rng.choice(repeated)
        same = [thing for thing in scene.things if thing.kind == kind]
        ones = _listed([f"one {thing.colour}" for thing in same])
        words = f"{NUMBER_WORDS[len(same)]} {PLURALS[kind]}, {ones}, {place}"
        claims = [There(kind=kind, colour=thing.colour) for thing in same]
        return _caption(words, *claims, Count(kind=kind, number=len(same)), where)
    if total < 2 or (total > 3 and not voice.often(0.2)):
        return None
    names, claims_of = zip(
        *(voice.a(thing) for thing in voice.rng.sample(scene.things, total)), strict=True
    )
    noun = voice.rng.choice(("things", "objects"))
    opening = voice.rng.choice(("", "there are", "we see"))
    words = f"{opening} {NUMBER_WORDS[total]} {noun} {place}: {_listed(names)}"
    return _caption(words, *claims_of, Count(kind=None, number=total), where)


_TEMPLATES: Final[tuple[_Template, ...]] = (_listing, _posing, _related, _related, _counting)


def _endless(scene: Scene, voice: Voice) -> Iterator[Caption]:
    """Captions without end, taking the templates in turn from a random start."""
    order = voice.rng.sample(_TEMPLATES, len(_TEMPLATES))
    while True:
        for template in order:
            caption = template(voice, scene)
            if caption is not None:
                yield caption


def described(scene: Scene, n: int, seed: int, *, detail: float = 0.0) -> tuple[Caption, ...]:
    """`n` captions with distinct texts and what they state; every statement is true.

    `detail` 0..1 is how much each one tells: 0 like alt texts of the web, 1 like an annotator
    who was asked to tell this picture from others. Raises ValueError when the scene has too
    little to say for `n` texts.
    """
    voice = Voice(rng=random.Random(f"caption:{scene.seed}:{seed}"), detail=detail)
    source = _endless(scene, voice)
    found: dict[str, Caption] = {}
    misses = 0
    while len(found) < n and misses < _PATIENCE:
        caption = next(source)
        misses = misses + 1 if caption.text in found else 0
        found.setdefault(caption.text, caption)
    if len(found) < n:
        raise ValueError(
            f"scene {scene.seed} has only {len(found)} captions: ask for fewer than {n}"
        )
    return tuple(found.values())


def captions(scene: Scene, n: int, seed: int, *, detail: float = 0.0) -> tuple[str, ...]:
    """The texts of `described`."""
    return tuple(caption.text for caption in described(scene, n, seed, detail=detail))


def title(scene: Scene, seed: int) -> str:
    """A headline of three words or more, for example `Red cat and blue ball on the beach`."""
    rng = random.Random(f"title:{scene.seed}:{seed}")
    things = rng.sample(scene.things, min(len(scene.things), rng.choice((1, 1, 2))))
    names = [f"{thing.colour} {NOUNS[thing.kind][0]}" for thing in things]
    if len(names) == 1:
        names[0] = rng.choice((names[0], article(names[0]), f"the {names[0]}"))
    words = f"{' and '.join(names)} {rng.choice(PLACES[scene.background])}"
    return words[0].upper() + words[1:]


def mismatched(scene: Scene, other_scene: Scene, seed: int) -> str:
    """A caption that is true of the other scene and plainly false of this one.

    Prefers a text none of whose things are here; contents with one false statement when both
    scenes share too much. Raises ValueError when everything true of the other is true here too.
    """
    voice = Voice(rng=random.Random(f"mismatched:{other_scene.seed}:{seed}"), detail=0.0)
    source = _endless(other_scene, voice)
    kinds = {thing.kind for thing in scene.things}
    second_best: str | None = None
    for caption in itertools.islice(source, _PATIENCE):
        if not kinds & {claim.kind for claim in caption.claims if isinstance(claim, There)}:
            return caption.text
        if second_best is None and not all(is_true(claim, scene) for claim in caption.claims):
            second_best = caption.text
        if second_best is not None and kinds.issuperset(t.kind for t in other_scene.things):
            break
    if second_best is not None:
        return second_best
    raise ValueError(f"scenes {scene.seed} and {other_scene.seed} are too alike to mismatch")
