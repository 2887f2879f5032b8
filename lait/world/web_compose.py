"""How does a planned page become a draft: URLs, slots, social tags, robots?"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from lait.world.page import Draft, Rendition, Role, Slot
from lait.world.page_broken import break_html
from lait.world.page_language import ENGLISH, TONGUES
from lait.world.site import Site
from lait.world.web_case import Twist
from lait.world.web_cast import Cast
from lait.world.web_furniture import Furniture
from lait.world.web_image import ImageFile
from lait.world.web_plan import has_two_files
from lait.world.web_response import Response
from lait.world.web_text import Wording

_ROBOTS: Final[dict[Twist, str]] = {
    "robots_noai": "noai",
    "robots_noimageai": "index, follow, NoImageAI",
    "robots_noimageindex": "noimageindex",
}
_TYPE: Final = "text/html"
_PER_PAGE_AVATARS: Final = 3
_THREAD_AVATARS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """Another page of the same host, as its thumbnails present it."""

    page_url: str
    heading: str
    thumb: Rendition


def page_url(cast: Cast, heading: str) -> str:
    plan = cast.plan
    return plan.site.root + plan.site.page_path.format(slug=_slug(heading), n=plan.number)


def main_renditions(cast: Cast, files: Sequence[ImageFile], heading: str) -> tuple[Rendition, ...]:
    """URLs of the main image's files; a `same_url` group has those of its first page."""
    plan = cast.leader if cast.plan.case.bond == "same_url" else cast.plan
    camera = f"IMG_{plan.number:04}"
    # Headings differ between the pages of a group, so a shared file is not named after one.
    styles = (f"{_slug(heading)}-{plan.number}", camera, f"{plan.number * 2654435761 % 2**32:08x}")
    name = camera if cast.plan.case.bond == "same_url" else styles[plan.number % len(styles)]
    shown = files if has_two_files(cast.plan.delivery) else files[:1]
    return tuple(_rendition(plan.site, file, name, plan.number) for file in shown)


def thumb_rendition(cast: Cast) -> Rendition:
    """The small picture by which other pages of the host lead to this one."""
    site = cast.plan.site
    width, height = cast.spec.thumb_px if cast.spec else site.thumb_px
    url = f"{site.base_url or site.root}thumbs/{cast.plan.number}.jpg"
    return Rendition(url=url, width_px=width, height_px=height)


def listed_renditions(cast: Cast) -> tuple[Rendition, ...]:
    base = cast.plan.site.base_url or cast.plan.site.root
    return tuple(
        Rendition(
            url=f"{base}grid/{cast.plan.number}-{n}.jpg",
            width_px=spec.width_px,
            height_px=spec.height_px,
        )
        for n, spec in enumerate(cast.listed, 1)
    )


def compose(
    cast: Cast,
    wording: Wording,
    renditions: tuple[Rendition, ...],
    neighbours: Sequence[Neighbour],
    furniture: Furniture,
    listed_alts: Sequence[str],
) -> Draft:
    """The draft of one page; `renditions` is empty where it has no main image."""
    plan, site, twist = cast.plan, cast.plan.site, cast.plan.case.twist
    slots = _main_slot(cast, wording, renditions)
    slots += furniture.slots(
        site, plan.number, _THREAD_AVATARS if twist == "thread" else _avatars(site)
    )
    slots += [_thumb_slot(cast, neighbour) for neighbour in neighbours]
    slots += _listing_slots(cast, listed_alts)
    english = plan.case.language == "en"
    usual = "index, follow, max-image-preview:large" if site.og == "right" else ""
    return Draft(
        url=page_url(cast, wording.heading),
        language=plan.case.language,
        chrome=ENGLISH if english else TONGUES[plan.case.language].chrome,
        url_style=site.url_style,
        base_url=site.base_url,
        charset=site.charset,
        declared=site.declared,
        site_name=site.name,
        title=f"{wording.heading} | {site.name}",
        heading=wording.heading,
        author=furniture.author(plan.number),
        date=f"20{10 + plan.number % 14}-{1 + plan.number % 12:02}-{1 + plan.number % 28:02}",
        slots=tuple(slots),
        caption=wording.caption if renditions else None,
        lead=wording.lead,
        body=wording.body,
        far=wording.far,
        og_image=_og_image(site, slots),
        robots=_ROBOTS.get(twist, usual),
        tdm_reserved=twist == "tdm_meta",
    )


def page_response(cast: Cast, draft: Draft) -> Response:
    """The page as its host sends it: template, damage, charset, headers, coding."""
    site, twist = cast.plan.site, cast.plan.case.twist
    html = break_html(site.template(draft), twist)
    # Letters that the charset lacks become references, as real content systems write them.
    body = html.encode(site.charset, "xmlcharrefreplace")
    if site.declared == "bom":
        body = b"\xef\xbb\xbf" + body
    in_header = site.declared in ("header", "both", "conflict")
    headers: list[tuple[str, str]] = []
    if twist == "page_header_noai":
        headers.append(("X-Robots-Tag", "noai, noimageai"))
    if twist == "tdm_header":
        headers.append(("TDM-Reservation", "1"))
    return Response(
        url=draft.url,
        content_type=f"{_TYPE}; charset={site.charset}" if in_header else _TYPE,
        body=body,
        headers=tuple(headers),
        coding=site.coding,
    )


def _main_slot(cast: Cast, wording: Wording, renditions: tuple[Rendition, ...]) -> list[Slot]:
    plan = cast.plan
    if not renditions:
        return []
    return [
        Slot(
            role="main",
            renditions=renditions,
            alt=wording.alt,
            title=wording.title,
            delivery=plan.delivery,
            sized=plan.number % 2 == 0,
            target=f"{plan.site.root}view/{plan.number}" if plan.number % 5 == 0 else "",
        )
    ]


def _thumb_slot(cast: Cast, neighbour: Neighbour) -> Slot:
    lazy = cast.plan.site.deliveries[0] in ("lazy_src", "lazy_original", "lazy_srcset")
    role: Role = "thumb"
    return Slot(
        role=role,
        renditions=(neighbour.thumb,),
        alt=neighbour.heading,
        delivery="lazy_src" if lazy else "plain",
        sized=not lazy,
        target=neighbour.page_url,
    )


def _listing_slots(cast: Cast, alts: Sequence[str]) -> list[Slot]:
    pairs = zip(listed_renditions(cast), alts, strict=True)
    root = cast.plan.site.root
    return [
        Slot(role="listing", renditions=(rendition,), alt=alt, target=f"{root}view/{n}")
        for n, (rendition, alt) in enumerate(pairs, cast.plan.number * 10)
    ]


def _avatars(site: Site) -> int:
    return _PER_PAGE_AVATARS if site.genre == "forum" else 1


def _og_image(site: Site, slots: Sequence[Slot]) -> str:
    """URL of the social preview: the right one, one for all pages of the host, or none."""
    wanted = {"right": "main", "logo": "logo", "banner": "banner", "none": ""}[site.og]
    return next((slot.best.url for slot in slots if slot.role == wanted), "")


def _rendition(site: Site, file: ImageFile, name: str, number: int) -> Rendition:
    url = site.file_url.format(
        name=quote(name),
        n=number,
        w=file.width_px,
        h=file.height_px,
        ext="jpg" if file.format == "jpeg" else file.format,
    )
    return Rendition(url=url, width_px=file.width_px, height_px=file.height_px)


def _slug(heading: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-") or "n"
