"""Does extraction survive whatever a web server may send, in bounded time and memory?"""

import random
import tarfile
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crawl.candidate import Candidate
from crawl.config import CrawlConfig
from crawl.extract import extract
from tests.crawl.pages import page

CONFIG = CrawlConfig()
SLOW = settings(
    max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
QUICK = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
MAX_CPU_S = 20
"""For the most hostile page of 1 MiB; a second is usual, and what is not bounded takes minutes."""


def check(found: tuple[Candidate, ...]) -> None:
    """What holds for the candidates of any page."""
    assert sum(candidate.is_main for candidate in found) <= 1
    assert len({candidate.candidate_id for candidate in found}) == len(found)
    assert len(found) <= CONFIG.max_images_per_page + 8
    for candidate in found:
        assert candidate.image_url.startswith(("http://", "https://"))
        assert 0 <= candidate.main_score <= 1
        assert 0 <= candidate.language_score <= 1
        for text in candidate.texts:
            assert text.text == " ".join(text.text.split()) != ""


def words(text: str) -> list[str]:
    return text.split()


TAGS = words(
    "html head body div p a b span ul li table tr td th figure figcaption picture source img image"
    " amp-img noscript h1 h2 script style template svg math select option iframe textarea title"
    " meta link base article main nav video"
)
NAMES = words(
    "src srcset data-src data-srcset alt title href class id width height style aria-label"
    " aria-labelledby content property name rel type itemprop data-caption sizes xlink:href"
)
VALUES = st.one_of(
    st.sampled_from(
        words(
            "a.jpg /b.png //c/d.webp http://[ data:, # ? og:image caption wp-caption-text 1x 300w"
            " application/ld+json noindex ../../e.gif%20 http://example.org:99999/ \U0001f600.jpg"
        )
    ),
    st.sampled_from(["a.jpg 1x, b.jpg 2x", "a 0w, (, ) 1e999x", '{"@type":"ImageObject"}']),
    st.text(max_size=12),
)
OPENING = st.builds(
    lambda tag, attributes, end: f"<{tag}" + "".join(f' {n}="{v}"' for n, v in attributes) + end,
    st.sampled_from(TAGS),
    st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=4),
    st.sampled_from([">", "/>", "", " ", ">words of some length to be read. "]),
)
PIECES = st.one_of(
    OPENING,
    OPENING,
    st.sampled_from(TAGS).map(lambda tag: f"</{tag}>"),
    st.sampled_from(["<!--", "-->", "<![CDATA[", "]]>", "<!doctype", "<?x", "&#0;", "&#x110000;"]),
    st.text(max_size=20),
)
MARKUP = st.lists(PIECES, max_size=60).map("".join)
CONTENT_TYPES = st.one_of(
    st.just(""), st.text(max_size=30), st.sampled_from(["text/html; charset=utf-16", "charset=gbk"])
)


def run(body: bytes, content_type: str = "") -> None:
    check(extract(page(body, headers=(("content-type", content_type),)), CONFIG))


@QUICK
@given(MARKUP, CONTENT_TYPES)
def test_markup(markup: str, content_type: str) -> None:
    run(markup.encode("utf-8", "surrogatepass"), content_type)


@QUICK
@given(st.binary(max_size=600), CONTENT_TYPES)
def test_bytes(body: bytes, content_type: str) -> None:
    run(body, content_type)
    run(b"<img src=a.jpg alt='" + body + b"'><p>" + body, content_type)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@SLOW
@given(MARKUP, CONTENT_TYPES)
def test_much_markup(markup: str, content_type: str) -> None:
    run(markup.encode("utf-8", "surrogatepass"), content_type)


def mutate(body: bytes, chance: random.Random) -> bytes:
    """A real page, damaged: cut, doubled, spliced, with bytes changed."""
    parts = bytearray(body)
    for _ in range(chance.randint(1, 12)):
        at = chance.randrange(len(parts) + 1)
        end = min(at + chance.choice([1, 3, 40, 2_000]), len(parts))
        kind = chance.randrange(4)
        if kind == 0:
            del parts[at:end]
        elif kind == 1:
            parts[at:at] = parts[at:end] * chance.randint(1, 20)
        elif kind == 2:
            parts[at:at] = chance.choice(
                [b"<", b">", b'"', b"'", b"<!--", b"<script>", b"\0", b"<b"]
            )
        else:
            parts[at:end] = chance.randbytes(end - at)
    return bytes(parts)


