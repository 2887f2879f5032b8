"""Is every text around an image found, with its source, and never glued to its neighbour?"""

import pytest

from crawl.plain import clean, file_name_words
from tests.crawl.pages import candidates, only, texts

PARAGRAPH = "A long enough paragraph number {} that tells something about the story."


@pytest.mark.parametrize(
    ("html", "source", "expected"),
    [
        ("<img src=a.jpg alt=' Two\n\u00a0 cats '>", "alt", ["Two cats"]),
        ("<img src=a.jpg title='Two cats'>", "title", ["Two cats"]),
        ("<img src=a.jpg aria-label='Two cats'>", "aria", ["Two cats"]),
        ("<p id=d>Two cats</p><img src=a.jpg aria-describedby='x d'>", "aria", ["Two cats"]),
        (
            "<figure><img src=a.jpg>"
            "<figcaption>Two <b>cats</b><p>and a dog</p></figcaption></figure>",
            "caption",
            ["Two cats and a dog"],
        ),
        (
            "<div class=wp-caption><img src=a.jpg><p class=wp-caption-text>Two cats</p></div>",
            "caption",
            ["Two cats"],
        ),
        ("<img src=a.jpg data-caption='Two cats'>", "caption", ["Two cats"]),
        ("<img src=a.jpg data-image-caption='&lt;p>Two cats&lt;/p>'>", "caption", ["Two cats"]),
        ("<img src=a.jpg data-image-title='Two cats'>", "title", ["Two cats"]),
        (
            "<p id=l>Two cats</p><img src=a.jpg aria-labelledby=l aria-label=Cats>",
            "aria",
            ["Cats", "Two cats"],
        ),
        (
            "<meta property=og:image content=a.jpg><meta property=og:image:alt content='Two cats'>"
            "<img src=a.jpg>",
            "alt",
            ["Two cats"],
        ),
        (
            '<script type="application/ld+json">{"@graph": [{"@type": "ImageObject",'
            ' "contentUrl": "/i/summit-photo-1200x630.jpg", "caption": "Two cats"}]}</script>'
            "<img src='/i/summit-photo-300x200.jpg'>",
            "linked_data",
            ["Two cats"],
        ),
        (
            '<script type="application/ld+json">{"@type": "Article", "image": {"url": "m.jpg",'
            ' "@type": ["ImageObject"], "description": "Two cats", "name": "Cats"}}</script>',
            "linked_data",
            ["Two cats", "Cats"],
        ),
        ("<table><tr><td><img src=a.jpg><td>Two cats<td>2024", "cell", ["Two cats", "2024"]),
        ("<table><tr><td>Two cats<img src=a.jpg><td>2024", "cell", ["Two cats"]),
        (
            "<a href=b.html title=More><img src=a.jpg><span>Two cats</span></a>",
            "link",
            ["More", "Two cats"],
        ),
        ("<h1>News</h1><h2>Two cats</h2><img src=a.jpg><h2>Dogs</h2>", "heading", ["Two cats"]),
        ("<img src=a.jpg><h1>Two cats</h1>", "heading", ["Two cats"]),
        ("<title>Two cats | News</title><img src=a.jpg>", "page_title", ["Two cats | News"]),
        ("<meta name=description content='Two cats'><img src=a.jpg>", "description", ["Two cats"]),
        ("<img src='/i/two_black-cats-300x200.jpg?w=3'>", "file_name", ["two black cats"]),
    ],
)
def test_sources(html: str, source: str, expected: list[str]) -> None:
    assert texts(only(html), source) == expected


def test_surrounding_keeps_blocks_apart_and_in_order() -> None:
    blocks = [PARAGRAPH.format(i) for i in range(4)]
    html = f"<div>{blocks[0]}<p>{blocks[1]}</p><img src=a.jpg><p>{blocks[2]}</p>{blocks[3]}</div>"
    assert texts(only(html), "surrounding") == blocks


def test_words_of_one_block_are_not_torn() -> None:
    html = "<p>An un<b>believ</b>able sto<img src=a.jpg>ry about two cats<br>and a dog.</p>"
    assert texts(only(html), "surrounding") == ["An unbelievable story about two cats and a dog."]


def test_double_line_break_is_a_block_boundary() -> None:
    first, second = PARAGRAPH.format(1), PARAGRAPH.format(2)
    html = f"<div>{first}<br>\n<br>{second}<img src=a.jpg></div>"
    assert texts(only(html), "surrounding") == [first, second]


@pytest.mark.parametrize(
    "noise",
    [
        "<script>var words = 'not for anybody to read, ever';</script>",
        "<style>p { color: red; background: none; margin: 0 }</style>",
        "<nav>Home and all the other places you may want to see</nav>",
        "<noscript>Please switch on JavaScript to see this wonderful page</noscript>",
        "<!-- a comment that is long enough to be taken for a text -->",
        "<ul><li><a href=x>A link to another story of this site</a></ul>",
    ],
)
def test_what_is_no_running_text(noise: str) -> None:
    html = f"<p>{PARAGRAPH.format(1)}</p>{noise}<img src=a.jpg>{noise}<p>{PARAGRAPH.format(2)}</p>"
    assert texts(only(html), "surrounding") == [PARAGRAPH.format(1), PARAGRAPH.format(2)]


