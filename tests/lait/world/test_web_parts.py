"""Do the small parts of the web do what they say: URL styles, markup, captions, damage, codings?"""

import gzip
from collections import Counter
from dataclasses import replace

import pytest

from lait.world.page import Delivery, Draft, Rendition, Slot, UrlStyle
from lait.world.page_broken import break_html
from lait.world.page_language import ENGLISH
from lait.world.page_markup import link, main, picture
from lait.world.scene import make_scene
from lait.world.web_response import Response
from lait.world.web_text import CAPTIONS_PER_PAGE, CaptionBook

PAGE = "https://a.example/news/7/story.html"
BEST = Rendition(url="https://a.example/img/big%20one.jpg", width_px=800, height_px=600)
SMALL = Rendition(url="https://a.example/img/small.jpg", width_px=400, height_px=300)
DRAFT = Draft(
    url=PAGE,
    language="en",
    chrome=ENGLISH,
    url_style="absolute",
    base_url="",
    charset="utf-8",
    declared="meta",
    site_name="A",
    title="T",
    heading="H",
    author="N",
    date="2020-01-01",
    slots=(),
    caption=None,
    lead=(),
    body=(),
    far=(),
    og_image="",
    robots="",
)


@pytest.mark.parametrize(
    ("style", "base", "url", "written"),
    [
        ("absolute", "", "https://a.example/i/x.jpg?w=1", "https://a.example/i/x.jpg?w=1"),
        ("root", "", "https://a.example/i/x.jpg?w=1", "/i/x.jpg?w=1"),
        ("root", "", "https://cdn.example/i/x.jpg", "https://cdn.example/i/x.jpg"),
        ("relative", "", "https://a.example/news/x.jpg?w=1", "../x.jpg?w=1"),
        ("relative", "", "https://a.example/news/7/x.jpg", "x.jpg"),
        ("relative", "", "https://a.example/news/", "../"),
        ("relative", "", "https://b.example/x.jpg", "https://b.example/x.jpg"),
        ("protocol", "", "https://b.example/x.jpg?w=1", "//b.example/x.jpg?w=1"),
        ("base", "https://a.example/s/", "https://a.example/s/t/x.jpg", "t/x.jpg"),
        ("base", "https://a.example/s/", "https://a.example/x.jpg", "https://a.example/x.jpg"),
    ],
)
def test_urls_are_written_in_the_style_of_the_site(
    style: UrlStyle, base: str, url: str, written: str
) -> None:
    assert link(replace(DRAFT, url_style=style, base_url=base), url) == written


@pytest.mark.parametrize(
    ("delivery", "expected"),
    [
        ("plain", ['src="https://a.example/img/big one.jpg"', 'alt="a &amp; b"']),
        ("srcset_width", ['srcset="https://a.example/img/small.jpg 400w, ', "one.jpg 800w"]),
        ("srcset_density", ["small.jpg 1x, ", "big%20one.jpg 2x"]),
        ("picture", ["<picture><source", 'srcset="', " 800w", "</picture>"]),
        ("lazy_src", ['src="data:image', 'data-src="https://a.example/img/big one.jpg"']),
        ("lazy_original", ['src="data:image', "data-original="]),
        ("lazy_srcset", ['src="data:image', "data-srcset=", "big%20one.jpg 800w"]),
        ("lazy_picture", ["<source", "data-srcset=", "data-src="]),
        ("noscript_lazy", ["data-src=", "<noscript><img src="]),
        ("noscript_only", ["<span", "<noscript><img src="]),
    ],
)
def test_deliveries(delivery: Delivery, expected: list[str]) -> None:
    slot = Slot(role="main", renditions=(BEST, SMALL), alt="a & b", delivery=delivery)
    html = picture(DRAFT, slot)
    assert [part for part in expected if part not in html] == [], html
    assert html.count("<img") == (2 if delivery == "noscript_lazy" else 1)


def test_the_frame_of_a_caption_goes_with_the_caption() -> None:
    slot = Slot(role="main", renditions=(BEST,))
    frame = "<figure>{image}[[<figcaption>{caption}</figcaption>]]</figure>"
    bare = main(replace(DRAFT, slots=(slot,)), frame)
    told = main(replace(DRAFT, slots=(slot,), caption="1 < 2"), frame)
    assert "figcaption" not in bare
    assert "<figcaption>1 &lt; 2</figcaption></figure>" in told
    assert main(DRAFT, frame) == ""


def test_captions_are_handed_out_evenly() -> None:
    book, scene = CaptionBook(), make_scene(5)
    given = Counter(book.take(scene, 1)[0] for _ in range(2 * CAPTIONS_PER_PAGE))
    assert set(given.values()) == {2}
    assert len(given) == CAPTIONS_PER_PAGE


def test_damage_hits_the_markup_and_not_the_words() -> None:
    page = '<!doctype html><html><body class="x"><p>One <b>two</b>.</p><img src="a" alt="z"></body>'
    assert break_html(page, "none") == page
    assert "</p>" not in break_html(page, "unclosed")
    assert break_html(page, "nested_anchors").count("<a ") == 2
    assert 'alt="z"data-n=1 alt=second' in break_html(page, "bad_attributes")
    assert break_html(page, "hidden_markup").count("<img") > page.count("<img")
    soup = break_html(page, "tag_soup")
    assert "<IMG src=" in soup
    assert "body" not in soup.lower()
    for twist in ("unclosed", "nested_anchors", "bad_attributes", "hidden_markup", "tag_soup"):
        assert "One " in break_html(page, twist)
        assert 'src="a"' in break_html(page, twist)


def test_an_image_never_leaves_its_picture_element() -> None:
    page = '<body><picture><source srcset="b 2w"><img src="a"></picture>'
    assert '"zoom"><picture><source' in break_html(page, "nested_anchors")


def test_codings_are_undone_by_their_definition() -> None:
    body = bytes(range(256)) * 200
    packed = Response(url="u", content_type="t", body=body, coding="gzip")
    assert gzip.decompress(packed.message()) == body
    assert ("Content-Length", str(len(packed.message()))) in packed.head()[1]
    chunked = Response(url="u", content_type="t", body=body, coding="chunked")
    rest, joined = chunked.message(), b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        if int(size, 16) == 0:
            break
        joined += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    assert joined == body
    assert all(name != "Content-Length" for name, _ in chunked.head()[1])
