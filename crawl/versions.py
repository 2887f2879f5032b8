"""Under which URLs does one image element offer its picture, and which is the best of them?"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from crawl import srcset
from crawl.outline import Box, Seen

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
_LINK_LEVELS = 4
_SMALL_PX = 300
"""A version known to be narrower is the last to be asked for."""


_PLAIN = (
    "alt class id style title width height loading decoding sizes fetchpriority itemprop role"
    " border align data-id data-width data-height data-sizes"
)
_PLAIN_ATTRIBUTES = frozenset(_PLAIN.split())
"""Attributes that never hold a URL of the picture; skipped before anything is matched."""
_LINKED, _LAZY, _SRC, _UNDECODED = range(4)
"""Ranks among the versions of one element whose width the page does not say."""


class _Version(NamedTuple):
    """One URL of an element, as spelled, with what tells it from the others."""

    url: str
    width_px: float
    """0 where the page does not say."""
    rank: int


def element_urls(seen: Seen, resolve: Callable[[str], str | None]) -> list[str]:
    """Absolute URLs of one element, best first, without the placeholder of a lazy one.

    Best is the full-size file that the image links to, then the widest of srcsets and `picture`
    sources, lazy attributes, `src`; last what is small or in a format we cannot decode.
    """
    versions = list(_versions(seen))
    if len(versions) > 1:
        versions.sort(key=_preference)
    urls = list(dict.fromkeys([url for v in versions if (url := resolve(v.url))]))
    if len(urls) > 1:
        urls = [url for url in urls if not is_placeholder(url)] or urls
    return urls


def _preference(version: _Version) -> tuple[int, float, int]:
    if version.rank == _LINKED:
        group = 0
    elif version.rank == _UNDECODED:
        group = 3
    else:
        group = 2 if 0 < version.width_px < _SMALL_PX else 1
    return group, -version.width_px, version.rank


def _versions(seen: Seen) -> Iterator[_Version]:
    lazy: list[str] = []
    for name, value in seen.attributes.items():
        if name == "src":
            yield _Version(value, 0, _SRC)
        elif name in _PLAIN_ATTRIBUTES:
            pass
        elif name.endswith("srcset"):
            yield from _srcset_versions(value, _LAZY)
        elif _is_lazy(name, value):
            lazy.append(value)
    for value in lazy:
        yield _Version(value, 0, _LAZY)
    box = seen.box
    while box.tag == "source" and box.parent is not None:
        box = box.parent  # lxml takes `source` for a container
    if box.tag == "picture":
        for source in box.element.iter("source"):
            kind = (source.get("type") or "").strip().lower()
            rank = _UNDECODED if kind in _UNDECODABLE else _LAZY
            for name in ("srcset", "data-srcset", "data-lazy-srcset"):
                if offered := source.get(name):
                    yield from _srcset_versions(offered, rank)
    if link := _link_around(box):
        yield _Version(link, 0, _LINKED)


def _srcset_versions(value: str, rank: int) -> Iterator[_Version]:
    for image in srcset.parse(value):
        if _LONE_DESCRIPTOR.match(image.url):
            continue  # a template left the URL out
        width = image.width_px or (min(image.density, 10) * _SMALL_PX if image.density else 0)
        yield _Version(image.url, width, rank)


def _is_lazy(name: str, value: str) -> bool:
    """Whether an attribute looks like the real URL of a lazily loaded image."""
    if not name.startswith("data-") and not _LAZY_NAME.match(name):
        return False
    value = value.strip()
    if len(value) < 5 or value.startswith("data:") or _OTHER_PICTURE.search(name):
        return False
    named = _LAZY_NAME.match(name) is not None
    if _IMAGE_URL.search(value) and (named or "/" in value):
        # Spaces in a file's name are common; elsewhere they separate something else than a URL.
        spaced = " " in value and not (named and _ends_as_image(value))
        return not spaced and not any(mark in value for mark in '<>{}|"')
    return named and _URL_LIKE.match(value) is not None


def _link_around(box: Box) -> str | None:
    """The image file that a thumbnail links to."""
    above: Box | None = box
    for _ in range(_LINK_LEVELS):
        if above is None:
            return None
        if above.tag == "a":
            href = (above.element.get("href") or "").strip()
            # Two, because a lazy image has a twin in noscript.
            alone = above.n_images <= 2
            return href if alone and _ends_as_image(href.partition("?")[0]) else None
        above = above.parent
    return None


def _ends_as_image(path: str) -> bool:
    match = _IMAGE_URL.search(path, max(len(path) - 5, 0))
    # 'wiki/File:Cat.jpg' is a page about an image.
    return match is not None and match.end() == len(path) and ":" not in path.rpartition("/")[2]


def is_placeholder(url: str) -> bool:
    """Whether a file's name says that it only stands in for another image: `blank.gif`."""
    return _PLACEHOLDER.search(file_name(url)) is not None


def file_name(url: str) -> str:
    """The last part of a URL's path."""
    return url.partition("?")[0].rpartition("/")[2]
