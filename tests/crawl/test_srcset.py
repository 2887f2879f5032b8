"""Is srcset parsed as the HTML standard's algorithm parses it?"""

import json
from pathlib import Path

import pytest

from crawl.srcset import MAX_CANDIDATES, SrcsetImage, parse


def test_platform_cases(shared_data: Path) -> None:
    """All 96 cases of the web platform tests."""
    cases = json.loads((shared_data / "corpora/html/wpt-srcset/cases.json").read_text())["cases"]
    assert len(cases) == 96
    for case in cases:
        images = parse(case["srcset"])
        assert (images[0].url if images else "") == case["expect"], case


@pytest.mark.parametrize(
    ("srcset", "expected"),
    [
        ("a.jpg 320w, b.jpg 640w", [("a.jpg", 320, None), ("b.jpg", 640, None)]),
        ("a.jpg, b.jpg 2x,", [("a.jpg", None, None), ("b.jpg", None, 2.0)]),
        ("w_300,h_200/a.jpg 300w,b.jpg 1x", [("w_300,h_200/a.jpg", 300, None), ("b.jpg", None, 1)]),
        ("a.jpg 300w 200h", [("a.jpg", 300, None)]),
        ("a.jpg (x, y) 2x, b.jpg", [("a.jpg", None, 2.0), ("b.jpg", None, None)]),
        ("a.jpg 0w, b.jpg 1w 2x, c.jpg 5w", [("c.jpg", 5, None)]),
    ],
)
def test_candidates(srcset: str, expected: list[tuple[str, int | None, float | None]]) -> None:
    assert parse(srcset) == tuple(
        SrcsetImage(url=url, width_px=width, density=density) for url, width, density in expected
    )


def test_ten_thousand_candidates_are_bounded() -> None:
    assert len(parse(", ".join(f"{i}.jpg {i}w" for i in range(1, 10_000)))) == MAX_CANDIDATES
    for hostile in ("(" * 10**6, "a (" * 10**5, "," * 10**6, "a " + "9" * 10**6 + "w"):
        parse(hostile)
