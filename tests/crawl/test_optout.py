"""Which opt-out signals are read from which headers and meta elements?"""

import json
import time

import pytest

from crawl.optout import merged, page_signals, read_tdmrep, response_signals


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


def rule(location: object = "/", reservation: object = 1) -> dict[str, object]:
    return {"location": location, "tdm-reservation": reservation}


@pytest.mark.parametrize(
    ("rules", "path", "reserved"),
    [
        ([rule("/")], "/a.jpg", True),
        ([rule("*")], "/a.jpg", True),
        ([rule("/", "1")], "/a.jpg", True),
        ([rule("/", 0)], "/a.jpg", False),
        ([rule("/photos/")], "/photos/a.jpg?x=1", True),
        ([rule("photos/")], "/photos/a.jpg", True),
        ([rule("/photos/")], "/text/a.jpg", False),
        ([rule("/*.jpg")], "/deep/a.jpg", True),
        ([rule("/*.jpg$")], "/deep/a.jpg?x", False),
        ([rule("/*.jpg$")], "/deep/a.jpg", True),
        ([rule("/a$")], "/a", True),
        ([rule("/a$")], "/ab", False),
        ([rule("/a*a$")], "/a", False),
        ([rule("/a*b*c")], "/axxbxxcxx", True),
        ([rule("/a*b*c")], "/axxcxxbxx", False),
        ([rule("/", 0), rule("/private/")], "/private/a", True),
        ([rule("/private/"), rule("/", 0)], "/private/a", True),
        # Malformed is as good as not set.
        ([rule("/", True)], "/a.jpg", False),
        ([rule("/", "yes")], "/a.jpg", False),
        ([rule("/", None)], "/a.jpg", False),
        ([rule("")], "/a.jpg", False),
        ([rule(7)], "/a.jpg", False),
        ([{"location": "/"}], "/a.jpg", False),
        (["/"], "/a.jpg", False),
        ({"location": "/", "tdm-reservation": 1}, "/a.jpg", False),
        (1, "/a.jpg", False),
    ],
)
def test_tdmrep(rules: object, path: str, reserved: bool) -> None:
    assert read_tdmrep(json.dumps(rules).encode()).holds(path) is reserved


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"\xff\xfe[]", b"[" * 200_000, b" " * 300_000 + b"[]", b"[NaN"]
)
def test_tdmrep_that_is_none(body: bytes) -> None:
    assert read_tdmrep(body).patterns == ()


def test_tdmrep_with_byte_order_mark() -> None:
    assert read_tdmrep(b"\xef\xbb\xbf" + json.dumps([rule("/")]).encode()).holds("/x")


def test_tdmrep_pattern_takes_linear_time() -> None:
    reservations = read_tdmrep(json.dumps([rule("/" + "*a" * 500 + "*b$")]).encode())
    start = time.process_time()
    assert not reservations.holds("/" + "a" * 4000 + "c")
    assert time.process_time() - start < 0.5


def test_merged_keeps_order_and_drops_repetitions() -> None:
    assert merged(("tdm", "noai"), ("noai", "noindex")) == ("noai", "noindex", "tdm")
