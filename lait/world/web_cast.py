"""Which scene plays which page: what each page shows, and what its wrong texts speak of."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lait.world.caption import captions
from lait.world.scene import Scene, make_scene
from lait.world.sets import scene_seeds
from lait.world.text_noise import GENERIC
from lait.world.web_image import ImageSpec, follow, specify
from lait.world.web_plan import PagePlan
from lait.world.web_text import CAPTIONS_PER_PAGE, CaptionBook

LISTED: Final = 6
"""Pictures on a listing page."""
_LISTED_PX: Final = (420, 315)
_OTHERS_FROM: Final = 50_000
"""Scenes that only wrong texts speak of start here in the block of the web's scenes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """One page with everything it shows."""

    plan: PagePlan
    leader: PagePlan
    """First page of the group; it names the file where a group shares one URL."""
    scene: Scene
    other: Scene
    """Shares no kind of thing with `scene`: what wrong texts describe."""
    spec: ImageSpec | None
    """The main image; None on pages without."""
    listed: tuple[ImageSpec, ...]
    """Pictures of a listing page."""
    shared_text: str | None
    """The one text of a `same_text` group."""


def cast_pages(
    plans: tuple[PagePlan, ...], short_sides_px: tuple[int, ...], seed: int, book: CaptionBook
) -> list[Cast]:
    """Scenes and pictures for all pages; no two groups share a scene."""
    scenes, others = _scenes(seed, 0), _scenes(seed, _OTHERS_FROM)
    leader: Cast | None = None
    casts: list[Cast] = []
    for plan in plans:
        rng = random.Random(f"cast:{seed}:{plan.number}")
        if plan.place == 0:
            leader = None
        cast = _cast(plan, leader, scenes, others, short_sides_px, rng, book)
        leader = leader or cast
        casts.append(cast)
    return casts


def _cast(
    plan: PagePlan,
    leader: Cast | None,
    scenes: Iterator[Scene],
    others: Iterator[Scene],
    short_sides_px: tuple[int, ...],
    rng: random.Random,
    book: CaptionBook,
) -> Cast:
    generic = plan.case.bond == "same_text" and plan.member.mix.alt == "generic"
    follows = leader is not None and not generic
    scene = leader.scene if leader and follows else next(scenes)
    if plan.case.subject == "none":
        spec = None
    elif leader and leader.spec and follows:
        spec = follow(leader.spec, plan, rng)
    else:
        spec = specify(plan, scene, short_sides_px, rng)
    shared = leader.shared_text if leader else _shared_text(plan, scene, book)
    return Cast(
        plan=plan,
        leader=leader.plan if leader else plan,
        scene=scene,
        other=_unlike(scene, others),
        spec=spec,
        listed=_listed(plan, scenes, rng),
        shared_text=shared,
    )


def _shared_text(plan: PagePlan, scene: Scene, book: CaptionBook) -> str | None:
    if plan.case.bond != "same_text":
        return None
    if plan.member.mix.alt == "generic":
        return GENERIC[plan.group % len(GENERIC)]
    return book.take(scene, 1)[0]


def _listed(plan: PagePlan, scenes: Iterator[Scene], rng: random.Random) -> tuple[ImageSpec, ...]:
    if plan.case.twist != "listing":
        return ()
    return tuple(
        ImageSpec(
            scene=next(scenes),
            subject="scene",
            render_seed=rng.randrange(2**31),
            width_px=_LISTED_PX[0],
            height_px=_LISTED_PX[1],
            format="jpeg",
            quality=80,
            body="intact",
        )
        for _ in range(LISTED)
    )


def _scenes(seed: int, start: int) -> Iterator[Scene]:
    """Scenes of the web's own block that have enough to say."""
    for scene_seed in scene_seeds("web", seed)[start:]:
        scene = make_scene(scene_seed)
        try:
            captions(scene, CAPTIONS_PER_PAGE, 0)
        except ValueError:
            continue
        yield scene


def _unlike(scene: Scene, others: Iterator[Scene]) -> Scene:
    kinds = {thing.kind for thing in scene.things}
    return next(other for other in others if kinds.isdisjoint(thing.kind for thing in other.things))
