"""Which pictures does a page offer, and under which URLs is each of them to be had?"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from crawl.head import MetaImage
from crawl.outline import Outline, Seen
from crawl.url import normalise
from crawl.versions import element_urls, file_name, is_placeholder

_SIZE_SUFFIX = re.compile(
    r"(?:[-_.](?:\d{2,4}x\d{2,4}|\d{2,4}(?:w|px)|\d{2,3}0|scaled|large|medium|small|thumb"
    r"|thumbnail)|@[23]x)$"
)
_MIN_STEM_CHARS = 6


@dataclass(slots=True, kw_only=True)
class Picture:
    """One picture of a page: all its versions, all the elements that show it."""

    urls: list[str]
    """Absolute URLs, best first."""
    seen: list[Seen] = field(default_factory=list)
    """Its elements in document order; empty for a picture known only from meta tags."""
    meta_rank: int = -1
    """0 for the image that the head trusts most, 1 for its others, -1 for all that it omits."""
    meta_alt: str = ""
    """What the page's meta tags say about it."""


def pictures(
    outline: Outline, base: str, metas: tuple[MetaImage, ...], max_images: int
) -> list[Picture]:
    """List every picture a page offers, one entry for all versions of the same picture.

    Elements are `img`, `amp-img` and the `source`s of `picture`; attributes `src`, `srcset`, every
    lazy-loading attribute (any `data-*` whose value looks like an image URL), the full-size file
    a thumbnail links to. An element in `noscript` joins the lazy element it stands in for.

    Args:
        outline: The page's flattened tree.
        base: The absolute URL that references are relative to.
        metas: Images that the page's head names, see `crawl.head`.
        max_images: Pictures beyond this many, in document order, are left out.

    Returns:
        Pictures in document order, then those known only from meta tags.
    """
    resolve = _resolver(base)
    elements = [(seen, element_urls(seen, resolve)) for seen in outline.images]
    placeholders = _shared_placeholders(urls for _, urls in elements)
    found: list[Picture] = []
    by_url: dict[str, Picture] = {}
    bare: Seen | None = None  # an element whose real URL may follow in its noscript twin
    for seen, urls in elements:
        real = urls
        if placeholders and len(urls) > 1:
            real = [url for url in urls if url not in placeholders] or urls
        if len(real) == 1:
            picture = by_url.get(real[0])
            if is_placeholder(real[0]):
                bare = seen
        else:
            picture = next((by_url[url] for url in real if url in by_url), None)
            if not real:
                bare = seen
        if picture is None and real:
            if len(found) >= max_images:
                break
            picture = Picture(urls=[])
            found.append(picture)
        if picture is None:
            continue
        if bare is not None and bare is not seen and _stands_in(seen, bare):
            _join(found, by_url, picture, bare)
        picture.seen.append(seen)
        for url in real:
            if by_url.setdefault(url, picture) is picture and url not in picture.urls:
                picture.urls.append(url)
    _add_metas(found, metas, resolve)
    return [picture for picture in found if picture.urls]


def _resolver(base: str) -> Callable[[str], str | None]:
    known: dict[str, str | None] = {}

    def resolve(reference: str) -> str | None:
        if reference not in known:
            known[reference] = normalise(reference, base)
        return known[reference]

    return resolve


def _shared_placeholders(all_urls: Iterator[list[str]]) -> set[str]:
    """Last choices that three or more different pictures share: what is shown while loading."""
    firsts: dict[str, set[str]] = {}
    for urls in all_urls:
        if len(urls) > 1:
            firsts.setdefault(urls[-1], set()).add(urls[0])
    return {url for url, pictures_of in firsts.items() if len(pictures_of) > 2}


def _stands_in(seen: Seen, bare: Seen) -> bool:
    """Whether an element in noscript follows directly on one without a usable URL."""
    noscript = next((box for box in seen.box.and_above() if box.tag == "noscript"), None)
    return noscript is not None and 0 < noscript.order - bare.order <= 3


def _join(found: list[Picture], by_url: dict[str, Picture], picture: Picture, bare: Seen) -> None:
    """Give the lazy element to the picture of its noscript twin, without its placeholder."""
    last = next((p for p in reversed(found) if p is not picture and bare in p.seen), None)
    if last is not None:
        last.seen.remove(bare)
        if not last.seen:
            for url in last.urls:
                del by_url[url]
            found.remove(last)
    picture.seen.append(bare)


def _add_metas(
    found: list[Picture], metas: tuple[MetaImage, ...], resolve: Callable[[str], str | None]
) -> None:
    """Mark the pictures that meta tags name; add those that the body does not show."""
    named = [(url, picture_key(url), meta) for meta in metas if (url := resolve(meta.url))]
    keys = _find_keys(found, {key for _, key, _ in named}) if named else {}
    for url, key, meta in named:
        picture = keys.get(key)
        if picture is None:
            picture = keys[key] = Picture(urls=[])
            found.append(picture)
        if picture.meta_rank < 0:
            picture.meta_rank = 0 if key == named[0][1] else 1
        picture.meta_alt = picture.meta_alt or meta.alt
        if url not in picture.urls:
            picture.urls.append(url)


def _find_keys(found: list[Picture], wanted: set[str]) -> dict[str, Picture]:
    """The first picture under each of the wanted keys."""
    keys: dict[str, Picture] = {}
    for picture in found:
        for url in picture.urls:
            plain = url.lower()
            # A key is a part of its URL, so that few keys have to be computed.
            if "%" in plain or any(key in plain or key == url for key in wanted):
                key = picture_key(url)
                if key in wanted:
                    keys.setdefault(key, picture)
    return keys


def picture_key(url: str) -> str:
    """What two sizes of one picture have in common: the file name without its size suffix.

    Short names (`1.jpg`, `photo.jpg`) say too little: their whole path is the key.
    """
    path = unquote(url.partition("?")[0]).lower()
    stem = path.rpartition("/")[2].partition(".")[0] if "." in file_name(path) else ""
    while (match := _SIZE_SUFFIX.search(stem)) and match.start() >= _MIN_STEM_CHARS:
        stem = stem[: match.start()]
    return stem if len(stem) >= _MIN_STEM_CHARS else url
