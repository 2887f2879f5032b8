"""Which words does a page have for one of its pictures, and where did each stand?"""

import re
from bisect import bisect_right
from functools import cached_property

from lxml import etree

from crawl.candidate import Text, TextSource
from crawl.captions import LEVELS, captions, cell_texts
from crawl.head import Head
from crawl.images import Picture, picture_key
from crawl.linked_data import image_words
from crawl.outline import Box, Outline, Seen
from crawl.plain import clean, file_name_words
from crawl.surrounding import Surroundings
from crawl.url import normalise
from crawl.walk import inner_text

_MAX_TEXTS = 12
"""Texts of one source; an image repeated a thousand times has no more to say."""
_GATHERED: tuple[TextSource, ...] = (
    "alt", "title", "aria", "caption", "linked_data", "cell", "link",
)  # fmt: skip
_ATTRIBUTES: dict[str, TextSource] = {
    "alt": "alt",
    "title": "title",
    "data-title": "title",
    "data-image-title": "title",
    "aria-label": "aria",
    "data-description": "caption",
    "data-image-description": "caption",
}
_BY_REFERENCE = ("aria-labelledby", "aria-describedby")
_MARKUP = re.compile(r"<[^<>]*>")
_TOO_HIGH = ("body", "article", "main")
_CELLS = ("td", "th")

_Found = dict[TextSource, list[str]]