def test_surrounding_stays_in_its_section() -> None:
    html = (
        f"<p>{PARAGRAPH.format(0)}</p><h2>Cats</h2><p>{PARAGRAPH.format(1)}</p><img src=a.jpg>"
        f"<p>{PARAGRAPH.format(2)}</p><h2>Dogs</h2><p>{PARAGRAPH.format(3)}</p>"
    )
    assert texts(only(html), "surrounding") == [PARAGRAPH.format(1), PARAGRAPH.format(2)]


def test_surrounding_is_cut_at_sentences() -> None:
    before = "First sentence of the page. Second sentence is here. Third one ends it."
    after = "The fourth comes after it. The fifth is never to be seen again by anyone."
    html = f"<p>{before}</p><img src=a.jpg><p>{after}</p>"
    (candidate,) = candidates(html, surrounding_chars=50)
    assert texts(candidate, "surrounding") == [
        "Second sentence is here. Third one ends it.",
        "The fourth comes after it.",
    ]


def test_caption_is_not_surrounding_too() -> None:
    caption = "Two black cats sit on a red sofa in the evening sun."
    html = f"<div class=box><img src=a.jpg><p class=caption>{caption}</p></div><p>{PARAGRAPH}</p>"
    candidate = only(html)
    assert texts(candidate, "caption") == [caption]
    assert caption not in texts(candidate, "surrounding")


def test_caption_belongs_to_its_own_image() -> None:
    one = "<figure><img src={0}.jpg><figcaption>Caption {0}</figcaption></figure>"
    found = candidates("<div>" + one.format(1) + one.format(2) + "</div><img src=3.jpg>")
    assert [texts(c, "caption") for c in found] == [["Caption 1"], ["Caption 2"], []]


def test_caption_beside_two_images_belongs_to_neither() -> None:
    html = "<div><p><img src=1.jpg></p><p><img src=2.jpg></p><p class=caption>Two cats</p></div>"
    assert [texts(c, "caption") for c in candidates(html)] == [[], []]


def test_label_by_an_id_of_control_characters() -> None:
    html = "<p id='\x01'>Two cats</p><img src=a.jpg aria-labelledby='\x01 \x02'>"
    assert texts(only(html), "aria") == ["Two cats"]


def test_caption_row_below_a_row_of_pictures() -> None:
    html = (
        "<table><tr><td><img src=1.jpg><td><img src=2.jpg>"
        "<tr><td>One cat<td>Two cats<tr><td><img src=3.jpg><td></table>"
    )
    assert [texts(c, "cell") for c in candidates(html)] == [["One cat"], ["Two cats"], []]


def test_layout_table_is_no_description() -> None:
    html = f"<table><tr><td><img src=a.jpg>{PARAGRAPH * 9}<td>Menu</table>"
    assert texts(only(html), "cell") == []


@pytest.mark.parametrize(
    "block",
    ['{"@type": "ImageObject", "caption": ', "[" * 100_000, '{"@type": "ImageObject"}', "7"],
)
def test_broken_linked_data_says_nothing(block: str) -> None:
    html = f"<script type='application/ld+json'>{block}</script><!--\"caption\"--><img src=a.jpg>"
    assert texts(only(html), "linked_data") == []


def test_texts_come_in_the_order_of_sources() -> None:
    html = (
        '<title>T</title><script type="application/ld+json">{"@type": "ImageObject", "url":'
        ' "some-cat.jpg", "name": "J"}</script><h1>H</h1><table><tr><td><a href=x.html>L'
        "<img src=some-cat.jpg alt=A title=B aria-label=C></a><p class=caption>D</p>"
        f"</table><p>{PARAGRAPH}</p>"
    )
    sources = [text.source for text in only(html).texts]
    assert " ".join(sources) == (
        "alt title aria caption linked_data cell link heading surrounding page_title file_name"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  a \n\t b ", "a b"),
        ("a\x00b\x1bc\u202ed", "a b c d"),
        ("soft\u00adhyphen", "soft\u00adhyphen"),
        ("", ""),
    ],
)
def test_clean(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_long_text_is_cut_at_a_word() -> None:
    text = clean("word " * 5000)
    assert len(text) <= 2000
    assert text.endswith("word")
    assert len(clean("x" * 10**6)) == 2000


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://example.org/red-cat_on+mat-1200x630.jpg", "red cat on mat"),
        ("https://example.org/IMG_20240102.jpg", "IMG"),
        ("https://example.org/d41d8cd98f00b204e9800998ecf8427e.jpg", ""),
        ("https://example.org/caf%C3%A9.jpg", "café"),
        ("https://example.org/", ""),
    ],
)
def test_file_name_words(url: str, words: str) -> None:
    assert file_name_words(url) == words
