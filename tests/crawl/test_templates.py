"""Are the images of a site told from the images of its pages, in memory and in Beam alike?"""

# mypy: allow-untyped-calls
import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to

from crawl.candidate import Candidate
from crawl.config import CrawlConfig
from crawl.extract import extract
from crawl.main_image import choose
from crawl.signals import signals
from crawl.templates import JudgeTemplates, image_key, judge_templates
from tests.crawl.pages import page

TEXT = "<p>" + "The keeper said that the lighthouse would be open to all visitors. " * 5 + "</p>"
BANNER = '<img src="/i/wide.jpg" width=900 height=400>'
"""Large, first, beside the text: nothing on one page tells it from a lead image."""


def site(
    n_pages: int, *, own: bool = True, head: str = "", host: str = "example.org"
) -> list[Candidate]:
    """Pages of one host with the same banner, and a picture of their own further down."""
    found: list[Candidate] = []
    for number in range(n_pages):
        picture = f'<figure><img src="/p/{number}.jpg" width=640 height=480></figure>'
        html = (
            f"<head><title>Story {number}</title>{head}</head><body><h1>Story {number}</h1>{BANNER}"
            f"{TEXT}{picture if own else ''}{TEXT}</body>"
        )
        found += extract(page(html, f"https://{host}/story/{number}"), CrawlConfig())
    return found


def mains(found: "tuple[Candidate, ...] | list[Candidate]") -> list[str]:
    return [each.image_url.rpartition("/")[2] for each in found if each.is_main]


def test_an_image_on_every_page_is_no_pages_main_image() -> None:
    found = site(5)
    assert mains(found) == ["wide.jpg"] * 5, "a single page must not know better"
    assert mains(judge_templates(found)) == [f"{n}.jpg" for n in range(5)]
    assert mains(judge_templates(site(5, own=False))) == []


def test_a_few_pages_prove_nothing() -> None:
    found = site(2)
    assert judge_templates(found) == tuple(found)


def test_hosts_are_counted_apart() -> None:
    found = site(2) + site(2, host="example.net")
    assert judge_templates(found) == tuple(found)
    assert mains(judge_templates(site(2) + site(2, host="www.example.org"))) != mains(found)


def test_a_share_of_the_pages_counts_not_their_number_alone() -> None:
    """Three of forty pages share a picture: a small penalty, which a good place outweighs."""
    others = [
        each
        for number in range(37)
        for each in extract(
            page(f"<h1>x</h1><img src=/q/{number}.jpg>{TEXT}", f"https://example.org/o/{number}"),
            CrawlConfig(),
        )
    ]
    found = judge_templates(site(3, own=False) + others)
    assert [each.image_url.rpartition("/")[2] for each in found if each.is_main][:3] == [
        "wide.jpg"
    ] * 3


def test_one_meta_image_for_the_whole_site_is_no_hint() -> None:
    head = '<meta property="og:image" content="/i/coast.jpg">'
    found = site(5, head=head)
    assert mains(found) == ["coast.jpg"] * 5
    assert mains(judge_templates(found)) == [f"{n}.jpg" for n in range(5)]


def test_a_name_on_three_pages_is_void_whatever_its_penalty() -> None:
    head = '<meta property="og:image" content="/i/coast.jpg">'
    named = [each for each in judge_templates(site(3, head=head)) if each.dom.is_meta]
    assert [each.dom.pages_naming_image for each in named] == [3, 3, 3]
    assert all(signals(each.dom)["is_meta"] == 0 for each in named)
    assert all(signals(each.dom)["is_meta"] == 1 for each in site(3, head=head) if each.dom.is_meta)


def test_teasers_on_other_pages_do_not_count_against_a_picture() -> None:
    teaser = '<aside><a href="/story/0"><img src="/p/0.jpg" width=120 height=90></a></aside>'
    found: list[Candidate] = []
    for number in range(6):
        lead = f'<figure><img src="/p/{number}.jpg" width=640 height=480></figure>'
        html = f"<h1>Story {number}</h1>{lead}{TEXT}{teaser if number else ''}"
        found += extract(page(html, f"https://example.org/story/{number}"), CrawlConfig())
    judged = judge_templates(found)
    assert mains(judged) == [f"{n}.jpg" for n in range(6)]
    assert judged == tuple(found)


def test_the_same_page_captured_twice_is_one_page() -> None:
    found = site(2)
    assert judge_templates(found + found)[0].dom.pages_with_image == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.org/logo.png", "http://a.org/logo.png?v=3", True),
        ("https://a.org/get.php?id=1", "https://a.org/get.php?id=2", False),
        ("https://a.org/img?id=1", "https://a.org/img?id=1", True),
        ("https://a.org/a.png", "https://a.org/b.png", False),
    ],
)
def test_image_key(one: str, other: str, same: bool) -> None:
    assert (image_key(one) == image_key(other)) is same


def test_beam_decides_as_memory_does() -> None:
    head = '<meta property="og:image" content="/i/coast.jpg">'
    found = site(4, head=head) + site(2, host="example.net") + site(3, host="example.com")
    # Shown on four pages and named by one: fewer than three say nothing, in Beam and in memory.
    wide = '<meta property="og:image" content="/i/wide.jpg">'
    found += site(1, head=wide, host="example.edu")
    found += [each for each in site(4, host="example.edu") if not each.page_url.endswith("/0")]
    expected = sorted(judge_templates(found), key=lambda each: each.candidate_id)
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        # Back to front: the order of arrival must not matter.
        judged = pipeline | beam.Create(list(reversed(found))) | JudgeTemplates()
        assert_that(judged, equal_to(expected))
    assert any(each.dom.pages_with_image for each in expected)


def test_choice_is_made_of_the_new_scores() -> None:
    judged = judge_templates(site(5))
    first = [each for each in judged if each.page_url.endswith("/0")]
    best = choose([each.main_score for each in first])
    assert best is not None
    assert first[best].is_main
    assert sum(each.is_main for each in first) == 1
