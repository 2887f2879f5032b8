"""Which running text stands before and after an image?"""

import re
from bisect import bisect_left
from collections.abc import Callable
from functools import cached_property

from crawl.outline import Kind, Outline, Seen

_MAX_BLOCKS = 40
"""Blocks looked at on each side of an image for running text."""
_RUNNING, _SHORT, _HEADING = Kind.RUNNING, Kind.SHORT, Kind.HEADING
_SENTENCE_END = re.compile(r"[.!?…]['\")\]”’»]*\s|[。！？]")


class Surroundings:
    """The running text of one page, ready to be asked what stands around an image."""

    def __init__(self, outline: Outline, max_chars: int) -> None:
        """
        Args:
            outline: The page.
            max_chars: Characters kept on each side, cut at a sentence or word boundary.
        """
        self._outline = outline
        self._max_chars = max_chars

    def around(self, seen: Seen) -> list[str]:
        """Blocks of running text around an image, in reading order, one text for each block."""
        before = self._collect(seen.block, -1, _last_sentences)
        return [*reversed(before), *self._collect(seen.block, 1, _first_sentences)]

    @cached_property
    def _landmarks(self) -> list[int]:
        """Indices of running texts and headings: the only blocks that matter at a distance."""
        kinds = self._outline.kinds
        return [i for i, kind in enumerate(kinds) if kind is _RUNNING or kind is _HEADING]

    def _collect(self, block: int, step: int, cut: Callable[[str, int], str]) -> list[str]:
        """Running text from a block on or, with step -1, before it, inside one section."""
        kinds, blocks, marks = self._outline.kinds, self._outline.blocks, self._landmarks
        at = bisect_left(marks, block)
        if step > 0:
            first, near = block, marks[at : at + _MAX_BLOCKS]
        else:
            first, near = block - 1, marks[max(at - _MAX_BLOCKS, 0) : at][::-1]
        # Only right beside the image does a short text count, if it is more than a label.
        if 0 <= first < len(kinds) and kinds[first] is _SHORT and blocks[first].count(" ") > 1:
            near = [first, *near]
        texts: list[str] = []
        left = self._max_chars
        for index in near:
            if abs(index - first) >= _MAX_BLOCKS:
                break
            if kinds[index] is _HEADING:
                if texts or step < 0:
                    break
                continue
            text = blocks[index]
            texts.append(text if len(text) <= left else cut(text, left))
            left -= len(text)
            if left <= 0:
                break
        return texts


def _first_sentences(text: str, limit: int) -> str:
    """The beginning of a text, cut after a sentence or, failing that, a word."""
    head = text[:limit]
    ends = [match.end() for match in _SENTENCE_END.finditer(head)]
    return head[: ends[-1]] if ends else head.rpartition(" ")[0]


def _last_sentences(text: str, limit: int) -> str:
    """The end of a text, cut before a sentence or, failing that, a word."""
    tail = text[-limit:]
    match = _SENTENCE_END.search(tail)
    return tail[match.end() :] if match else tail.partition(" ")[2]