def corpus_files(shared_data: Path) -> list[bytes]:
    folder = shared_data / "corpora/html/html5lib-tests"
    files = [*folder.rglob("*.dat"), *folder.rglob("*.test"), *folder.rglob("*.txt")]
    return [file.read_bytes()[:100_000] for file in sorted(files)]


def test_mutated_files(shared_data: Path) -> None:
    chance = random.Random(1)
    for body in corpus_files(shared_data):
        run(mutate(body, chance))


@pytest.mark.slow
def test_mutated_pages(shared_data: Path) -> None:
    """Real pages, each damaged in five ways."""
    chance = random.Random(2)
    n_pages = 0
    with tarfile.open(shared_data / "mainimage/html.tar.xz") as archive:
        for member in archive:
            if file := archive.extractfile(member) if member.isfile() else None:
                body = file.read()
                n_pages += 1
                for _ in range(5):
                    run(mutate(body, chance))
    assert n_pages > 200


def filled(piece: str, n_bytes: int = 2**20) -> str:
    return piece * (n_bytes // len(piece))


HOSTILE = {
    "images": filled("<img src=a>"),
    "pictures": "".join(f"<img src=/{i}.jpg>" for i in range(60_000)),
    "levels": filled("<div>") + "<img src=a>",
    "levels of images": filled("<div><img src=a.jpg>"),
    "figures": filled("<figure><img src=a.jpg><figcaption>x"),
    "captions": filled("<p class=caption>a") + "<img src=a>",
    "captions in one box": "<div><img src=a>" + filled("<p class=caption>a</p>"),
    "links": filled("<a href=b><img src=a.jpg>words"),
    "cells": "<table>" + filled("<tr><td><img src=a.jpg><td>x"),
    "one row": "<table><tr>" + filled("<td><img src=a.jpg>"),
    "attributes": "<img " + " ".join(f"a{i}=b" for i in range(100_000)) + " src=a>",
    "attributes of many tags": ("<p " + " ".join(f"a{i}" for i in range(2_000)) + ">") * 90,
    "metas": filled("<meta property=og:image content=a.jpg>"),
    "srcset": "<img srcset='" + ", ".join(f"{i}.jpg {i}w" for i in range(1, 10_000)) + "'>",
    "srcsets": filled("<img srcset='a 1x, b 2x, c 3x, d 4x'>"),
    "brackets in srcset": "<img srcset='" + filled("a (") + "'>",
    "picture": "<picture>" + filled("<source srcset='a 1x, b 2x'>") + "<img src=c></picture>",
    "headings": filled("<h2>a</h2><img src=b>"),
    "noscripts": filled("<img><noscript><img src=a></noscript>"),
    "navs": filled("<nav>") + "<img src=a>",
    "labels": "<p id=x>" + filled("<img src=a aria-labelledby='x x x'>", 2**18),
    "line breaks": "<p>" + filled("a<br>"),
    "words": "<img src=a><p>" + filled("word "),
    "no words": "<img src=a>" + filled("<p> "),
    "comments": filled("<!-- a -->") + "<img src=a>",
    "linked data": "<script type=application/ld+json>" + filled('[{"@type":"ImageObject"', 199_000),
    "entities": "<img src=a alt='" + filled("&amp;&lt;&#x1F600;") + "'>",
    "ends": filled("</html>") + "<img src=a>",
    "unclosed": filled("<img src='a") + "'>",
    "letters": "<" + filled("a") + "><img src=a>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_page_takes_bounded_time(name: str) -> None:
    start = time.process_time()
    found = extract(page(HOSTILE[name]), CONFIG)
    assert time.process_time() - start < MAX_CPU_S
    check(found)


def test_page_over_the_limit_is_not_parsed() -> None:
    assert extract(page(b"<img src=a>" + b"a" * CONFIG.max_page_bytes), CONFIG) == ()


def test_memory_is_given_back() -> None:
    """Nothing is remembered from page to page."""
    html = "".join(f"<p class=c{i}><img src={i}.jpg alt='number {i}'>words" for i in range(60))
    extract(page(html), CONFIG)
    tracemalloc.start()
    for i in range(60):
        extract(page(html.replace("number", f"page {i}")), CONFIG)
        if i == 20:
            early = tracemalloc.get_traced_memory()[0]
    late = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert late < early + 500_000
