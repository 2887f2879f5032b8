"""Which elements near an image are made to describe it: captions, and cells of its table?"""

from lxml import etree

from crawl.walk import holds_image, inner_text

LEVELS = 6
"""How far above an image its link and its caption may be, and above a caption its image."""
_CAPTION_TAGS = ("p", "div", "span", "dd", "small", "em", "i", "td", "li")
_MAX_CAPTIONS = 400
_CELLS = ("td", "th")
_MAX_CELLS = 8
"""A longer row is a line of data or a layout, not a picture and what it shows."""
_MAX_CELL_CHARS = 300


def captions(top: etree._Element) -> dict[etree._Element, list[str]]:
    """Texts of the caption-like elements in `top`, by the innermost element that holds an image.

    Caption-like are `figcaption` and what a class calls caption, cutline or legend.
    """
    found = [
        element
        for element in top.iter(*_CAPTION_TAGS)
        if (name := element.get("class"))
        # Capital or not, in a third of the time of a regular expression; every element is asked.
        and ("aption" in name or "utline" in name or "egend" in name)
    ]
    found += top.iter("figcaption")
    texts: dict[etree._Element, list[str]] = {}
    for element in found[:_MAX_CAPTIONS]:
        if holds_image(element):
            continue  # a box around the image and its caption is often called caption, too
        above = element.getparent()
        for _ in range(LEVELS):
            if above is None or holds_image(above):
                break
            above = above.getparent()
        if above is not None and holds_image(above):
            texts.setdefault(above, []).append(inner_text(element))
    return texts


def cell_texts(cell: etree._Element) -> list[str]:
    """What a table says about the picture in one of its cells.

    These are the words of the cell itself; of a cell without words, those of the cells beside it;
    in a row of pictures alone, those of the cell below.
    """
    if own := inner_text(cell):
        return _short([own])
    row = cell.getparent()
    if row is None or row.tag != "tr" or len(row) > _MAX_CELLS:
        return []
    cells = [element for element in row if element.tag in _CELLS]
    wordy = [element for element in cells if not holds_image(element)]
    if wordy:
        return _short([inner_text(element) for element in wordy])
    below = row.getnext()
    if below is None or below.tag != "tr" or len(below) != len(row):
        return []
    under = below[cells.index(cell)] if len(cells) == len(row) else below
    return [] if holds_image(under) or under is below else _short([inner_text(under)])


def _short(texts: list[str]) -> list[str]:
    return [text for text in texts if 0 < len(text) <= _MAX_CELL_CHARS]
