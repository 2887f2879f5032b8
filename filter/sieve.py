"""In which order do filters look at one value, and which of them drops it?"""

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from filter.verdict import Drop, Filter, Verdict

logger = logging.getLogger(__name__)

STAGES: Final = (
    "takedown",
    "page",
    "main_image",
    "text",
    "fetch",
    "known_bad",
    "decode",
    "size",
    "natural",
    "known",
    "safety",
    "relevance",
    "aggregate",
)
"""Steps of the cascade in order: cheap before costly, one candidate before many."""

ERROR: Final = "error"
"""Reason of a candidate on which a filter raised: dropped and explained, never lost."""

Item = TypeVar("Item")
Made = TypeVar("Made")

_told: set[str] = set()
_ADDRESS: Final = re.compile(r" at 0x[0-9a-f]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a filter said, and at which step of the funnel."""

    stage: str
    drop: Drop


@dataclass(frozen=True, slots=True, kw_only=True)
class Sieve(Generic[Item]):
    """Filters in order: the first that drops decides, the rest are not asked."""

    filters: tuple[Filter[Item], ...]

    def __call__(self, item: Item) -> Refusal | None:
        """None when every filter keeps `item`; else the first refusal.

        A filter that raises refuses with the reason `error`: one odd value must not stop a crawl
        of millions, nor vanish from the count.
        """
        for refuse in self.filters:
            try:
                drop = refuse(item)
            except Exception as error:
                drop = failure(error, where=type(refuse).__name__)
            if drop is not None:
                return Refusal(stage=refuse.stage, drop=drop)
        return None


def failure(error: Exception, *, where: str) -> Drop:
    """The drop of a value on which `where` raised `error`."""
    # One traceback is enough to find a bug; a million would hide it.
    first = where not in _told
    _told.add(where)
    level = logging.WARNING if first else logging.DEBUG
    logger.log(level, "%s raised on one value, which is dropped", where, exc_info=error)
    return Drop(reason=ERROR, value=f"{where}: {one_line(error)}")


def by_halves(
    items: Sequence[Item], work: Callable[[Sequence[Item]], Sequence[Made]], *, where: str
) -> list[Made | Drop]:
    """What `work` makes of many items at once; of those on which it raises, a drop each.

    A batch that raises is tried again in halves: one odd item costs its neighbours nothing.
    """
    if not items:
        return []
    try:
        return [*work(items)]
    except Exception as error:
        if len(items) == 1:
            return [failure(error, where=where)]
    middle = len(items) // 2
    parts = (items[:middle], items[middle:])
    return [made for part in parts for made in by_halves(part, work, where=where)]


def one_line(error: Exception) -> str:
    """An exception as the ledger records it: one line, the same on every run."""
    line = " ".join(f"{type(error).__name__}: {error}".split())
    return _ADDRESS.sub("", line)[:300]


def dropped(verdict: Verdict, stage: str, drop: Drop) -> Verdict:
    """The same verdict, ended at `stage`; all that was learnt before stays on it."""
    return replace(
        verdict,
        kept=False,
        stage=stage,
        reason=drop.reason,
        value=drop.value,
        threshold=drop.threshold,
    )
