"""What evidence does the DOM give that an image is what its page is about?"""

import re

from crawl.candidate import DomFeatures
from crawl.head import Head
from crawl.images import Picture
from crawl.names import (
    content_words,
    date_of,
    folder_evidence,
    is_site_wide,
    name_evidence,
    numbers,
)
from crawl.outline import Box, Outline, Seen
from crawl.place import (
    NOWHERE,
    Place,
    count_look_alikes,
    inner_place,
    links_home,
    links_to_itself,
    links_to_page,
    page_key,
)
from crawl.sizes import Size, area, declared_size
from crawl.text_place import TextPlaces, chars_near
from crawl.walk import inner_text

_NO_WORD = re.compile(r"[\W_]+")
_PHOTO_FILES = (".jpg", ".jpeg", ".webp", ".avif", ".jfif")
_MAX_LINK_CHARS = 500


class Evidence:
    """What all images of one page have in common, computed once."""

    def __init__(self, outline: Outline, head: Head, pictures: list[Picture]) -> None:
        self._pictures = pictures
        self._page_url = head.base
        addresses = (head.base, head.canonical)
        self._page_keys = frozenset(filter(None, map(page_key, addresses)))
        self._page_numbers = numbers(head.base) | numbers(head.canonical)
        self._page_date = date_of(head.base) or date_of(head.canonical)
        slug = (head.canonical or head.base).partition("://")[2].partition("/")[2]
        self._slug_words = content_words(_NO_WORD.sub(" ", slug))
        self._places: dict[Box, Place] = {}
        self._look_alikes = count_look_alikes(outline)
        self._text = TextPlaces(outline, head.title)
        heading = self._text.heading
        self._heading_tag = f"h{heading.level}" if heading else ""

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
            place = len(features), n_content, relative
            dom = self._features(place, picture, size, words)
            features.append(dom)
            if _may_be_content(dom):
                n_content += 1
        return features

    def _features(
        self, rank: tuple[int, int, float], picture: Picture, size: Size, own_words: str
    ) -> DomFeatures:
        """One picture; `rank` is its ordinal, its content ordinal and its relative size."""
        url, text = picture.urls[0], self._text
        seen = self._best_place(picture)
        place = self._place(seen.box) if seen else NOWHERE
        link = place.link
        own_link = link is not None and links_to_page(link, self._page_keys)
        words = content_words(own_words)
        if own_link and seen:
            words |= content_words(_link_text(seen.box))
        to_text = text.levels_to_text(seen.box) if seen else -1
        date = date_of(url) if self._page_date else ""
        return DomFeatures(
            ordinal=rank[0],
            n_images=len(self._pictures),
            depth=seen.box.depth + 1 if seen else 0,
            in_article=place.in_article,
            in_boilerplate=place.frame >= 1,
            in_figure=place.in_figure,
            in_link=link is not None,
            in_list=place.n_look_alikes >= 3,
            in_noscript=place.in_noscript,
            is_meta=picture.meta_rank >= 0,
            declared_width_px=size[0],
            declared_height_px=size[1],
            heading_distance=text.heading_distance(seen) if seen else -1,
            text_chars_near=chars_near(seen.box) if seen else 0,
            name_evidence=round(name_evidence(seen, url), 2),
            before_heading=seen is not None and text.is_before_heading(seen),
            n_look_alikes=place.n_look_alikes,
            links_away=link is not None and not links_to_itself(link, picture),
            links_home=link is not None and links_home(link, self._page_url),
            levels_to_text=to_text,
            text_before=round(text.share_before(seen), 3) if seen else 0.0,
            title_overlap=_share(words, text.title_words),
            content_ordinal=rank[1],
            meta_rank=picture.meta_rank,
            relative_size=rank[2],
            maybe_boilerplate=0 < place.frame < 1,
            text_levels_apart=text.levels_apart(seen.box, to_text) if seen else -1,
            headings_between=text.headings_between(seen) if seen else -1,
            links_to_page=own_link,
            shares_number=bool(self._page_numbers and self._page_numbers & numbers(url)),
            date_match=0 if not date else 1 if date == self._page_date else -1,
            folder_evidence=folder_evidence(url),
            is_photo_file=_is_photo_file(url),
            is_marked=place.marked or (seen is not None and _is_marked(seen)),
            slug_overlap=_share(words, self._slug_words),
            alt_chars=len(seen.attributes.get("alt", "").strip()) if seen else 0,
            n_shown=len(picture.seen),
            n_versions=len(picture.urls),
            has_site_wide_name=picture.meta_rank >= 0 and is_site_wide(url),
        )

    def _best_place(self, picture: Picture) -> Seen | None:
        """The element that speaks best for a picture shown more than once."""
        if len(picture.seen) < 2:
            return picture.seen[0] if picture.seen else None

        def order(seen: Seen) -> tuple[bool, float, int]:
            place = self._place(seen.box)
            return place.in_noscript, place.frame, seen.order

        return min(picture.seen, key=order)

    def _place(self, box: Box) -> Place:
        """What the ancestors of an element say, from the root down; remembered for each box."""
        places = self._places
        chain: list[Box] = []
        above: Box | None = box
        while above is not None and above not in places:
            chain.append(above)
            above = above.parent
        place = places[above] if above is not None else NOWHERE
        for each in reversed(chain):
            holds_text = each.n_chars >= self._text.enough_chars
            look_alikes = self._look_alikes.get(each, 1)
            place = inner_place(place, each, look_alikes, holds_text, self._heading_tag)
            places[each] = place
        return place


def _share(words: frozenset[str], wanted: frozenset[str]) -> float:
    return round(len(words & wanted) / max(len(wanted), 1), 3)


def _is_photo_file(url: str) -> bool:
    url = url.lower()  # a resizing service names the file it fetches anywhere in its own URL
    return any(kind in url for kind in _PHOTO_FILES)


def _link_text(box: Box) -> str:
    link = next((above for above in box.and_above() if above.tag == "a"), None)
    return inner_text(link.element)[:_MAX_LINK_CHARS] if link else ""


def _is_marked(seen: Seen) -> bool:
    """Whether the element itself says that it matters: microdata, or to be loaded first."""
    get = seen.attributes.get
    return get("itemprop", "").lower().startswith("image") or get("fetchpriority") == "high"


def _may_be_content(dom: DomFeatures) -> bool:
    """Neither in the frame, nor small, nor named like furniture, nor a teaser of another page."""
    teaser = dom.in_list and dom.links_away and not dom.links_to_page
    framed = dom.in_boilerplate or dom.links_home
    return not framed and not teaser and dom.name_evidence > -1.5 and not is_small(dom)


def is_small(dom: DomFeatures) -> bool:
    """Declared smaller than any picture worth looking at: an icon, an avatar, a tracking pixel."""
    width, height = dom.declared_width_px, dom.declared_height_px
    return (width is not None and width < 150) or (height is not None and height < 100)
