"""What do the JSON-LD blocks of a page say about single images?"""

import json
from collections.abc import Iterator
from typing import NamedTuple

from lxml import etree

_TYPE = "ImageObject"
_TEXT_KEYS = ("caption", "description", "name")
_URL_KEYS = ("contentUrl", "url", "@id")
_MAX_CHARS = 200_000
_MAX_NODES = 5_000
_MAX_IMAGES = 64


class ImageWords(NamedTuple):
    """One `ImageObject` that has words."""

    urls: tuple[str, ...]
    """As spelled."""
    texts: tuple[str, ...]
    """Its caption, description and name, those it has."""


def image_words(root: etree._Element) -> list[ImageWords]:
    """Words of the `ImageObject`s (schema.org) in the JSON-LD blocks of a page.

    Never raises: a block that is no JSON, too large or nested too deeply counts for nothing.
    """
    found: list[ImageWords] = []
    for script in root.iter("script"):
        if script.get("type") != "application/ld+json":
            continue
        text = script.text or ""
        # Most blocks have nothing of the kind: a look at the text is cheaper than reading it.
        if len(text) <= _MAX_CHARS and _TYPE in text and any(f'"{k}"' in text for k in _TEXT_KEYS):
            found += _of_block(text)
    return found[:_MAX_IMAGES]


def _of_block(text: str) -> Iterator[ImageWords]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return
    for node in _nodes(data):
        if _TYPE in str(node.get("@type"))[:200]:
            urls = tuple(url for key in _URL_KEYS if isinstance(url := node.get(key), str))
            texts = tuple(t for key in _TEXT_KEYS if isinstance(t := node.get(key), str) and t)
            if urls and texts:
                yield ImageWords(urls, texts)


def _nodes(data: object) -> Iterator[dict[str, object]]:
    """All objects of a JSON value, in order, up to a bound."""
    stack = [data]
    for _ in range(_MAX_NODES):
        if not stack:
            return
        value = stack.pop()
        if isinstance(value, dict):
            yield value
            stack += reversed(value.values())
        elif isinstance(value, list):
            stack += reversed(value)
