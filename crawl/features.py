"""What evidence does the DOM give that an image is what its page is about?"""

import re
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from crawl.candidate import DomFeatures
from crawl.head import Head
from crawl.images import Picture
from crawl.names import content_words, is_boilerplate, name_evidence
from crawl.outline import Box, Heading, Kind, Outline, Seen
from crawl.sizes import Size, area, declared_size

_ARTICLE_TAGS = ("article", "main")
_SECTION_TAGS = ("div", "section", "td", "span", "body")
_ARTICLE_ROLES = ("main", "article")
_ARTICLE_PROPS = ("articlebody", "mainentity", "blogpost", "mainentityofpage")
_BOILERPLATE_TAGS = ("nav", "aside", "footer")
_NO_ITEMS = ("p", "figure", "picture", "noscript")
"""Paragraphs and figures in a row are an article, not a list."""
_ITEM_CHARS = 300
"""More running text than that makes a box a post or a section, not an item of a list."""
_TITLE_BREAK = re.compile(r"\s[|–—·»:-]\s|\|")
_TEXT_SHARE = 0.4
"""The box that holds this share of the running text holds the article."""
_NEAR_LEVELS = 4


class Evidence:
    """What all images of one page have in common, computed once."""

    def __init__(self, outline: Outline, head: Head, pictures: list[Picture]) -> None:
        self._outline = outline
        self._pictures = pictures
        self._page_url = head.base
        self._places: dict[Box, _Place] = {}
        self._enough_chars = max(outline.n_chars * _TEXT_SHARE, 1.0)
        self._look_alikes = _count_look_alikes(outline)
        title_words = content_words(_own_title(head.title))
        heading = _page_heading(outline, title_words)
        self._h1 = heading.order if heading else None
        self._title_words = title_words | content_words(heading.text if heading else "")

    def features(self, own_words: list[str]) -> list[DomFeatures]:
        """Features of all pictures.

        Args:
            own_words: Alt, title, caption and file name words of each picture.
        """
        sizes = [declared_size(picture) for picture in self._pictures]
        largest = max((area(size) for size in sizes), default=0) or 1
        features: list[DomFeatures] = []
        n_content = 0
        for picture, size, words in zip(self._pictures, sizes, own_words, strict=True):
            relative = round(area(size) / largest, 3)
            dom = self._features(len(features), n_content, picture, size, relative, words)
            features.append(dom)
            if not dom.in_boilerplate and not is_small(dom):
                n_content += 1
        return features

    def _features(
        self,
        ordinal: int,
        n_content: int,
        picture: Picture,
        size: Size,
        relative: float,
        own_words: str,
    ) -> DomFeatures:
        words = content_words(own_words)
        overlap = len(words & self._title_words) / max(len(self._title_words), 1)
        seen = self._best_place(picture)
        place = self._place(seen.box) if seen else _NOWHERE
        h1 = self._h1 if seen else None
        return DomFeatures(
            ordinal=ordinal,
            n_images=len(self._pictures),
            depth=seen.box.depth + 1 if seen else 0,
            in_article=place.in_article,
            in_boilerplate=place.in_boilerplate,
            in_figure=place.in_figure,
            in_link=place.link is not None,
            in_list=place.n_look_alikes >= 3,
            in_noscript=place.in_noscript,
            is_meta=picture.meta_rank >= 0,
            declared_width_px=size[0],
            declared_height_px=size[1],
            heading_distance=-1 if h1 is None or not seen else abs(seen.order - h1),
            text_chars_near=_text_near(seen.box) if seen else 0,
            name_evidence=round(name_evidence(seen, picture.urls[0]), 2),
            before_heading=h1 is not None and seen is not None and seen.order < h1,
            n_look_alikes=place.n_look_alikes,
            links_away=place.link is not None and not _links_to_itself(place.link, picture),
            links_home=place.link is not None and _links_home(place.link, self._page_url),
            levels_to_text=self._levels_to_text(seen.box) if seen else -1,
            text_before=round(self._text_before(seen), 3) if seen else 0.0,
            title_overlap=round(overlap, 3),
            content_ordinal=n_content,
            meta_rank=picture.meta_rank,
            relative_size=relative,
        )

    def _best_place(self, picture: Picture) -> Seen | None:
        """The element that speaks best for a picture shown more than once."""
        if len(picture.seen) < 2:
            return picture.seen[0] if picture.seen else None

        def order(seen: Seen) -> tuple[bool, bool, int]:
            place = self._place(seen.box)
            return place.in_noscript, place.in_boilerplate, seen.order

        return min(picture.seen, key=order)

    def _place(self, box: Box) -> "_Place":
        """What the ancestors of an element say, from the root down; remembered for each box."""
        chain: list[Box] = []
        above: Box | None = box
        while above is not None and above not in self._places:
            chain.append(above)
            above = above.parent
        place = self._places[above] if above is not None else _NOWHERE
        for each in reversed(chain):
            holds_text = each.n_chars >= self._enough_chars
            place = _inner_place(place, each, self._look_alikes.get(each, 0), holds_text)
            self._places[each] = place
        return place

    def _levels_to_text(self, box: Box) -> int:
        level = 0
        above: Box | None = box
        while above is not None and self._outline.n_chars:
            if above.n_chars >= self._enough_chars:
                return level
            level += 1
            above = above.parent
        return -1

    def _text_before(self, seen: Seen) -> float:
        return self._chars_before[seen.block] / max(self._outline.n_chars, 1)

    @cached_property
    def _chars_before(self) -> list[int]:
        page = self._outline
        lengths = (
            len(text) if kind is Kind.RUNNING else 0
            for text, kind in zip(page.blocks, page.kinds, strict=True)
        )
        return list(accumulate(lengths, initial=0))


