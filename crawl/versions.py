"""Under which URLs does one image element offer its picture, and which is the best of them?"""

import re
from collections.abc import Callable
from functools import lru_cache

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
_FULL_SIZE, _USUAL, _SMALL, _LAST_RESORT = range(4)
_SRCSETS = ("srcset", "data-srcset", "data-lazy-srcset")
_LOOKS_LAZY, _NAMED_LAZY = range(1, 3)
_MAX_NAME_CHARS = 64
_SVG_SOURCES = ("href", "xlink:href")

_Version = tuple[int, float, int, int, str]
"""One URL of an element, as spelled, behind what it is sorted by: its group, its width in pixels
(negative; 0 where the page does not say), its rank, its place."""


def element_urls(seen: Seen, resolve: Callable[[str], str | None]) -> list[str]:
    """Absolute URLs of one element, best first, without the placeholder of a lazy one.

    Best is the full-size file that the image links to, then the widest of srcsets and `picture`
    sources, lazy attributes, `src`; last what is small or in a format we cannot decode.
    """
    versions = _versions(seen)
    if len(versions) == 1:
        url = resolve(versions[0][-1])
        return [url] if url else []
    versions.sort()
    urls = list(dict.fromkeys([url for *_, v in versions if (url := resolve(v))]))
    if len(urls) > 1:
        urls = [url for url in urls if not is_placeholder(url)] or urls
    return urls


def _versions(seen: Seen) -> list[_Version]:
    found: list[_Version] = []
    lazy: list[str] = []
    for name, value in seen.attributes.items():
        if name == "src":
            found.append((_USUAL, 0, _SRC, len(found), value))
        elif name in _PLAIN_ATTRIBUTES:
            pass
        elif name in _SVG_SOURCES:  # of an `image`; a drawing often has a `src` to fall back on
            found.append((_LAST_RESORT, 0, _SRC, len(found), value))
        elif name.endswith("srcset"):
            _add_srcset(found, value, _LAZY)
        elif (named := len(name) < _MAX_NAME_CHARS and _laziness(name)) and _is_image_url(
            value, named == _NAMED_LAZY
        ):
            lazy.append(value)
    for value in lazy:
        found.append((_USUAL, 0, _LAZY, len(found), value))
    box = seen.box
    while box.tag == "source" and box.parent is not None:
        box = box.parent  # lxml takes `source` for a container
    if box.tag == "picture":
        for source in box.element.iter("source"):
            kind = (source.get("type") or "").strip().lower()
            rank = _UNDECODED if kind in _UNDECODABLE else _LAZY
            for name in _SRCSETS:
                if offered := source.get(name):
                    _add_srcset(found, offered, rank)
    if link := _link_around(box):
        found.append((_FULL_SIZE, 0, _LINKED, len(found), link))
    return found


def _add_srcset(found: list[_Version], value: str, rank: int) -> None:
    for url, width_px, density in srcset.parse(value):
        if _LONE_DESCRIPTOR.match(url):
            continue  # a template left the URL out
        width = width_px or (min(density, 10) * _SMALL_PX if density else 0)
        group = _SMALL if 0 < width < _SMALL_PX else _USUAL
        found.append((_LAST_RESORT if rank == _UNDECODED else group, -width, rank, len(found), url))


@lru_cache(maxsize=1024)
def _laziness(name: str) -> int:
    """Whether an attribute of this name may hold the URL of a lazily loaded image: 0 if not."""
    if _OTHER_PICTURE.search(name):
        return 0
    if _LAZY_NAME.match(name):
        return _NAMED_LAZY
    return _LOOKS_LAZY if name.startswith("data-") else 0


def _is_image_url(value: str, named: bool) -> bool:
    """Whether an attribute's value is the URL of an image, its name saying so or not."""
    value = value.strip()
    if len(value) < 5 or value.startswith("data:"):
        return False
    if (named or "/" in value) and _IMAGE_URL.search(value):
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
