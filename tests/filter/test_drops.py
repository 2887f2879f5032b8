"""Does a filter that drops nearly everything stop the run, and say how to go on?"""

import pytest

from filter.drops import bounds_of, check_drops
from filter.funnel import build

FUNNEL = build(
    2000,
    {
        ("page", "language"): 1000,
        ("size", "min_side"): 995,
        ("relevance", "relevance"): 5,
    },
)


@pytest.mark.parametrize(
    ("share", "shares", "n_from", "reason"),
    [
        (0.99, {}, 1000, "min_side"),
        (0.995, {}, 1000, None),
        (0.99, {"min_side": 1.0}, 1000, None),
        (0.99, {"min_side": 1.0, "language": 0.4}, 1000, "language"),
        (0.99, {}, 1001, None),
        (1.0, {}, 1, None),
        (0.995, {}, 5, "relevance"),
    ],
)
def test_share_of_what_reached_a_filter(share, shares, n_from, reason) -> None:
    if reason is None:
        check_drops(FUNNEL, share, shares, n_from)
        return
    with pytest.raises(RuntimeError, match=rf"^{reason} .*max_drop_shares=\[{reason}=1\]"):
        check_drops(FUNNEL, share, shares, n_from)


def test_bounds() -> None:
    assert bounds_of(["relevance=0.9", "min_side=1"]) == {"relevance": 0.9, "min_side": 1.0}
    assert bounds_of([]) == {}


@pytest.mark.parametrize(
    "given", ["relevance", "relevance=", "relevance=2", "relevance=nan", "weather=0.5"]
)
def test_bad_bounds(given) -> None:
    with pytest.raises(ValueError, match=f"max_drop_shares: '{given}'"):
        bounds_of([given])
