"""Which pictures does a page offer, and under which URLs is each of them to be had?"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from lxml import etree

from crawl import srcset
from crawl.head import MetaImage
from crawl.outline import Box, Outline, Seen
from crawl.url import normalise

_EXTENSION = r"\.(?:jpe?g|jfif|png|webp|gif|avif|bmp|tiff?)"
_IMAGE_URL = re.compile(_EXTENSION + r"(?![a-z0-9])", re.IGNORECASE)
_URL_LIKE = re.compile(r"(?:https?:)?//[^\s{}<>|]+\Z|[./]?[\w%~.-]*/[^\s{}<>|]+\Z", re.IGNORECASE)
_LAZY_NAME = re.compile(r"\A(?:data-(?:.*-)?(?:src|original|lazy|image|img|large|full|hi-?res.*|"
                        r"(?:orig|large)-file)|lazy-?src|original|_src|load-src|pagespeed_lazy_src|"
                        r"nitro-lazy-src|rel:bf_image_src|real_src|zoomfile)\Z")  # fmt: skip
_OTHER_PICTURE = re.compile(r"placeholder|hover|loading|spinner|error|avatar|icon|logo|blank|lqip")
_PLACEHOLDER = re.compile(
    r"(?:^|[/_.-])(?:blank|spacer|placeholder|loading|loader|transparent|trans|pixel|1x1|lazy"
    r"|lazyload|gr[ae]y|dummy|clear|empty|default-image|ajax-loader|grey-box)(?:[_.-]|$)",
    re.IGNORECASE,
)
_LONE_DESCRIPTOR = re.compile(r"[\d.]+[wxh]?\Z")
_UNDECODABLE = ("image/avif", "image/jxl", "image/svg+xml", "image/heic")
_SIZE_SUFFIX = re.compile(
    r"(?:[-_.](?:\d{2,4}x\d{2,4}|\d{2,4}(?:w|px)|\d{2,3}0|scaled|large|medium|small|thumb"
    r"|thumbnail)|@[23]x)$"
)
_MIN_STEM_CHARS = 6
_SMALL_PX = 300
"""A version known to be narrower is the last to be asked for."""


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


@dataclass(frozen=True, slots=True)
class _Version:
    """One URL of an element, as spelled, with what tells it from the others."""

    url: str
    width_px: float
    """0 where the page does not say."""
    rank: int
    """Among versions of unknown width: linked original, lazy, src, what we cannot decode."""


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
    elements = [(seen, _element_urls(seen, resolve)) for seen in outline.images]
    placeholders = _shared_placeholders(urls for _, urls in elements)
    found: list[Picture] = []
    by_url: dict[str, Picture] = {}
    bare: Seen | None = None  # an element whose real URL may follow in its noscript twin
    for seen, urls in elements:
        real = [url for url in urls if url not in placeholders] or urls
        if not real or (len(real) == 1 and is_placeholder(real[0])):
            bare = seen
        picture = next((by_url[url] for url in real if url in by_url), None)
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


def _element_urls(seen: Seen, resolve: Callable[[str], str | None]) -> list[str]:
    """Absolute URLs of one element, best first, without the placeholder of a lazy one."""
    versions = list(_versions(seen))
    versions.sort(key=_preference)
    urls = list(dict.fromkeys(url for v in versions if (url := resolve(v.url))))
    if len(urls) > 1:
        urls = [url for url in urls if not is_placeholder(url)] or urls
    return urls


def _preference(version: _Version) -> tuple[int, float, int]:
    """Known widths first, widest first; then by rank; small ones last."""
    if version.rank == 9:
        return (3, 0, 0)
    if version.rank == 0:
        return (0, 0, 0)
    if 0 < version.width_px < _SMALL_PX:
        return (2, -version.width_px, version.rank)
    return (1, -version.width_px, version.rank)


def _versions(seen: Seen) -> Iterator[_Version]:
    box = seen.box
    lazy: list[str] = []
    for name, value in seen.attributes.items():
        if name == "src":
            yield _Version(value, 0, 2)
        elif name.endswith("srcset"):
            yield from _srcset_versions(value, 1)
        elif name not in _PLAIN_ATTRIBUTES and _is_lazy(name, value):
            lazy.append(value)
    for value in lazy:
        yield _Version(value, 0, 1)
    while box.tag == "source" and box.parent is not None:
        box = box.parent  # lxml takes `source` for a container
    if box.tag == "picture":
        for source in box.element.iter("source"):
            rank = 9 if (source.get("type") or "").strip().lower() in _UNDECODABLE else 1
            for name in ("srcset", "data-srcset", "data-lazy-srcset"):
                if value := source.get(name):
                    yield from _srcset_versions(value, rank)
    if link := _link_around(box):
        yield _Version(link, 0, 0)


_PLAIN_ATTRIBUTES = frozenset(
    "alt class id style title width height loading decoding sizes fetchpriority itemprop role"
    " border align srcset data-id data-width data-height data-sizes".split()
)


def _srcset_versions(value: str, rank: int) -> Iterator[_Version]:
    for image in srcset.parse(value):
        if _LONE_DESCRIPTOR.match(image.url):
            continue  # a template left the URL out
        width = image.width_px or (min(image.density, 10) * _SMALL_PX if image.density else 0)
        yield _Version(image.url, width, rank)


def _is_lazy(name: str, value: str) -> bool:
    """Whether an attribute looks like the real URL of a lazily loaded image."""
    value = value.strip()
    if len(value) < 5 or value.startswith("data:") or _OTHER_PICTURE.search(name):
        return False
    named = _LAZY_NAME.match(name) is not None
    if _IMAGE_URL.search(value) and (named or (name.startswith("data-") and "/" in value)):
        return not any(mark in value for mark in ' <>{}|"')
    return named and _URL_LIKE.match(value) is not None


def _link_around(box: Box | None) -> str | None:
    """The image file that a thumbnail links to."""
    for _ in range(4):
        if box is None:
            return None
        if box.tag == "a":
            href = (box.element.get("href") or "").strip()
            path = href.partition("?")[0]
            return href if box.n_images == 1 and _ends_as_image(path) else None
        box = box.parent
    return None


def _ends_as_image(path: str) -> bool:
    match = _IMAGE_URL.search(path, max(len(path) - 5, 0))
    # 'wiki/File:Cat.jpg' is a page about an image.
    return match is not None and match.end() == len(path) and ":" not in path.rpartition("/")[2]


def _shared_placeholders(all_urls: Iterator[list[str]]) -> set[str]:
    """Last choices that three or more different pictures share: what is shown while loading."""
    firsts: dict[str, set[str]] = {}
    for urls in all_urls:
        if len(urls) > 1:
            firsts.setdefault(urls[-1], set()).add(urls[0])
    return {url for url, pictures_of in firsts.items() if len(pictures_of) > 2}


def _stands_in(seen: Seen, bare: Seen) -> bool:
    """Whether an element in noscript follows directly on one without a usable URL."""
    box: Box | None = seen.box
    while box is not None and box.tag != "noscript":
        box = box.parent
    return box is not None and 0 < box.order - bare.order <= 3


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
    keys = {picture_key(url): picture for picture in reversed(found) for url in picture.urls}
    urls = [(url, meta) for meta in metas if (url := resolve(meta.url))]
    first = urls[0][0] if urls else ""
    for url, meta in urls:
        picture = keys.get(picture_key(url))
        if picture is None:
            picture = Picture(urls=[])
            found.append(picture)
            keys[picture_key(url)] = picture
        if picture.meta_rank < 0:
            picture.meta_rank = 0 if url == first or picture_key(url) == picture_key(first) else 1
        picture.meta_alt = picture.meta_alt or meta.alt
        if url not in picture.urls:
            picture.urls.append(url)


def is_placeholder(url: str) -> bool:
    """Whether a file's name says that it only stands in for another image: `blank.gif`."""
    return _PLACEHOLDER.search(_file_name(url)) is not None


def _file_name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


def picture_key(url: str) -> str:
    """What two sizes of one picture have in common: the file name without its size suffix.

    Short names (`1.jpg`, `photo.jpg`) say too little: their whole path is the key.
    """
    path = unquote(url.partition("?")[0]).lower()
    stem = path.rpartition("/")[2].partition(".")[0] if "." in _file_name(path) else ""
    while (match := _SIZE_SUFFIX.search(stem)) and match.start() >= _MIN_STEM_CHARS:
        stem = stem[: match.start()]
    return stem if len(stem) >= _MIN_STEM_CHARS else url
