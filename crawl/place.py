"""What do the elements around an image say about the place it stands in?"""

from typing import NamedTuple

from crawl.images import Picture
from crawl.names import frame_evidence
from crawl.outline import Box, Outline

_ARTICLE_TAGS = ("article", "main")
_SECTION_TAGS = ("div", "section", "td", "span", "body", "figure")
_ARTICLE_ROLES = ("main", "article")
_ARTICLE_PROPS = ("articlebody", "mainentity", "blogpost", "mainentityofpage")
_FRAME_TAGS = ("nav", "aside", "footer")
_FLOW_TAGS = ("source", "picture")
"""No containers: their names are those of the image itself."""
_NO_ITEMS = ("p", "figure", "picture", "source", "noscript")
"""Paragraphs and figures in a row are an article, not a list."""
_ITEM_CHARS = 300
"""More running text than that makes a box a post or a section, not an item of a list."""
_IMAGE_FILES = (".jpg", ".jpeg", ".png", ".webp", ".gif")
_FRONT_PAGES = ("", "index.html", "index.htm", "index.php", "home")


class Place(NamedTuple):
    """What the way from the root to a box says about everything inside."""

    in_article: bool = False
    frame: float = 0.0
    """1 in the frame of the page (navigation, footer, sidebar), 0.5 where only a name hints so."""
    in_figure: bool = False
    in_noscript: bool = False
    marked: bool = False
    """Microdata calls something around it the image of the page."""
    link: str | None = None
    n_look_alikes: int = 0


NOWHERE = Place()


def inner_place(
    place: Place, box: Box, n_look_alikes: int, holds_text: bool, heading_tag: str
) -> Place:
    """The place inside `box`, which itself stands in `place`.

    Args:
        place: What is known outside.
        box: The next element on the way to the image.
        n_look_alikes: Siblings of `box` that look like it, see `count_look_alikes`.
        holds_text: `box` holds the article: then it is no frame, whatever it is called.
        heading_tag: Tag of the page's heading, '' without one.
    """
    tag, get = box.tag, box.element.get
    in_article, marked = place.in_article or tag in _ARTICLE_TAGS, place.marked
    if tag in _SECTION_TAGS:
        prop = get("itemprop")
        if prop is not None:
            prop = prop.lower()
            in_article = in_article or prop in _ARTICLE_PROPS
            marked = marked or prop.startswith(("image", "primaryimage"))
        if not in_article and (role := get("role")) is not None:
            in_article = role.lower() in _ARTICLE_ROLES
    frame = place.frame
    # What holds the article is not boilerplate, whatever it is called: `content with-sidebar`.
    if frame < 1 and not holds_text and tag not in _FLOW_TAGS:
        frame = max(frame, _frame(box, place.in_article, heading_tag))
    return Place(
        in_article,
        frame,
        place.in_figure or tag == "figure",
        place.in_noscript or tag == "noscript",
        marked,
        (get("href") if tag == "a" else None) or place.link,
        max(place.n_look_alikes, n_look_alikes),
    )


def _frame(box: Box, in_article: bool, heading_tag: str) -> float:
    tag, get = box.tag, box.element.get
    if tag in _FRAME_TAGS:
        return 1.0
    frame = 0.0
    if tag == "header" and not in_article:
        # An article's own header holds its lead image; the page's header holds the logo.
        return 0.5 if _holds(box, heading_tag) else 1.0
    if names := get("class"):
        frame = frame_evidence(names)
    if frame < 1 and (names := get("id")):
        frame = max(frame, frame_evidence(names))
    return 0.0 if frame == 0.5 and _holds(box, heading_tag) else frame


def _holds(box: Box, tag: str) -> bool:
    return bool(tag) and next(box.element.iter(tag), None) is not None


def count_look_alikes(outline: Outline) -> dict[Box, int]:
    """How many siblings of a box hold images and look like it, itself included.

    Items of a list have the same parent, tag and first class.
    """
    kinds: dict[Box, tuple[Box | None, str, str]] = {}
    counts: dict[tuple[Box | None, str, str], int] = {}
    for seen in outline.images:
        box: Box | None = seen.box
        while box is not None and box not in kinds:
            name = (box.element.get("class") or "").lstrip().partition(" ")[0]
            kind = kinds[box] = (box.parent, box.tag, name)
            counts[kind] = counts.get(kind, 0) + 1
            box = box.parent
    return {
        box: counts[kind]
        for box, kind in kinds.items()
        if counts[kind] > 1 and box.tag not in _NO_ITEMS and box.n_chars <= _ITEM_CHARS
    }


def links_home(href: str, page_url: str) -> bool:
    """Whether a link leads to the site's front page: then the image is its logo."""
    host = page_url.partition("://")[2].partition("/")[0]
    path = href.strip().partition("://")[2] if "://" in href else href.strip().lstrip("/")
    path = path.removeprefix(host).strip("./").lower()
    return path in _FRONT_PAGES


def page_key(url: str) -> str:
    """What two spellings of a page's address have in common: host without `www.`, and path."""
    key = url.partition("://")[2].partition("#")[0].partition("?")[0]
    return key.removeprefix("www.").rstrip("/").lower()


def links_to_page(href: str, page_keys: frozenset[str]) -> bool:
    """Whether a link leads to the very page it stands on, as from a list of what is most read.

    Args:
        href: The link as spelled.
        page_keys: `page_key` of every address of the page.
    """
    href = href.strip()
    if href.startswith("//"):
        href = "http:" + href
    if "://" in href:
        key = page_key(href)
        return "/" in key and key in page_keys
    if not href.startswith("/"):
        return False
    path = href.partition("#")[0].partition("?")[0].rstrip("/").lower()
    return bool(path) and any(key.partition("/")[2] == path[1:] for key in page_keys)


def links_to_itself(href: str, picture: Picture) -> bool:
    """Whether a link leads to the image or nowhere."""
    href = href.strip().lower()
    if not href or href.startswith(("#", "javascript:")):
        return True
    return href.partition("?")[0].endswith(_IMAGE_FILES) or href in picture.urls
