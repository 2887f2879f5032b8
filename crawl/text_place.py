"""Where does an image stand, seen from the page's heading and from the mass of its text?"""

import re
from bisect import bisect_right
from functools import cached_property
from itertools import accumulate

from crawl.names import content_words
from crawl.outline import Box, Heading, Kind, Outline, Seen

_TITLE_BREAK = re.compile(r"\s[|–—·»:-]\s|\|")
_TEXT_SHARE = 0.4
"""The box that holds this share of the running text holds the article."""
_NEAR_LEVELS = 4


class TextPlaces:
    """The text of one page, ready to be asked where an image stands in it."""

    def __init__(self, outline: Outline, title: str) -> None:
        self._outline = outline
        self.enough_chars = max(outline.n_chars * _TEXT_SHARE, 1.0)
        """Characters of running text in a box that holds the article."""
        title_words = content_words(_own_title(title))
        self.heading = _page_heading(outline, title_words)
        """The page's own heading, None where no heading is that."""
        heading_words = content_words(self.heading.text if self.heading else "")
        self.title_words = title_words | heading_words

    def heading_distance(self, seen: Seen) -> int:
        """Elements between image and page heading; -1 without one."""
        return abs(seen.order - self.heading.order) if self.heading else -1

    def is_before_heading(self, seen: Seen) -> bool:
        """The image stands above the page heading."""
        return self.heading is not None and seen.order < self.heading.order

    def headings_between(self, seen: Seen) -> int:
        """Other headings between image and page heading; -1 without one."""
        if self.heading is None:
            return -1
        above = bisect_right(self._heading_orders, seen.order)
        own = bisect_right(self._heading_orders, self.heading.order)
        return above - own if seen.order >= self.heading.order else own - 1 - above

    def levels_to_text(self, box: Box) -> int:
        """Ancestors to climb from `box` to one that holds the article; -1 when none does."""
        level = 0
        above: Box | None = box
        while above is not None and self._outline.n_chars:
            if above.n_chars >= self.enough_chars:
                return level
            level += 1
            above = above.parent
        return -1

    def levels_apart(self, box: Box, levels_to_text: int) -> int:
        """Levels from the innermost box that holds the article out to one that holds `box` too."""
        return self._text_depth - box.depth + levels_to_text if levels_to_text >= 0 else -1

    def share_before(self, seen: Seen) -> float:
        """Share of the running text that comes before an image."""
        return self._chars_before[seen.block] / max(self._outline.n_chars, 1)

    @cached_property
    def _text_depth(self) -> int:
        """Depth of the innermost box that holds the article."""
        enough, deepest = self.enough_chars, 0
        for seen in self._outline.images:
            above: Box | None = seen.box
            while above is not None and above.depth > deepest:
                if above.n_chars >= enough:
                    deepest = above.depth
                above = above.parent
        return deepest

    @cached_property
    def _chars_before(self) -> list[int]:
        page = self._outline
        lengths = (
            len(text) if kind is Kind.RUNNING else 0
            for text, kind in zip(page.blocks, page.kinds, strict=True)
        )
        return list(accumulate(lengths, initial=0))

    @cached_property
    def _heading_orders(self) -> list[int]:
        return [heading.order for heading in self._outline.headings]


def chars_near(box: Box) -> int:
    """Characters of running text in the nearest ancestor that has any, a few levels up."""
    above: Box | None = box
    for _ in range(_NEAR_LEVELS):
        if above is None:
            break
        if above.n_chars:
            return above.n_chars
        above = above.parent
    return 0


def _own_title(title: str) -> str:
    """A title without the name of the site: its longest part."""
    return max(_TITLE_BREAK.split(title), key=len)


def _page_heading(outline: Outline, title_words: frozenset[str]) -> Heading | None:
    """The first h1; where there is none, the first heading that repeats half of the title."""
    for heading in outline.headings:
        if heading.level == 1:
            return heading
    for heading in outline.headings:
        if 2 * len(content_words(heading.text) & title_words) >= max(len(title_words), 2):
            return heading
    return None
