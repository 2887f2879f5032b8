"""Which words does a page have for one of its pictures, and where did each stand?"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from lxml import etree

from crawl.candidate import Text, TextSource
from crawl.head import Head
from crawl.images import Picture
from crawl.outline import Box, Kind, Outline, Seen, outline

MAX_TEXT_CHARS = 2000
"""One text is cut here, at a word: no caption is longer."""
_MAX_TEXTS = 12
"""Texts of one source; an image repeated a thousand times has no more to say."""
_CAPTION_CLASS = re.compile(r"caption|legend|cutline|image-?desc", re.IGNORECASE)
_CAPTION_LEVELS = 6
_SMALL_TREE = 60
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2066-\u2069\ufeff]+")
_SENTENCE_END = re.compile(r"[.!?…]['\")\]”’»]*\s|[。！？]")
_NAME_BREAK = re.compile(r"[^\w'’]+|_+", re.UNICODE)
_NAME_NOISE = re.compile(r"(?=.*\d)[0-9a-z]{7,}|\d+(?:x\d+|w|h|px|x)?|[a-f]{6,}|[a-z]", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A page's texts, ready to be asked about one picture after the other."""

    root: etree._Element
    head: Head
    outline: Outline
    surrounding_chars: int
    """Running text kept on each side of an image."""


def picture_texts(picture: Picture, words: Words) -> tuple[Text, ...]:
    """Every text a page has for a picture, in the order of `TextSource`, without repetitions."""
    seen = picture.seen[0] if picture.seen else None
    sources: list[tuple[TextSource, Iterator[str]]] = [
        ("alt", _attributes(picture, "alt", picture.meta_alt)),
        ("title", _attributes(picture, "title", "")),
        ("aria", _aria(picture, words.root)),
        ("caption", _captions(picture)),
        ("link", _links(picture)),
        ("heading", _headings(seen, words.outline)),
        ("surrounding", _surrounding(seen, words)),
        ("page_title", iter((words.head.title,))),
        ("description", iter((words.head.description,))),
        ("file_name", iter((file_name_words(picture.urls[0]),))),
    ]
    texts: list[Text] = []
    caption: set[str] = set()
    for source, values in sources:
        cleaned = dict.fromkeys(text for value in values if (text := clean(value)))
        if source == "caption":
            caption = set(cleaned)
        elif source == "surrounding":
            cleaned = {text: None for text in cleaned if text not in caption}
        texts += [Text(source=source, text=text) for text in list(cleaned)[:_MAX_TEXTS]]
    return tuple(texts)


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


def _attributes(picture: Picture, name: str, more: str) -> Iterator[str]:
    for seen in picture.seen:
        yield seen.element.get(name) or ""
    yield more


def _aria(picture: Picture, root: etree._Element) -> Iterator[str]:
    for seen in picture.seen[:_MAX_TEXTS]:
        element = seen.element
        yield element.get("aria-label") or ""
        for name in ("aria-labelledby", "aria-describedby"):
            for identifier in (element.get(name) or "").split()[:3]:
                for target in root.xpath("//*[@id=$id]", id=identifier)[:1]:
                    yield _inner_text(target)
        if seen.box.tag == "figure":
            yield seen.box.element.get("aria-label") or ""


def _captions(picture: Picture) -> Iterator[str]:
    for seen in picture.seen[:_MAX_TEXTS]:
        yield seen.element.get("data-caption") or ""
        box: Box | None = seen.box
        for _ in range(_CAPTION_LEVELS):
            if box is None or box.tag in ("body", "article", "main"):
                break
            if box.tag == "figure":
                yield from (_inner_text(e) for e in box.element.iter("figcaption"))
                break
            if box.n_images > len(picture.seen):
                break  # other pictures live here: whose caption would it be?
            yield from _caption_like(box.element)
            box = box.parent


def _caption_like(element: etree._Element) -> Iterator[str]:
    """Texts of the elements in a small tree whose class says that they are captions."""
    for n, child in enumerate(element.iter("figcaption", "p", "div", "span", "dd", "small")):
        if n > _SMALL_TREE:
            return
        if child.tag == "figcaption" or _CAPTION_CLASS.search(child.get("class") or ""):
            if child is not element or not len(element):
                yield _inner_text(child)


def _links(picture: Picture) -> Iterator[str]:
    for seen in picture.seen[:_MAX_TEXTS]:
        box: Box | None = seen.box
        for _ in range(_CAPTION_LEVELS):
            if box is None:
                break
            if box.tag == "a":
                yield box.element.get("title") or ""
                yield box.element.get("aria-label") or ""
                yield _inner_text(box.element)
                break
            box = box.parent


def _headings(seen: Seen | None, page: Outline) -> Iterator[str]:
    """The nearest heading above; above a lead image that opens the page, the first h1 below."""
    if seen is None or not page.headings:
        return
    above = bisect_right(page.headings, seen.order, key=lambda heading: heading.order)
    if above:
        yield page.headings[above - 1].text
    elif page.headings[0].level == 1:
        yield page.headings[0].text


def _surrounding(seen: Seen | None, words: Words) -> Iterator[str]:
    """Blocks of running text around an image, in reading order, one text for each block."""
    if seen is None:
        return
    limit = words.surrounding_chars
    before = _collect(words.outline, range(seen.block - 1, -1, -1), limit, _last_sentences)
    yield from reversed(list(before))
    yield from _collect(
        words.outline, range(seen.block, len(words.outline.blocks)), limit, _first_sentences
    )


_MAX_STEPS = 40


def _collect(
    page: Outline, indices: range, limit: int, cut: "Callable[[str, int], str]"
) -> Iterator[str]:
    """Running text of the blocks at `indices`, up to `limit` characters, inside one section."""
    left = limit
    for n, index in enumerate(indices[:_MAX_STEPS]):
        kind, text = page.kinds[index], page.blocks[index]
        if kind is Kind.HEADING:
            if left < limit or indices.step < 0:
                return
        elif kind is Kind.RUNNING or (n == 0 and kind is Kind.SHORT and text.count(" ") > 1):
            part = text if len(text) <= left else cut(text, left)
            if part:
                yield part
            left -= len(text)
            if left <= 0:
                return


def _first_sentences(text: str, limit: int) -> str:
    """The beginning of a text, cut after a sentence or, failing that, a word."""
    head = text[:limit]
    ends = [match.end() for match in _SENTENCE_END.finditer(head)]
    return head[: ends[-1]].strip() if ends else head.rpartition(" ")[0]


def _last_sentences(text: str, limit: int) -> str:
    """The end of a text, cut before a sentence or, failing that, a word."""
    tail = text[-limit:]
    match = _SENTENCE_END.search(tail)
    return (tail[match.end() :] if match else tail.partition(" ")[2]).strip()


def _inner_text(element: etree._Element) -> str:
    return " ".join(outline(element).blocks)


def file_name_words(url: str) -> str:
    """The words of a URL's file name, without sizes, numbers and hashes; '' if none is left."""
    name = unquote(url.partition("?")[0].rpartition("/")[2])
    stem = name.rpartition(".")[0] or name
    words = [word for word in _NAME_BREAK.split(stem[:300]) if word]
    return " ".join(word for word in words if not _NAME_NOISE.fullmatch(word))