class PageTexts:
    """The texts of one page, ready to be asked about one picture after the other."""

    def __init__(
        self, root: etree._Element, head: Head, outline: Outline, surrounding_chars: int
    ) -> None:
        """
        Args:
            root: The parsed page.
            head: Its metadata.
            outline: Its flattened body.
            surrounding_chars: Running text kept on each side of an image.
        """
        self._root = root
        self._base = head.base
        self._headings = outline.headings
        self._heading_orders = [heading.order for heading in outline.headings]
        self._surroundings = Surroundings(outline, surrounding_chars)
        self._of_page = [
            *_texts("page_title", [head.title]),
            *_texts("description", [head.description]),
        ]
        # What several pictures share is made once.
        self._heading_texts: dict[int, list[Text]] = {}
        self._around: dict[tuple[int, bool], list[Text]] = {}
        self._links: dict[Box, list[str]] = {}
        self._captions_in: dict[etree._Element, dict[etree._Element, list[str]]] = {}

    def of(self, picture: Picture) -> tuple[Text, ...]:
        """Every text the page has for a picture, in the order of `TextSource`, each once."""
        found: _Found = {}
        for seen in picture.seen[:_MAX_TEXTS]:
            self._gather(seen, len(picture.seen), found)
        if picture.meta_alt:
            _add(found, "alt", picture.meta_alt)
        if self._linked_data:
            for key in dict.fromkeys(map(picture_key, picture.urls)):
                for text in self._linked_data.get(key, ()):
                    _add(found, "linked_data", text)
        texts: list[Text] = []
        for source in _GATHERED:
            if source in found:
                texts += _texts(source, found[source])
        if picture.seen:
            around = self._surrounding(picture.seen[0])
            if "caption" in found:
                own = {text.text for text in texts if text.source == "caption"}
                around = [text for text in around if text.text not in own]
            texts += self._heading(picture.seen[0])
            texts += around
        texts += self._of_page
        if name := clean(file_name_words(picture.urls[0])):
            texts.append(Text(source="file_name", text=name))
        return tuple(texts)

    def _gather(self, seen: Seen, n_own: int, found: _Found) -> None:
        """Collect the texts that one element of a picture has for itself."""
        attributes = seen.attributes
        for name, value in attributes.items():
            if value and (source := _source_of(name)):
                _add(found, source, _MARKUP.sub(" ", value) if name[:5] == "data-" else value)
        for name in _BY_REFERENCE:
            if name in attributes:
                self._refer(attributes[name], found)
        self._climb(seen.box, n_own, found)

    def _refer(self, identifiers: str, found: _Found) -> None:
        """Collect the texts of the elements that an image names as its label or description."""
        for identifier in identifiers.split()[:3]:
            if identifier in self._by_id:
                _add(found, "aria", inner_text(self._by_id[identifier]))

    @cached_property
    def _by_id(self) -> dict[str, etree._Element]:
        """The first element of each id: not by XPath, which takes no control characters."""
        elements: dict[str, etree._Element] = {}
        for element in self._root.iter():
            if identifier := element.get("id"):
                elements.setdefault(identifier, element)
        return elements

    def _climb(self, box: Box, n_own: int, found: _Found) -> None:
        """Collect captions, cells and link texts on the way up from an image."""
        above: Box | None = box
        alone: list[Box] = []
        # Where other pictures live too, whose caption would it be? A figure says.
        shared = False
        for _ in range(LEVELS):
            if above is None or above.tag in _TOO_HIGH:
                break
            tag = above.tag
            shared = shared or (above.n_images > n_own and tag != "figure")
            if not shared:
                alone.append(above)
                shared = tag == "figure"
                if tag in _CELLS and "cell" not in found:
                    found["cell"] = cell_texts(above.element)
            if tag == "a":
                found.setdefault("link", []).extend(self._link(above))
            above = above.parent
        if alone:
            self._add_captions(alone, found)

    def _add_captions(self, alone: list[Box], found: _Found) -> None:
        top = alone[-1].element
        if top not in self._captions_in:
            self._captions_in[top] = captions(top)
        if texts := self._captions_in[top]:
            for box in alone:
                for text in texts.get(box.element, ()):
                    _add(found, "caption", text)

    def _link(self, box: Box) -> list[str]:
        if box not in self._links:
            names = (box.element.get("title"), box.element.get("aria-label"))
            self._links[box] = [*(n for n in names if n), inner_text(box.element)]
        return self._links[box]

    @cached_property
    def _linked_data(self) -> dict[str, tuple[str, ...]]:
        """Words of the page's JSON-LD about its images, by the keys of the pictures."""
        words: dict[str, tuple[str, ...]] = {}
        for urls, texts in image_words(self._root):
            for url in urls:
                if absolute := normalise(url, self._base):
                    words.setdefault(picture_key(absolute), texts)
        return words

    def _heading(self, seen: Seen) -> list[Text]:
        """The nearest heading above; above a lead image that opens the page, the h1 below."""
        nearest = bisect_right(self._heading_orders, seen.order) - 1
        if nearest < 0:
            if not self._headings or self._headings[0].level != 1:
                return []
            nearest = 0
        if nearest not in self._heading_texts:
            self._heading_texts[nearest] = _texts("heading", [self._headings[nearest].text])
        return self._heading_texts[nearest]

    def _surrounding(self, seen: Seen) -> list[Text]:
        key = (seen.block, seen.inside)
        if key not in self._around:
            self._around[key] = _texts("surrounding", self._surroundings.around(seen))
        return self._around[key]


def _source_of(name: str) -> TextSource | None:
    """The source that an attribute of this name is a text of, if it is one."""
    source = _ATTRIBUTES.get(name)
    # `data-caption`, `data-image-caption`, `data-mediaviewer-caption`...
    return "caption" if source is None and name.endswith("caption") else source


def _add(found: _Found, source: TextSource, value: str) -> None:
    if source in found:
        found[source].append(value)
    else:
        found[source] = [value]


def _texts(source: TextSource, values: list[str]) -> list[Text]:
    """The distinct ones of some texts, cleaned; surrounding ones are bounded already."""
    if len(values) == 1:
        text = clean(values[0])
        return [Text(source=source, text=text)] if text else []
    cleaned = dict.fromkeys([clean(value) for value in values])
    cleaned.pop("", None)
    most = None if source == "surrounding" else _MAX_TEXTS
    return [Text(source=source, text=text) for text in list(cleaned)[:most]]
