"""What stands on a page of the demo world, before a template turns it into HTML?"""

from dataclasses import dataclass
from typing import Literal

from lait.world.page_language import Chrome

Role = Literal[
    "main", "logo", "avatar", "advertisement", "sprite", "pixel", "banner", "thumb", "listing"
]
"""Why a picture is on a page. `thumb` leads to another page; `listing` is one of many equals."""

Delivery = Literal[
    "plain",
    "srcset_width",
    "srcset_density",
    "picture",
    "lazy_src",
    "lazy_original",
    "lazy_srcset",
    "lazy_picture",
    "noscript_lazy",
    "noscript_only",
]
"""How the markup names the files of a picture."""

UrlStyle = Literal["absolute", "root", "relative", "base", "protocol"]
"""How a site writes URLs: in full, from the root, from the page, from `<base>`, without scheme."""

Declared = Literal["header", "meta", "http_equiv", "both", "conflict", "bom"]
"""Where a page names its charset. `conflict`: the header is right and the meta tag is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One file of a picture."""

    url: str
    """Absolute and normalised."""
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A picture on a page with the words of its own element."""

    role: Role
    renditions: tuple[Rendition, ...]
    """Best first; one or two."""
    alt: str | None = None
    """None: the attribute is absent."""
    title: str | None = None
    delivery: Delivery = "plain"
    sized: bool = False
    """The element states width and height."""
    target: str = ""
    """Page the picture links to, '' for none."""

    @property
    def best(self) -> Rendition:
        return self.renditions[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Everything a template needs to write one page."""

    url: str
    language: str
    chrome: Chrome
    url_style: UrlStyle
    base_url: str
    """Value of `<base href>`; '' where the page has none."""
    charset: str
    declared: Declared
    site_name: str
    title: str
    heading: str
    author: str
    date: str
    """ISO 8601 day."""
    slots: tuple[Slot, ...]
    """Every picture; at most one of role `main`."""
    caption: str | None
    """Under the main image."""
    lead: tuple[str, ...]
    """Paragraphs before the main image."""
    body: tuple[str, ...]
    """Paragraphs after it."""
    far: tuple[str, ...]
    """Paragraphs in a block of their own, well away from it."""
    og_image: str
    """'' for none."""
    robots: str
    """Content of the robots meta tag; '' for none."""
    tdm_reserved: bool = False

    def of(self, role: Role) -> tuple[Slot, ...]:
        """The pictures of one role, in order."""
        return tuple(slot for slot in self.slots if slot.role == role)

    @property
    def main(self) -> Slot | None:
        return next(iter(self.of("main")), None)
