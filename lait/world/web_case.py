"""Which phenomena does the demo web contain, how often, and what should become of each?"""

from dataclasses import dataclass
from typing import Final, Literal

from lait.world.text_noise import Noise

Words = Literal["true", "wrong"] | Noise | None
"""What stands in one place: a true caption, one of another picture, noise, or nothing."""

Shape = Literal["photo", "small", "thin", "at_limit", "over_limit", "wide", "tall"]
"""Sides of the picture against the 300 px rule: `at_limit` is 300 px, `over_limit` 301 px."""

Subject = Literal[
    "scene", "uniform", "chart", "screenshot", "logo", "clip_art", "meme", "map", "none"
]

Body = Literal[
    "intact",
    "truncated_jpeg",
    "truncated_png",
    "truncated_webp",
    "corrupt_png",
    "bomb_png",
    "bomb_jpeg",
    "bomb_webp",
    "svg",
    "gif",
    "html",
    "empty",
    "tiny",
]
"""What the image response carries instead of an intact jpeg, png or webp."""

Reply = Literal[
    "ok",
    "best_missing",
    "retried",
    "missing",
    "status_404",
    "status_410",
    "status_503",
    "redirect",
    "octet_stream",
    "wrong_type",
    "gzip",
    "header_noai",
    "header_noimageai",
]
"""How the archive answers for the image. `retried`: a 503 and later a 200."""

Twist = Literal[
    "none",
    "robots_noai",
    "robots_noimageai",
    "robots_noimageindex",
    "tdm_meta",
    "tdm_header",
    "page_header_noai",
    "text_only",
    "listing",
    "thread",
    "unclosed",
    "nested_anchors",
    "bad_attributes",
    "hidden_markup",
    "tag_soup",
]
"""What is unusual about the page: opt-outs, no main image, broken HTML."""

Bond = Literal["none", "exact", "reencoded", "same_url", "same_text"]
"""What ties the pages of a group: the same bytes, a re-encoded copy, one URL, one text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Which words stand where around the main image of one page."""

    alt: Words = None
    title: Words = None
    caption: Words = None
    near: Literal["true", "wrong", "filler", "none"] = "none"
    """Running text beside the image; `filler` is true of anything, `none` is far away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """The main image of one page of a case, and the gold answer for it."""

    mix: Mix
    drop: str | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One phenomenon: `members` pages that show it together, `pages` of them in a demo world."""

    name: str
    pages: int
    """Pages of this kind per 700; at least one group is always made."""
    members: tuple[Member, ...]
    shape: Shape = "photo"
    subject: Subject = "scene"
    body: Body = "intact"
    reply: Reply = "ok"
    twist: Twist = "none"
    bond: Bond = "none"
    language: str = "en"


def one(
    name: str,
    pages: int,
    mix: Mix,
    drop: str | None = None,
    *also: str,
    shape: Shape = "photo",
    subject: Subject = "scene",
    body: Body = "intact",
    reply: Reply = "ok",
    twist: Twist = "none",
    language: str = "en",
) -> Case:
    """A case of single pages."""
    return Case(
        name=name,
        pages=pages,
        members=(Member(mix=mix, drop=drop, also=also),),
        shape=shape,
        subject=subject,
        body=body,
        reply=reply,
        twist=twist,
        language=language,
    )


ALT: Final = Mix(alt="true", near="filler")
RICH: Final = Mix(alt="true", title="true", caption="true", near="true")
PLAIN: Final = Mix(alt="true", near="true")
CAPTION: Final = Mix(alt="boilerplate", caption="true", near="filler")


def group(name: str, pages: int, bond: Bond, *members: Member) -> Case:
    """A case whose pages belong together."""
    return Case(name=name, pages=pages, members=members, bond=bond)
