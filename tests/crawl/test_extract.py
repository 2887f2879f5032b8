"""Is extraction pure, complete, and unable to fail on any bytes?"""

import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crawl.config import CrawlConfig
from crawl.dom import parse
from crawl.extract import candidate_id, extract
from crawl.language import detect
from crawl.tame import MAX_OPEN
from crawl.walk import outline
from tests.crawl.pages import candidates, only, page

ENGLISH = "The committee said on Monday that the new bridge would be opened to traffic next year. "
GERMAN = "Der Ausschuss teilte am Montag mit, dass die neue Brücke nächstes Jahr eröffnet wird. "


def test_provenance_and_identity() -> None:
    candidate = only("<img src=a.jpg>")
    document = page("<img src=a.jpg>")
    assert candidate.page_url == document.url
    assert candidate.page_digest == document.digest
    assert (candidate.page_file, candidate.page_offset) == ("a.warc", 7)
    assert candidate.fetched_at == "2024-05-01T12:00:00Z"
    assert candidate.candidate_id == candidate_id(document, candidate.image_url)
    assert re.fullmatch("[0-9a-f]{32}", candidate.candidate_id)
    assert candidate_id(document, "https://example.org/b.jpg") != candidate.candidate_id
    moved = replace(document, file=f"elsewhere/{document.file.rsplit('/', 1)[-1]}")
    assert candidate_id(moved, candidate.image_url) == candidate.candidate_id


def test_same_page_same_candidates() -> None:
    html = "<h1>x</h1>" + "".join(f"<p class=c{i}>{ENGLISH}<img src={i}.jpg>" for i in range(20))
    assert candidates(html) == candidates(html)


@pytest.mark.parametrize(("text", "language"), [(ENGLISH, "en"), (GERMAN, "de")])
def test_language_of_the_running_text(text: str, language: str) -> None:
    menu = "<nav>" + "<a href=x>Startseite und mehr</a> " * 20 + "</nav>"
    candidate = only(f"<html lang=fr>{menu}<p>{text * 3}</p><img src=a.jpg>")
    assert candidate.language == language
    assert 0.5 < candidate.language_score <= 1


def test_page_without_words_has_no_language() -> None:
    candidate = only("<img src=a.jpg><p>123 456</p>")
    assert (candidate.language, candidate.language_score) == ("und", 0.0)
    assert detect("") == ("und", 0.0)


def test_opt_outs_reach_every_candidate() -> None:
    html = "<meta name=robots content=noimageai><img src=a.jpg><img src=b.jpg>"
    found = extract(page(html, headers=(("x-robots-tag", "noai"),)), CrawlConfig())
    assert [c.opt_out for c in found] == [("noai", "noimageai")] * 2


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<meta charset=shift_jis><img src=a.jpg alt='猫と犬'>".encode("shift_jis"), ""),
        ("<img src=a.jpg alt='猫と犬'>".encode("euc-jp"), "text/html; charset=euc-jp"),
        ("<img src=a.jpg alt='猫と犬'>".encode("utf-16"), "text/html"),
        ("<img src=a.jpg alt='猫と犬'>".encode(), ""),
    ],
)
def test_charsets(body: bytes, content_type: str) -> None:
    (candidate,) = extract(page(body, headers=(("content-type", content_type),)), CrawlConfig())
    assert candidate.text("alt") == "猫と犬"


def test_page_over_the_limit_is_not_parsed() -> None:
    html = "<img src=a.jpg>" + " " * 2000
    assert candidates(html, max_page_bytes=1000) == ()
    assert len(candidates(html, max_page_bytes=3000)) == 1


def test_deep_document_keeps_its_images() -> None:
    for tag in ("div", "i", "p"):
        deep = f"<{tag}>" * 3000 + "<img src=a.jpg>" + f"</{tag}>" * 3000 + "<img src=b.jpg>"
        assert len(candidates(deep)) == 2, tag


def test_hundred_thousand_levels_do_not_crash() -> None:
    tree = parse(b"<div>" * 100_000 + b"<img src=a.jpg>")
    assert MAX_OPEN < len(list(tree.iter())) < 2 * MAX_OPEN
    assert len(outline(tree).images) == 1


def test_huge_text_node_does_not_crash() -> None:
    body = b"<img src=a.jpg><p>" + b"a" * 50_000_000 + b"<img src=b.jpg>"
    found = extract(page(body), CrawlConfig(max_page_bytes=10**9))
    assert [c.image_url[-5:] for c in found][:1] == ["a.jpg"]


TAGS = (
    "img",
    "div",
    "p",
    "a",
    "b",
    "ul",
    "li",
    "table",
    "tr",
    "td",
    "picture",
    "source",
    "noscript",
    "figure",
    "h1",
    "script",
)
ATTRIBUTES = "src srcset data-src alt title href class id width style aria-label content property"
PIECES = st.one_of(
    st.sampled_from(["<" + tag for tag in TAGS] + ["</" + tag + ">" for tag in TAGS]),
    st.sampled_from([f' {name}="' for name in ATTRIBUTES.split()]),
    st.sampled_from(['"', ">", "/>", "'", "<!--", "-->", "<![CDATA[", "<!doctype", "&#0;", "&amp"]),
    st.sampled_from(
        ["a.jpg 2x, ", "//x/y.png", "http://[", "data:,", "\0", "\ufffe", "\U0001f600"]
    ),
    st.sampled_from(["<meta charset=", "utf-16", "<base href=", "<?xml ", "<svg>", "<plaintext>"]),
    st.text(max_size=8),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PIECES, max_size=60))
def test_no_markup_makes_it_raise(pieces: list[str]) -> None:
    document = page("".join(pieces).encode("utf-8", "surrogatepass"))
    found = extract(document, CrawlConfig())
    assert sum(c.is_main for c in found) <= 1
    assert len({c.candidate_id for c in found}) == len(found)
    assert all(text.text == " ".join(text.text.split()) != "" for c in found for text in c.texts)
    assert all(0 <= c.main_score <= 1 and 0 <= c.language_score <= 1 for c in found)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.text(max_size=40))
def test_no_bytes_make_it_raise(body: bytes, content_type: str) -> None:
    extract(page(body, headers=(("content-type", content_type),)), CrawlConfig())
    extract(page(b"<img src=a.jpg alt='" + body + b"'>"), CrawlConfig())
