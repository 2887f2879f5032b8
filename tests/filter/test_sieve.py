"""Does the first refusal decide, and does a filter that raises drop its value, not lose it?"""

import logging
from dataclasses import dataclass
from typing import ClassVar

import pytest

from filter.sieve import ERROR, Refusal, Sieve, dropped
from filter.verdict import Drop, Filter


@dataclass(frozen=True, slots=True, kw_only=True)
class Above:
    stage: ClassVar[str] = "size"
    bound: int
    asked: list[int]

    def __call__(self, item: int, /) -> Drop | None:
        self.asked.append(item)
        if item > self.bound:
            return None
        return Drop(reason=f"not_above_{self.bound}", value=item, threshold=self.bound)


@dataclass(frozen=True, slots=True, kw_only=True)
class Raises:
    stage: ClassVar[str] = "natural"

    def __call__(self, item: int, /) -> Drop | None:
        raise OSError(f"bad\nluck at {object()!r}")


def test_the_first_refusal_decides_and_later_filters_are_not_asked() -> None:
    later = Above(bound=5, asked=[])
    sieve: Sieve[int] = Sieve(filters=(Above(bound=2, asked=[]), later))
    assert sieve(1) == Refusal(stage="size", drop=Drop(reason="not_above_2", value=1, threshold=2))
    assert later.asked == []
    refusal = sieve(4)
    assert refusal is not None
    assert refusal.drop.reason == "not_above_5"
    assert sieve(9) is None


def test_filters_follow_the_protocol() -> None:
    assert isinstance(Above(bound=1, asked=[]), Filter)


def test_a_filter_that_raises_drops_its_value(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        sieve: Sieve[int] = Sieve(filters=(Raises(),))
        refusal = sieve(1)
    assert refusal is not None
    assert (refusal.stage, refusal.drop.reason) == ("natural", ERROR)
    detail = str(refusal.drop.value)
    assert "Raises: OSError: bad luck" in detail
    assert "\n" not in detail
    assert "0x" not in detail, "an address differs from run to run"
    assert "Raises" in caplog.text


def test_a_dropped_verdict_keeps_what_was_learnt(make_verdict) -> None:
    verdict = make_verdict(1)
    ended = dropped(verdict, "relevance", Drop(reason="relevance", value=0.1, threshold=0.5))
    assert (ended.kept, ended.stage, ended.reason) == (False, "relevance", "relevance")
    assert (ended.value, ended.threshold) == (0.1, 0.5)
    assert (ended.image, ended.text) == (verdict.image, verdict.text)
