"""Do references resolve as the WHATWG URL standard says, and are unusable ones refused?"""

import json
from pathlib import Path

import pytest

from crawl.url import MAX_URL_CHARS, normalise

BASE = "https://example.org/a/b.html"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("c.jpg", "https://example.org/a/c.jpg"),
        ("/c.jpg", "https://example.org/c.jpg"),
        ("../c.jpg?x=1#top", "https://example.org/c.jpg?x=1"),
        ("//cdn.example.net/c.jpg", "https://cdn.example.net/c.jpg"),
        ("HTTP://EXAMPLE.net:80/C.jpg", "http://example.net/C.jpg"),
        ("https:\\\\example.net\\c.jpg", "https://example.net/c.jpg"),
        ("  c d.jpg\n", "https://example.org/a/c%20d.jpg"),
        ("?page=2", "https://example.org/a/b.html?page=2"),
        ("\ud800.jpg", "https://example.org/a/%EF%BF%BD.jpg"),
        ("http://0x7f000001/", "http://127.0.0.1/"),
    ],
)
def test_reference_resolves(reference: str, expected: str) -> None:
    assert normalise(reference, BASE) == expected


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "   ",
        "#",
        "#top",
        "data:image/gif;base64,R0lGOD",
        "javascript:void(0)",
        "about:blank",
        "mailto:a@example.org",
        "ftp://example.org/c.jpg",
        "file:///etc/passwd",
        "http://",
        "http://exa mple.org/",
        "x" * (MAX_URL_CHARS + 1),
        "ä" * (MAX_URL_CHARS // 2),
    ],
)
def test_unusable_reference_is_none(reference: str) -> None:
    assert normalise(reference, BASE) is None


def test_absolute_url_needs_no_base() -> None:
    assert normalise("https://example.org/c.jpg", "") == "https://example.org/c.jpg"
    assert normalise("https://example.org/c.jpg", "nonsense") == "https://example.org/c.jpg"
    assert normalise("c.jpg", "") is None


def test_platform_cases(shared_data: Path) -> None:
    """Every http(s) case of the web platform's URL tests resolves to the expected URL."""
    files = sorted((shared_data / "corpora/url").rglob("urltestdata*.json"))
    cases = [
        case
        for file in files
        for case in json.loads(file.read_text("utf-8", "surrogatepass"))
        if isinstance(case, dict)
    ]
    assert len(cases) > 800
    checked = 0
    for case in cases:
        base = case.get("base") or ""
        got = normalise(case["input"], base)
        if case.get("failure"):
            # An unusable base leaves absolute references usable: a choice of ours.
            assert got is None or normalise(base, "") is None, case
        elif case["href"].startswith(("http://", "https://")) and case["input"].strip()[:1] not in (
            "",
            "#",
        ):
            assert got == case["href"].partition("#")[0], case
            checked += 1
    assert checked > 200
