"""Which words does a page have for one of its pictures, and where did each stand?"""

import re
from bisect import bisect_right
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from lxml import etree

from crawl.candidate import Text, TextSource
from crawl.head import Head
from crawl.images import Picture
from crawl.outline import Box, Kind, Outline, Seen, inner_text

MAX_TEXT_CHARS = 2000
"""One text is cut here, at a word: no caption is longer."""
_MAX_TEXTS = 12
"""Texts of one source; an image repeated a thousand times has no more to say."""
_LEVELS = 6
"""How far above an image its link and its caption may be."""
_MAX_BLOCKS = 40
"""Blocks looked at on each side of an image for running text."""
_GATHERED: tuple[TextSource, ...] = ("alt", "title", "aria", "caption", "link", "heading")
_CAPTION_TAGS = ("p", "div", "span", "dd", "small", "em", "i", "td", "li")
_BY_ID = etree.XPath("//*[@id=$id]")
_MAX_CAPTIONS = 400
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2066-\u2069\ufeff]+")
_SENTENCE_END = re.compile(r"[.!?…]['\")\]”’»]*\s|[。！？]")
_NAME_BREAK = re.compile(r"[^\w'’]+|_+")
_NAME_NOISE = re.compile(
    r"(?=.*\d)[0-9a-z]{7,}|\d+(?:x\d+|w|h|px|x)?|[a-f]{6,}|[a-z]", re.IGNORECASE
)


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
        self._outline = outline
        self._surrounding_chars = surrounding_chars
        self._title = clean(head.title)
        self._description = clean(head.description)
        self._around: dict[tuple[int, bool], list[str]] = {}
        self._links: dict[Box, list[str]] = {}
        self._captions = _captions(root, outline)

    def of(self, picture: Picture) -> tuple[Text, ...]:
        """Every text the page has for a picture, in the order of `TextSource`, each once."""
        found: dict[TextSource, list[str]] = {source: [] for source in _GATHERED}
        for seen in picture.seen[:_MAX_TEXTS]:
            self._gather(seen, len(picture.seen), found)
        if picture.meta_alt:
            found["alt"].append(picture.meta_alt)
        around: list[str] = []
        if picture.seen:
            found["heading"] = self._heading(picture.seen[0])
            around = self._surrounding(picture.seen[0])
        texts: list[Text] = []
        for source, values in found.items():
            if values:
                cleaned = dict.fromkeys([clean(value) for value in values])
                cleaned.pop("", None)
                texts += [Text(source=source, text=text) for text in list(cleaned)[:_MAX_TEXTS]]
                if source == "caption":
                    around = [text for text in around if text not in cleaned]
        texts += [Text(source="surrounding", text=text) for text in around]
        if self._title:
            texts.append(Text(source="page_title", text=self._title))
        if self._description:
            texts.append(Text(source="description", text=self._description))
        if name := clean(file_name_words(picture.urls[0])):
            texts.append(Text(source="file_name", text=name))
        return tuple(texts)

    def _gather(self, seen: Seen, n_own: int, found: dict[TextSource, list[str]]) -> None:
        """Collect the texts that one element of a picture has for itself."""
        get = seen.attributes.get
        if value := get("alt"):
            found["alt"].append(value)
        if value := get("title"):
            found["title"].append(value)
        if value := get("aria-label"):
            found["aria"].append(value)
        for name in ("aria-labelledby", "aria-describedby"):
            if value := get(name):
                found["aria"] += self._by_ids(value)
        if value := get("data-caption"):
            found["caption"].append(value)
        self._climb(seen.box, n_own, found["caption"], found["link"])

    def _by_ids(self, identifiers: str) -> list[str]:
        texts: list[str] = []
        for identifier in identifiers.split()[:3]:
            found: Any = _BY_ID(self._root, id=identifier)
            texts += [inner_text(element) for element in found[:1]]
        return texts

    def _climb(self, box: Box, n_own: int, captions: list[str], links: list[str]) -> None:
        """Collect captions and link texts on the way up from an image."""
        above: Box | None = box
        alone = True
        for _ in range(_LEVELS):
            if above is None or above.tag in ("body", "article", "main"):
                break
            # Where other pictures live too, whose caption would it be? A figure says.
            alone = alone and (above.n_images <= n_own or above.tag == "figure")
            if alone and above in self._captions:
                captions += self._captions[above]
            if above.tag == "figure":
                alone = False
            elif above.tag == "a":
                if above not in self._links:
                    names = (above.element.get("title"), above.element.get("aria-label"))
                    self._links[above] = [*(n for n in names if n), inner_text(above.element)]
                links += self._links[above]
            above = above.parent

    def _heading(self, seen: Seen) -> list[str]:
        """The nearest heading above; above a lead image that opens the page, the h1 below."""
        headings = self._outline.headings
        above = bisect_right(headings, seen.order, key=lambda heading: heading.order)
        if above:
            return [headings[above - 1].text]
        return [headings[0].text] if headings and headings[0].level == 1 else []

    def _surrounding(self, seen: Seen) -> list[str]:
        """Blocks of running text around an image, in reading order, one text for each block."""
        key = (seen.block, seen.inside)
        if key not in self._around:
            page, limit = self._outline, self._surrounding_chars
            before = _collect(page, range(seen.block - 1, -1, -1), limit, _last_sentences)
            after = _collect(page, range(seen.block, len(page.blocks)), limit, _first_sentences)
            values = dict.fromkeys(text for b in (*reversed(before), *after) if (text := clean(b)))
            self._around[key] = list(values)
        return self._around[key]


