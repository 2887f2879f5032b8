"""Is the paper's rule exact: both sides GREATER than 300 px?"""

import pytest

from filter.natural import Uniform
from filter.size import AspectRatio, MinSide


@pytest.mark.parametrize(
    ("width_px", "height_px", "keeps"),
    [
        (301, 301, True),
        (300, 301, False),
        (301, 300, False),
        (300, 300, False),
        (5000, 299, False),
        (1, 1, False),
    ],
)
def test_min_side(make_facts, width_px, height_px, keeps) -> None:
    drop = MinSide(min_px=300)(make_facts(width_px=width_px, height_px=height_px))
    assert (drop is None) == keeps
    if drop is not None:
        assert (drop.reason, drop.value, drop.threshold) == (
            "min_side", min(width_px, height_px), 300,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("width_px", "height_px", "keeps"),
    [(900, 301, True), (903, 301, True), (904, 301, False), (301, 904, False), (400, 400, True)],
)
def test_aspect_ratio(make_facts, width_px, height_px, keeps) -> None:
    drop = AspectRatio(max_ratio=3.0)(make_facts(width_px=width_px, height_px=height_px))
    assert (drop is None) == keeps


@pytest.mark.parametrize(("share", "keeps"), [(0.2, True), (0.97, True), (0.971, False)])
def test_uniform(make_facts, share, keeps) -> None:
    drop = Uniform(max_share=0.97)(make_facts(uniformity=share))
    assert (drop is None) == keeps
    if drop is not None:
        assert (drop.reason, drop.value) == ("uniform", share)
