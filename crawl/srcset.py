"""Which images, of which sizes, does a srcset attribute offer?"""

import re
from functools import lru_cache
from typing import NamedTuple

_SEPARATORS = re.compile(r"[\t\n\f\r ,]*")
_URL = re.compile(r"[^\t\n\f\r ]+")
# Nearly every candidate of the web: a URL that no comma ends, one plain descriptor, a comma.
_PLAIN = re.compile(
    r"[\t\n\f\r ,]*+([^\t\n\f\r ]++)(?<!,)[\t\n\f\r ]++"
    r"(?:([1-9][0-9]{0,8})w|([0-9]{1,9}(?:\.[0-9]{1,9})?)x)[\t\n\f\r ]*+(?:,|\Z)"
)
# A comma inside parentheses does not end a candidate: the standard reserves them.
_DESCRIPTORS = re.compile(r"(?:[^,(]|\([^)]*\)?)*,?")
_DESCRIPTOR = re.compile(r"(?:[^\t\n\f\r (]|\([^)]*\)?)+")
_INTEGER = re.compile(r"[0-9]+")
_FLOAT = re.compile(r"-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
MAX_CANDIDATES = 64
"""Real srcsets have a dozen; the rest of a longer one is not read."""
_MAX_REMEMBERED_CHARS = 4096


class SrcsetImage(NamedTuple):
    """One image candidate string of a srcset."""

    url: str
    """As spelled, not resolved."""
    width_px: int | None
    """The width descriptor."""
    density: float | None
    """The pixel density descriptor."""


def parse(srcset: str) -> tuple[SrcsetImage, ...]:
    """Parse a srcset attribute (HTML standard, section 4.8.4.2.2).

    Commas that do not end a URL belong to it: CDN paths like `w_300,h_200/cat.jpg` stay whole.
    """
    return (_remembered if len(srcset) <= _MAX_REMEMBERED_CHARS else _parse)(srcset)


def _parse(srcset: str) -> tuple[SrcsetImage, ...]:
    found: list[SrcsetImage] = []
    position = 0
    while len(found) < MAX_CANDIDATES:
        if plain := _PLAIN.match(srcset, position):
            url, width, density = plain.groups()
            found.append(
                SrcsetImage(url, int(width), None)
                if width
                else SrcsetImage(url, None, float(density))
            )
            position = plain.end()
            continue
        match = _URL.match(srcset, _SEPARATORS.match(srcset, position).end())  # type: ignore[union-attr]
        if match is None:
            break
        url, position = match[0], match.end()
        descriptors: list[str] = []
        if url.endswith(","):
            url = url.rstrip(",")
        else:
            rest = _DESCRIPTORS.match(srcset, position)
            assert rest is not None, (srcset, position)  # the pattern matches the empty string
            position = rest.end()
            descriptors = _DESCRIPTOR.findall(rest[0].removesuffix(","))
        if image := _image(url, descriptors):
            found.append(image)
    return tuple(found)


# Asked for each element's versions, then for its size.
_remembered = lru_cache(maxsize=256)(_parse)


def _image(url: str, descriptors: list[str]) -> SrcsetImage | None:
    """One candidate; None where descriptors contradict each other or name a zero size.

    Words that are no descriptor at all are ignored: so browsers do, and so the platform tests say.
    """
    width: int | None = None
    height: int | None = None
    density: float | None = None
    for descriptor in descriptors:
        kind, number = descriptor[-1], descriptor[:-1]
        if kind == "w" and _INTEGER.fullmatch(number):
            if width is not None or density is not None:
                return None
            width = _pixels(number)
        elif kind == "h" and _INTEGER.fullmatch(number):
            if height is not None or density is not None:
                return None
            height = _pixels(number)
        elif kind == "x" and _FLOAT.fullmatch(number) and float(number) >= 0:
            if not (width is height is density is None):
                return None
            density = float(number)
    if 0 in (width, height) or (height is not None and width is None):
        return None
    return SrcsetImage(url=url, width_px=width, density=density)


def _pixels(number: str) -> int:
    """A size; absurdly long digit strings are worth no more than a large number."""
    return int(number) if len(number) < 10 else 10**9
