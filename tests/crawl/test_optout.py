"""Which opt-out signals are read from which headers and meta elements?"""

import pytest

from crawl.optout import page_signals, response_signals


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["noai"], ("noai",)),
        (["NoAI, NoImageAI"], ("noai", "noimageai")),
        (["noindex", "noai"], ("noai", "noindex")),
        (["none"], ("noindex",)),
        (["all"], ()),
        (["index, follow"], ()),
        (["laitbot: noai"], ("noai",)),
        (["LaitBot: noai, noindex"], ("noai", "noindex")),
        (["*: noimageindex"], ("noimageindex",)),
        (["googlebot: noindex"], ()),
        (["googlebot: noindex, noai"], ()),
        (["googlebot: nofollow, laitbot: noai"], ("noai",)),
        (["noai, googlebot: noindex"], ("noai",)),
        (["googlebot: noindex", "noimageai"], ("noimageai",)),
        (["unavailable_after: 25 Jun 2030 15:00:00 PST, noai"], ("noai",)),
        (["unavailable_after: Friday, 25-Jun-30 15:00:00 UTC, noai"], ("noai",)),
        (["noai, unavailable_after: Fri, 25 Jun 2030 15:00:00 GMT"], ("noai",)),
        (["unavailable_after: 2030-06-25T15:00:00+00:00, noindex"], ("noindex",)),
        (["googlebot: unavailable_after: Friday, 25-Jun-30 15:00:00 UTC, noai"], ()),
        (["max-snippet: 20, max-image-preview: large, noai"], ("noai",)),
        (["noaiplease"], ()),
        ([""], ()),
        ([",,:,: noai"], ()),
    ],
)
def test_robots_header(values: list[str], expected: tuple[str, ...]) -> None:
    assert response_signals([("x-robots-tag", value) for value in values]) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("1", ("tdm",)), (" 1 ", ("tdm",)), ("0", ()), ("yes", ()), ("", ())]
)
def test_tdm_reservation(value: str, expected: tuple[str, ...]) -> None:
    assert response_signals([("tdm-reservation", value)]) == expected
    assert page_signals([], [("tdm-reservation", value)]) == expected


@pytest.mark.parametrize(
    ("metas", "expected"),
    [
        ([("robots", "noai, noimageai")], ("noai", "noimageai")),
        ([("robots", "NOAI noindex")], ("noai", "noindex")),
        ([("laitbot", "noai")], ("noai",)),
        ([("googlebot", "noai")], ()),
        ([("robots", "index"), ("robots", "noimageindex")], ("noimageindex",)),
        ([("description", "noai")], ()),
    ],
)
def test_meta(metas: list[tuple[str, str]], expected: tuple[str, ...]) -> None:
    assert page_signals([], metas) == expected


def test_header_and_meta_add_up() -> None:
    headers = [("x-robots-tag", "noai"), ("tdm-reservation", "1")]
    assert page_signals(headers, [("robots", "noindex")]) == ("noai", "noindex", "tdm")