class _Place(NamedTuple):
    """What the way from the root to a box says about everything inside."""

    in_article: bool = False
    in_boilerplate: bool = False
    in_figure: bool = False
    in_noscript: bool = False
    link: str | None = None
    n_look_alikes: int = 0


_NOWHERE = _Place()


def _inner_place(place: _Place, box: Box, n_look_alikes: int, holds_text: bool) -> _Place:
    tag, get = box.tag, box.element.get
    in_article = place.in_article or tag in _ARTICLE_TAGS
    if not in_article and tag in _SECTION_TAGS:
        role, prop = get("role"), get("itemprop")
        in_article = (role is not None and role.lower() in _ARTICLE_ROLES) or (
            prop is not None and prop.lower() in _ARTICLE_PROPS
        )
    in_boilerplate = place.in_boilerplate
    # What holds the article is not boilerplate, whatever it is called: `content with-sidebar`.
    if not in_boilerplate and not holds_text:
        # An article's own header holds its lead image; the page's header holds the logo.
        in_boilerplate = tag in _BOILERPLATE_TAGS or (tag == "header" and not in_article)
        if not in_boilerplate and (names := get("class")):
            in_boilerplate = is_boilerplate(names)
        if not in_boilerplate and (names := get("id")):
            in_boilerplate = is_boilerplate(names)
    return _Place(
        in_article,
        in_boilerplate,
        place.in_figure or tag == "figure",
        place.in_noscript or tag == "noscript",
        (get("href") if tag == "a" else None) or place.link,
        max(place.n_look_alikes, n_look_alikes),
    )


def _count_look_alikes(outline: Outline) -> dict[Box, int]:
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
        if box.tag not in _NO_ITEMS and box.n_chars <= _ITEM_CHARS
    }


def _own_title(title: str) -> str:
    """A title without the name of the site: its longest part."""
    return max(_TITLE_BREAK.split(title), key=len)


def _links_home(href: str, page_url: str) -> bool:
    """Whether a link leads to the site's front page: then the image is its logo."""
    host = page_url.partition("://")[2].partition("/")[0]
    path = href.strip().partition("://")[2] if "://" in href else href.strip().lstrip("/")
    path = path.removeprefix(host).strip("./").lower()
    return path in ("", "index.html", "index.htm", "index.php", "home")


def _page_heading(outline: Outline, title_words: frozenset[str]) -> Heading | None:
    """The first h1; where there is none, the first heading that repeats half of the title."""
    for heading in outline.headings:
        if heading.level == 1:
            return heading
    for heading in outline.headings:
        if 2 * len(content_words(heading.text) & title_words) >= max(len(title_words), 2):
            return heading
    return None


def _text_near(box: Box) -> int:
    """Characters of running text in the nearest ancestor that has any, a few levels up."""
    above: Box | None = box
    for _ in range(_NEAR_LEVELS):
        if above is None:
            break
        if above.n_chars:
            return above.n_chars
        above = above.parent
    return 0


def _links_to_itself(href: str, picture: Picture) -> bool:
    href = href.strip().lower()
    if not href or href.startswith(("#", "javascript:")):
        return True
    path = href.partition("?")[0]
    return path.endswith((".jpg", ".jpeg", ".png", ".webp", ".gif")) or href in picture.urls


def is_small(dom: DomFeatures) -> bool:
    """Declared smaller than any picture worth looking at: an icon, an avatar, a tracking pixel."""
    width, height = dom.declared_width_px, dom.declared_height_px
    return (width is not None and width < 150) or (height is not None and height < 100)
