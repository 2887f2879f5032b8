"""Does extraction find every picture a page offers, once, under its best URL first?"""

import pytest

from tests.crawl.pages import candidates, only

N = "https://example.org/news/"


def urls(html: str) -> list[tuple[str, ...]]:
    return [(c.image_url, *c.alternative_urls) for c in candidates(html)]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<img src=a.jpg>", ["a.jpg"]),
        ("<img src='a.jpg' srcset='b.jpg 400w, c.jpg 800w'>", ["c.jpg", "b.jpg", "a.jpg"]),
        ("<img src='a.jpg' srcset='t.jpg 100w'>", ["a.jpg", "t.jpg"]),
        ("<img src='data:image/gif;base64,R0' data-src='a.jpg'>", ["a.jpg"]),
        ("<img src='blank.gif' data-original='/news/a.jpg'>", ["a.jpg"]),
        ("<img data-lazy-src=a.jpg src=low.jpg>", ["a.jpg", "low.jpg"]),
        ("<img data-srcset='a.jpg 900w' src=low.jpg>", ["a.jpg", "low.jpg"]),
        ("<img data-anything='/news/a.jpg' src=low.jpg>", ["a.jpg", "low.jpg"]),
        ("<img data-hover-src='/news/other.jpg' src=a.jpg>", ["a.jpg"]),
        ('<img data-json=\'{"u":"/x.jpg"}\' src=a.jpg>', ["a.jpg"]),
        ("<img data-id='/news/x.jpg' src=a.jpg>", ["a.jpg"]),
        ("<amp-img src=a.jpg></amp-img>", ["a.jpg"]),
        ("<amp-anim src=a.gif></amp-anim>", ["a.gif"]),
        ("<svg><image xlink:href=a.jpg /></svg>", ["a.jpg"]),
        ("<svg><image xlink:href=a.svg src=a.png /></svg>", ["a.png", "a.svg"]),
        ("<img srcset='data:image/png;base64,AA 2x, a.jpg 1x'>", ["a.jpg"]),
        ("<picture><source srcset='b.jpg 900w'><img src=a.jpg></picture>", ["b.jpg", "a.jpg"]),
        (
            "<picture><source type=image/avif srcset='x.avif 999w'>"
            "<source srcset='b.webp 500w'><img src=a.jpg></picture>",
            ["b.webp", "a.jpg", "x.avif"],
        ),
        ("<a href=full.jpg><img src=thumb.jpg></a>", ["full.jpg", "thumb.jpg"]),
        ("<a href=story2.html><img src=a.jpg></a>", ["a.jpg"]),
        ("<a href='/wiki/File:Cat.jpg'><img src=a.jpg></a>", ["a.jpg"]),
        ("<img srcset=' 150w, c.jpg 800w' src=a.jpg>", ["c.jpg", "a.jpg"]),
        ("<img src=lazy.gif><noscript><img src=a.jpg></noscript>", ["a.jpg"]),
        ("<img src=a.jpg class=x><noscript><img src=a.jpg></noscript>", ["a.jpg"]),
        ("<img data-src=a.jpg src=data:,><noscript><img src=a.jpg></noscript>", ["a.jpg"]),
    ],
)
def test_versions_of_one_picture(html: str, expected: list[str]) -> None:
    assert urls(html) == [tuple(N + name for name in expected)]


@pytest.mark.parametrize(
    "html",
    [
        "<img>",
        "<img src=''>",
        "<img src='data:image/png;base64,AAAA'>",
        "<img src='javascript:x'>",
        "<img src='about:blank'>",
        "<!-- <img src=a.jpg> -->",
        "<script>'<img src=a.jpg>'</script>",
        "<template><img src=a.jpg></template>",
        "<textarea><img src=a.jpg></textarea>",
        "<p>no image</p>",
        "",
    ],
)
def test_nothing_to_find(html: str) -> None:
    assert urls(html) == []


def test_image_written_as_image() -> None:
    """lxml takes everything behind such a tag for its content."""
    html = "<div><image src=a.jpg><p>words</p><img src=b.jpg></div><img src=c.jpg>"
    assert urls(html) == [(N + "a.jpg",), (N + "b.jpg",), (N + "c.jpg",)]


@pytest.mark.parametrize("end", ["</html>", "</HTML >", "</body></html>\n"])
def test_images_behind_the_end_of_the_document(end: str) -> None:
    html = f"<html><body><img src=a.jpg>{end}<div><img src=b.jpg></div>"
    assert urls(html) == [(N + "a.jpg",), (N + "b.jpg",)]


def test_base_href_is_honoured() -> None:
    html = "<head><base href='//cdn.example.net/x/'></head><img src=a.jpg><img src=/b.jpg>"
    assert urls(html) == [("https://cdn.example.net/x/a.jpg",), ("https://cdn.example.net/b.jpg",)]


def test_placeholder_shared_by_lazy_images_is_no_version() -> None:
    html = "".join(f"<img src=/s/grau.png data-src=/i/{i}.jpg>" for i in range(4))
    assert urls(html) == [(f"https://example.org/i/{i}.jpg",) for i in range(4)]


def test_repeated_image_is_one_candidate() -> None:
    assert len(urls("<img src=a.jpg alt=one><p>x</p><img src=a.jpg alt=two><img src=b.jpg>")) == 2


def test_noscript_twin_takes_the_words_of_the_lazy_image() -> None:
    candidate = only("<img alt='A red cat' src=data:,><noscript><img src=a.jpg></noscript>")
    assert candidate.image_url == N + "a.jpg"
    assert candidate.text("alt") == "A red cat"
    assert not candidate.dom.in_noscript


@pytest.mark.parametrize(
    "head",
    [
        "<meta property='og:image' content='m.jpg'>",
        "<meta name='twitter:image' content='m.jpg'>",
        "<link rel='image_src' href='m.jpg'>",
        "<meta itemprop=image content='m.jpg'>",
        '<script type="application/ld+json">{"@type":"NewsArticle","image":"m.jpg"}</script>',
        '<script type="application/ld+json">{"@graph":[{"@type":"Recipe",'
        '"image":[{"url":"m.jpg"}]}]}</script>',
    ],
)
def test_image_known_from_the_head_alone(head: str) -> None:
    candidate = only(f"<head>{head}</head><p>words</p>")
    assert candidate.image_url == N + "m.jpg"
    assert candidate.dom.is_meta
    assert candidate.dom.depth == 0


def test_meta_image_joins_the_picture_in_the_body() -> None:
    html = (
        "<meta property='og:image' content='/i/summit-photo-1200x630.jpg'>"
        "<img src='/i/summit-photo-300x200.jpg'><img src='/i/other-photo.jpg'>"
    )
    first, second = candidates(html)
    assert first.dom.is_meta
    assert first.alternative_urls == ("https://example.org/i/summit-photo-1200x630.jpg",)
    assert not second.dom.is_meta


def test_broken_json_ld_is_ignored() -> None:
    for text in ('{"image": ', "[" * 100_000, '{"@type":"Article","image":{"url":7}}'):
        assert urls(f"<script type='application/ld+json'>{text}</script><img src=a.jpg>") == [
            (N + "a.jpg",)
        ]


def test_images_beyond_the_limit_are_left_out() -> None:
    html = "".join(f"<img src={i}.jpg>" for i in range(30))
    found = candidates(html, max_images_per_page=10)
    assert [c.image_url for c in found] == [f"{N}{i}.jpg" for i in range(10)]