def clean(text: str) -> str:
    """Fold white space to single spaces; drop control and direction characters; bound length."""
    if len(text) > 4 * MAX_TEXT_CHARS:
        text = text[: 4 * MAX_TEXT_CHARS]
    text = " ".join(text.split())
    if not text.isprintable():
        text = " ".join(_CONTROL.sub(" ", text).split())
    if len(text) > MAX_TEXT_CHARS:
        text = text[:MAX_TEXT_CHARS].rpartition(" ")[0] or text[:MAX_TEXT_CHARS]
    return text


def _captions(root: etree._Element, outline: Outline) -> dict[Box, list[str]]:
    """Caption-like elements, under the innermost box that holds an image too."""
    if not outline.images:
        return {}
    found = [
        element
        for element in root.iter(*_CAPTION_TAGS)
        if (name := element.get("class"))
        # Capital or not, in a third of the time of a regular expression; every element is asked.
        and ("aption" in name or "utline" in name or "egend" in name)
    ]
    found += root.iter("figcaption")
    captions: dict[Box, list[str]] = {}
    boxes = _boxes(outline) if found else {}
    for element in found[:_MAX_CAPTIONS]:
        if element in boxes:
            continue  # a box around the image and its caption is often called caption, too
        above = element.getparent()
        for _ in range(_LEVELS):
            if above is None or above in boxes:
                break
            above = above.getparent()
        if above is not None and above in boxes:
            captions.setdefault(boxes[above], []).append(inner_text(element))
    return captions


def _boxes(outline: Outline) -> dict[etree._Element, Box]:
    """The boxes that hold images, by their elements."""
    boxes: dict[etree._Element, Box] = {}
    for seen in outline.images:
        box: Box | None = seen.box
        while box is not None and box.element not in boxes:
            boxes[box.element] = box
            box = box.parent
    return boxes


def _collect(
    page: Outline, indices: range, limit: int, cut: Callable[[str, int], str]
) -> list[str]:
    """Running text of the blocks at `indices`, up to `limit` characters, inside one section."""
    texts: list[str] = []
    left = limit
    for n, index in enumerate(indices[:_MAX_BLOCKS]):
        kind, text = page.kinds[index], page.blocks[index]
        if kind is Kind.HEADING:
            if texts or indices.step < 0:
                break
        elif kind is Kind.RUNNING or (n == 0 and kind is Kind.SHORT and text.count(" ") > 1):
            texts.append(text if len(text) <= left else cut(text, left))
            left -= len(text)
            if left <= 0:
                break
    return texts


def _first_sentences(text: str, limit: int) -> str:
    """The beginning of a text, cut after a sentence or, failing that, a word."""
    head = text[:limit]
    ends = [match.end() for match in _SENTENCE_END.finditer(head)]
    return head[: ends[-1]] if ends else head.rpartition(" ")[0]


def _last_sentences(text: str, limit: int) -> str:
    """The end of a text, cut before a sentence or, failing that, a word."""
    tail = text[-limit:]
    match = _SENTENCE_END.search(tail)
    return tail[match.end() :] if match else tail.partition(" ")[2]


def file_name_words(url: str) -> str:
    """The words of a URL's file name, without sizes, numbers and hashes; '' if none is left."""
    name = url.partition("?")[0].rpartition("/")[2]
    if "%" in name:
        name = unquote(name)
    stem = (name.rpartition(".")[0] or name)[:300]
    words = [word for word in _NAME_BREAK.split(stem) if word]
    return " ".join([word for word in words if not _NAME_NOISE.fullmatch(word)])
