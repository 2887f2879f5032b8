"""What does a page say about itself: title, description, base URL, robots, and its own images?"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from crawl.url import normalise

_IMAGE_NAMES = {
    "og:image": 0,
    "og:image:url": 0,
    "og:image:secure_url": 0,
    "twitter:image": 1,
    "twitter:image:src": 1,
    "image": 2,  # itemprop, and old `name=image`
    "thumbnail": 3,
}
_ALT_NAMES = ("og:image:alt", "twitter:image:alt")
_JSON_KEYS = ("image", "primaryImageOfPage", "thumbnailUrl")
_JSON_ARTICLES = re.compile(r"Article|Posting|Recipe|Product|WebPage|Video|Event|Review|Report")
_MAX_JSON_CHARS = 200_000
_MAX_META_IMAGES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaImage:
    """An image that the head names as the page's own."""

    url: str
    """As spelled."""
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The page's words about itself, white space folded; '' where it has none."""

    title: str
    description: str
    base: str
    """The absolute URL that references of the page are relative to."""
    metas: tuple[tuple[str, str], ...]
    """Name or property (lower case) and content of every meta element."""
    images: tuple[MetaImage, ...]
    """Most trusted first: Open Graph, Twitter card, `image_src`, JSON-LD."""
    canonical: str = ""
    """The page's address by its own account (`rel=canonical`, og:url), '' without."""


def read_head(root: etree._Element, url: str) -> Head:
    """Read the metadata of a parsed page.

    Args:
        root: The document.
        url: The page's absolute URL.
    """
    metas = tuple(_metas(root))
    # The first of a name counts, as search engines read it.
    first = dict(reversed(metas))
    description = first.get("description") or first.get("og:description") or ""
    return Head(
        title=_title(root) or _fold(first.get("og:title", "")),
        description=_fold(description),
        base=_base(root, url),
        metas=metas,
        images=tuple(_images(root, metas, first))[:_MAX_META_IMAGES],
        canonical=_canonical(root) or first.get("og:url", ""),
    )


def _metas(root: etree._Element) -> Iterator[tuple[str, str]]:
    for meta in root.iter("meta"):
        content = meta.get("content")
        if content:
            name = meta.get("property") or meta.get("name") or meta.get("itemprop") or ""
            yield name.strip().lower(), content


def _title(root: etree._Element) -> str:
    for title in root.iter("title"):
        parent = title.getparent()
        if parent is None or parent.tag not in ("svg", "symbol", "g"):
            return _fold(title.text or "")
    return ""


def _base(root: etree._Element, url: str) -> str:
    """The first `<base href>`, resolved against the page's URL (HTML standard, 2.4.3)."""
    for element in root.iter("base"):
        if href := element.get("href"):
            return normalise(href, url) or url
    return url


def _canonical(root: etree._Element) -> str:
    for link in root.iter("link"):
        if link.get("rel") == "canonical" and (href := link.get("href")):
            return href.strip()
    return ""


def _images(
    root: etree._Element, metas: tuple[tuple[str, str], ...], first: dict[str, str]
) -> Iterator[MetaImage]:
    alt = _fold(next((first[name] for name in _ALT_NAMES if name in first), ""))
    named = [(_IMAGE_NAMES[name], content) for name, content in metas if name in _IMAGE_NAMES]
    named.sort(key=lambda pair: pair[0])  # stable: document order inside a rank
    for _, content in named:
        yield MetaImage(url=content, alt=alt)
    for link in root.iter("link"):
        if link.get("rel") == "image_src" and (href := link.get("href")):
            yield MetaImage(url=href, alt="")
    for script in root.iter("script"):
        if script.get("type") == "application/ld+json" and script.text:
            yield from (MetaImage(url=url, alt="") for url in _json_images(script.text))


def _json_images(text: str) -> Iterator[str]:
    """Image URLs of the articles (or the like) in a JSON-LD block."""
    if len(text) > _MAX_JSON_CHARS or not any(key in text for key in _JSON_KEYS):
        return
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return
    nodes = data if isinstance(data, list) else [data]
    for node in nodes[:20]:
        if isinstance(node, dict) and isinstance(node.get("@graph"), list):
            nodes = nodes + node["@graph"][:50]
    for node in nodes:
        if isinstance(node, dict) and _JSON_ARTICLES.search(str(node.get("@type"))[:200]):
            for key in _JSON_KEYS:
                yield from _urls_of(node.get(key))


def _urls_of(value: object) -> Iterator[str]:
    for item in value[:4] if isinstance(value, list) else [value]:
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            for key in ("url", "contentUrl"):
                if isinstance(item.get(key), str):
                    yield item[key]


def _fold(text: str) -> str:
    return " ".join(text.split())
