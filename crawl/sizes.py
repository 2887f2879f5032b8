"""How large does a page declare a picture to be?"""

import re

from crawl import srcset
from crawl.images import Picture

_PIXELS = re.compile(r"\s*(\d{1,5})(?:\.\d*)?\s*(?:px)?\s*\Z")
_STYLE = re.compile(r"(?<![\w-])(width|height)\s*:\s*(\d{1,5})(?:\.\d*)?px")
_URL_SIZE = re.compile(r"(?<!\d)(\d{2,4})x(\d{2,4})(?!\d)")
_URL_WIDTH = re.compile(r"[?&,/_](?:w|width|wid)[=_](\d{2,4})(?!\d)")

Size = tuple[int | None, int | None]
"""Width and height in pixels; None where the page does not say."""


def area(size: Size) -> int:
    """Square pixels; a picture of unknown height counts as a square."""
    width, height = size
    return (width or 0) * (height or width or 0)


def declared_size(picture: Picture) -> Size:
    """Width and height in pixels that the page declares for a picture, largest of its elements."""
    width = height = 0
    for seen in picture.seen[:8]:
        w, h = _element_size(seen.attributes)
        if w * max(h, 1) > width * max(height, 1):
            width, height = w, h
    if not width and not height and (match := _URL_SIZE.search(picture.urls[0])):
        width, height = int(match[1]), int(match[2])
    if not width and (match := _URL_WIDTH.search(picture.urls[0])):
        width = int(match[1])
    return width or None, height or None


def _element_size(element: dict[str, str]) -> tuple[int, int]:
    """Size by attributes, then style, then the widest srcset descriptor; 0 for unknown."""
    width = _pixels(element.get("width")) or _pixels(element.get("data-width"))
    height = _pixels(element.get("height")) or _pixels(element.get("data-height"))
    style = element.get("style")
    if style and not (width and height):
        sizes = {name: int(value) for name, value in _STYLE.findall(style)}
        width, height = width or sizes.get("width", 0), height or sizes.get("height", 0)
    if not width:
        offered = element.get("srcset") or element.get("data-srcset")
        if offered:
            width = max((image.width_px or 0 for image in srcset.parse(offered)), default=0)
    return width, height


def _pixels(value: str | None) -> int:
    match = _PIXELS.match(value) if value else None
    return int(match[1]) if match else 0
