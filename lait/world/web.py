"""How is the whole demo web made: every page, every response, every gold answer?"""

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from lait.world.annotation import Annotation, annotation
from lait.world.gold import GoldRow
from lait.world.page import Draft, Rendition, Slot
from lait.world.site_foreign import SITES
from lait.world.web_cast import Cast, cast_pages
from lait.world.web_compose import (
    Neighbour,
    compose,
    listed_renditions,
    main_renditions,
    page_response,
    page_url,
    thumb_rendition,
)
from lait.world.web_furniture import Furniture, robots_txt
from lait.world.web_image import ImageSpec, Made, make
from lait.world.web_plan import plan_pages
from lait.world.web_reply import replies
from lait.world.web_response import Response
from lait.world.web_text import CaptionBook, Wording, Writer

_THREADS: Final = 2
"""Pillow and NumPy let go of the interpreter while they draw and encode."""
_MAX_THUMBS: Final = 4
_OPT_OUT_TWISTS: Final = frozenset(
    (
        "robots_noai",
        "robots_noimageai",
        "robots_noimageindex",
        "tdm_meta",
        "tdm_header",
        "page_header_noai",
    )
)
_GONE: Final = (
    b"<html><head><title>Not found</title></head><body><h1>Nothing here</h1>"
    b'<img src="/static/not-found.jpg" alt="A lost dog in front of an empty house"></body></html>'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """The demo web, not yet on disk."""

    archives: tuple[tuple[Response, ...], ...]
    """Responses in the order of each archive file."""
    rows: tuple[GoldRow, ...]
    annotations: tuple[Annotation, ...]
    """One for each distinct sound picture of a scene."""
    n_pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Staged:
    """One page with everything that was made for it."""

    cast: Cast
    wording: Wording
    draft: Draft
    renditions: tuple[Rendition, ...]


def make_web(*, n_pages: int, n_archives: int, short_sides_px: tuple[int, ...], seed: int) -> Web:
    """A web of about `n_pages` pages in `n_archives` archives; a pure function of its options."""
    book = CaptionBook()
    casts = cast_pages(plan_pages(n_pages, seed), short_sides_px, seed, book)
    made = _draw(casts)
    furniture = Furniture()
    staged = _stage(casts, made, furniture, book, seed)
    archives = _archive(staged, made, furniture, n_archives)
    hashes: dict[str, str] = {}
    for response in (response for archive in archives for response in archive):
        if response.status == 200:
            hashes.setdefault(response.url, hashlib.sha256(response.body).hexdigest())
    return Web(
        archives=archives,
        rows=tuple(row for page in staged for row in _rows(page, hashes)),
        annotations=tuple(_annotations(made)),
        n_pages=len(staged),
    )


def _draw(casts: Sequence[Cast]) -> dict[ImageSpec, Made]:
    """Every distinct picture once."""
    specs: dict[ImageSpec, None] = {}
    for cast in casts:
        specs.update(dict.fromkeys((*((cast.spec,) if cast.spec else ()), *cast.listed)))
    with ThreadPoolExecutor(_THREADS) as pool:
        return dict(zip(specs, pool.map(make, specs), strict=True))


def _stage(
    casts: Sequence[Cast],
    made: Mapping[ImageSpec, Made],
    furniture: Furniture,
    book: CaptionBook,
    seed: int,
) -> list[_Staged]:
    """Words for all pages first: pages quote each other's headings beside thumbnails."""
    wordings = [
        Writer(cast.plan, cast.scene, cast.other, book, cast.shared_text).write() for cast in casts
    ]
    by_host: dict[str, list[Neighbour]] = defaultdict(list)
    for cast, wording in zip(casts, wordings, strict=True):
        if cast.spec:
            neighbour = Neighbour(
                page_url=page_url(cast, wording.heading),
                heading=wording.heading,
                thumb=thumb_rendition(cast),
            )
            by_host[cast.plan.site.host].append(neighbour)
    staged = []
    for cast, wording in zip(casts, wordings, strict=True):
        files = made[cast.spec].files if cast.spec else ()
        renditions = main_renditions(cast, files, wording.heading)
        near = _neighbours(by_host[cast.plan.site.host], page_url(cast, wording.heading), seed)
        alts = [book.take(spec.scene, 1)[0] for spec in cast.listed]
        draft = compose(cast, wording, renditions, near, furniture, alts)
        staged.append(_Staged(cast=cast, wording=wording, draft=draft, renditions=renditions))
    return staged


def _neighbours(pages: Sequence[Neighbour], own_url: str, seed: int) -> list[Neighbour]:
    others = [page for page in pages if page.page_url != own_url]
    rng = random.Random(f"neighbours:{seed}:{own_url}")
    return rng.sample(others, min(_MAX_THUMBS, len(others)))


def _archive(
    staged: Sequence[_Staged],
    made: Mapping[ImageSpec, Made],
    furniture: Furniture,
    n_archives: int,
) -> tuple[tuple[Response, ...], ...]:
    """All responses, dealt to archives by host; every third host keeps its pictures elsewhere."""
    archives: list[list[Response]] = [[] for _ in range(n_archives)]
    for index, response in enumerate(robots_txt(SITES)):
        archives[index % n_archives].append(response)
    archives[0].append(
        Response(url=f"{SITES[0].root}gone", content_type="text/html", body=_GONE, status=404)
    )
    thumbs = {
        thumb_rendition(page.cast).url: made[page.cast.spec].thumb
        for page in staged
        if page.cast.spec
    }
    known: set[str] = set()
    for page in staged:
        index = SITES.index(page.cast.plan.site)
        archives[index % n_archives].append(page_response(page.cast, page.draft))
        target = archives[(index + (index % 3 == 0)) % n_archives]
        urls = {slot.best.url for slot in page.draft.slots} | {r.url for r in page.renditions}
        target += _new(_images(page, made, furniture, thumbs), known)
        known |= urls
    return tuple(map(tuple, archives))


def _new(responses: Iterable[Response], known: set[str]) -> list[Response]:
    return [response for response in responses if response.url not in known]


def _images(
    page: _Staged,
    made: Mapping[ImageSpec, Made],
    furniture: Furniture,
    thumbs: Mapping[str, bytes],
) -> list[Response]:
    """Responses for all images of one page."""
    cast = page.cast
    found: list[Response] = []
    if cast.spec:
        files = made[cast.spec].files[: len(page.renditions)]
        found += replies(cast.plan.case.reply, page.renditions, files)
    for slot in page.draft.slots:
        url = slot.best.url
        decoy = furniture.responses(url)
        if decoy:
            found.append(decoy)
        elif slot.role == "thumb":
            found.append(Response(url=url, content_type="image/jpeg", body=thumbs[url]))
    for rendition, spec in zip(listed_renditions(cast), cast.listed, strict=True):
        body = made[spec].files[0].body
        found.append(Response(url=rendition.url, content_type="image/jpeg", body=body))
    return found


def _rows(page: _Staged, hashes: Mapping[str, str]) -> list[GoldRow]:
    rows: dict[str, GoldRow] = {}
    for slot in page.draft.slots:
        rows.setdefault(slot.best.url, _row(page, slot, hashes))
    return list(rows.values())


def _row(page: _Staged, slot: Slot, hashes: Mapping[str, str]) -> GoldRow:
    plan, main = page.cast.plan, slot.role == "main"
    drop = plan.member.drop if main else _page_drop(page.cast) or "not_main"
    urls = [rendition.url for rendition in slot.renditions]
    grouped = main and plan.case.bond in ("exact", "reencoded", "same_url")
    texts = page.wording.true_texts if main else ()
    return GoldRow(
        page_url=page.draft.url,
        image_url=urls[0],
        alternatives=tuple(urls[1:]),
        role=slot.role,
        main=main,
        keep=drop is None,
        drop=drop,
        also=plan.member.also if main else (),
        text=texts[0] if texts else None,
        true_texts=texts,
        scene=page.cast.scene.seed if main and plan.case.subject == "scene" else None,
        sha256=next((hashes[url] for url in urls if url in hashes), None),
        group=plan.group if grouped else None,
        case=plan.case.name,
    )


def _page_drop(cast: Cast) -> str | None:
    """The reason for which every image of the page drops, if there is one."""
    if cast.plan.case.language != "en":
        return "language"
    return "opt_out" if cast.plan.case.twist in _OPT_OUT_TWISTS else None


def _annotations(made: Mapping[ImageSpec, Made]) -> list[Annotation]:
    records: dict[str, Annotation] = {}
    for spec, picture in made.items():
        if picture.sound:
            for file in picture.files:
                sha256 = hashlib.sha256(file.body).hexdigest()
                records.setdefault(sha256, annotation(spec.scene, sha256))
    return list(records.values())
