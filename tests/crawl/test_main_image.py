"""Is the image that a page is about told from its decoys, and nothing claimed without evidence?"""

import importlib
import json
import re
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from crawl.config import CrawlConfig
from crawl.extract import extract
from crawl.main_image import THRESHOLD, choose, shipped_model
from crawl.signals import SIGNS, signals
from tests.crawl.pages import candidates, page

TEXT = (
    "<p>" + "The keeper said that the old lighthouse would be open to all visitors. " * 4 + "</p>"
)
FRAME = """
<head><title>The old lighthouse opens its doors - Coast News</title>{head}</head>
<body><header><a href="/"><img src="/logo.png" alt="Coast News" width=220 height=60></a></header>
<nav><img src="/icons/menu.svg"></nav>
<article><h1>The old lighthouse opens its doors</h1>
<img src="/avatars/anna.jpg" class="author-avatar" width=48 height=48>
{lead}{text}{text}</article>
<aside class="related"><ul>
<li><a href="/1"><img src="/t/1.jpg" width=150 height=100>One</a></li>
<li><a href="/2"><img src="/t/2.jpg" width=150 height=100>Two</a></li>
<li><a href="/3"><img src="/t/3.jpg" width=150 height=100>Three</a></li></ul></aside>
<footer><img src="/pixel.gif" width=1 height=1><img src="/banner.jpg" width=728 height=90></footer>
"""
LEAD = (
    '<figure><img src="/p/lighthouse.jpg" alt="The old lighthouse" width=900 height=600></figure>'
)


def main(lead: str, head: str = "") -> str | None:
    found = candidates(FRAME.format(lead=lead, head=head, text=TEXT))
    return next((c.image_url.rpartition("/")[2] for c in found if c.is_main), None)


def test_lead_image_wins_over_decoys() -> None:
    assert main(LEAD) == "lighthouse.jpg"
    assert main('<img src="/p/lighthouse.jpg">') == "lighthouse.jpg"


def test_page_without_a_subject_has_no_main_image() -> None:
    assert main("") is None


def test_meta_image_is_a_candidate_but_a_weaker_one() -> None:
    head = '<meta property="og:image" content="/p/tower.jpg">'
    assert main("", head) == "tower.jpg"
    assert (
        main('<img src="/p/x1.jpg">', '<meta property="og:image" content="/p/x1.jpg">') == "x1.jpg"
    )


@pytest.mark.parametrize("name", ["/share/og-default.jpg", "/site-logo.png", "/social-card.jpg"])
def test_site_wide_meta_image_loses_to_the_page(name: str) -> None:
    assert main(LEAD, f'<meta property="og:image" content="{name}">') == "lighthouse.jpg"


def test_an_image_named_like_the_sites_own_is_no_hint() -> None:
    assert main("", '<meta property="og:image" content="/share/og-default.jpg">') is None


def test_a_header_with_the_pages_heading_is_no_frame() -> None:
    inside = '<header class="page-header">{}<img src=a.jpg></header><p>' + TEXT
    with_heading, without = (
        candidates(inside.format(heading) + other)[0].dom
        for heading, other in (("<h1>The old lighthouse</h1>", ""), ("", "<h1>The lighthouse</h1>"))
    )
    assert not with_heading.in_boilerplate
    assert without.in_boilerplate


def test_at_most_one_and_the_earlier_of_equals() -> None:
    assert choose([0.2, 0.9, 0.9]) == 1
    assert choose([]) is None
    assert choose([THRESHOLD - 0.01]) is None
    assert choose([THRESHOLD]) == 0


def test_every_signal_has_a_sign_and_the_weights_keep_to_it() -> None:
    (candidate,) = candidates("<img src=a.jpg>")
    assert list(signals(candidate.dom)) == list(SIGNS)
    weights = shipped_model().weights
    assert weights.keys() <= SIGNS.keys()
    assert all(weight * SIGNS[name] >= 0 for name, weight in weights.items()), weights


def test_the_page_overrules_a_meta_image_that_it_shows_as_something_else() -> None:
    """og:image is the site's logo without saying so, and the logo stands in the page's header."""
    head = '<meta property="og:image" content="/logo.png">'
    assert main(LEAD, head) == "lighthouse.jpg"


def test_a_small_copy_in_a_sidebar_does_not_take_back_what_the_head_says() -> None:
    head = '<meta property="og:image" content="/t/2.jpg">'
    assert main("", head) == "2.jpg"


def test_a_list_of_what_is_most_read_may_show_the_page_itself() -> None:
    """Washington Post: the article has no picture, its entry in the sidebar's list has."""
    found = {
        c.image_url.rpartition("/")[2]: c
        for c in candidates(FRAME.format(lead="", head="", text=TEXT), "https://example.org/2")
    }
    assert found["2.jpg"].dom.links_to_page
    assert not found["1.jpg"].dom.links_to_page
    assert found["2.jpg"].main_score > 10 * found["1.jpg"].main_score


def test_features_are_what_they_say() -> None:
    html = (
        "<h1>Cats</h1><main><figure><a href=/x><img src=a.jpg width=640 height='480px'></a>"
        "</figure></main><aside><img src=b.jpg style='width:90px;height:60px'></aside>"
        "<ul class=grid>" + "".join(f"<li><img src=g{i}.jpg></li>" for i in range(3)) + "</ul>"
        "<img src=c.jpg srcset='c2.jpg 800w'><noscript><img src=d.jpg></noscript>"
    )
    found = {c.image_url.rpartition("/")[2]: c.dom for c in candidates(html)}
    a, b, c = found["a.jpg"], found["b.jpg"], found["c2.jpg"]
    assert (a.declared_width_px, a.declared_height_px) == (640, 480)
    assert (b.declared_width_px, b.declared_height_px) == (90, 60)
    assert (c.declared_width_px, c.declared_height_px) == (800, None)
    assert a.in_article
    assert a.in_figure
    assert a.in_link
    assert a.links_away
    assert not a.in_boilerplate
    assert b.in_boilerplate
    assert not b.in_article
    assert found["g1.jpg"].in_list
    assert not a.in_list
    assert found["d.jpg"].in_noscript
    assert (a.ordinal, a.n_images, a.depth) == (0, 7, 5)
    assert a.heading_distance == 4


@pytest.fixture(scope="module")
def gold(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """The gold pages whose expected image is in the body, with their HTML under `html`."""
    folder = tmp_path_factory.mktemp("gold")
    with tarfile.open(shared_data / "mainimage/html.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    rows = [json.loads(x) for x in (shared_data / "mainimage/gold.jsonl").read_text().splitlines()]
    return [row | {"path": str(folder / row["file"])} for row in rows if row["scorable"]]


@pytest.mark.parametrize(("stripped", "goal"), [(True, 0.84), (False, 0.89)])
def test_accuracy_on_real_pages(
    gold: list[dict[str, str]], shared_data: Path, stripped: bool, goal: float
) -> None:
    """By weights that were learned from these pages too: a guard, no measure.

    `bench/main_image.py` measures, by cross-validation over sites.
    """
    sys.path.insert(0, str(shared_data.parent / "tools"))
    try:
        tools: Any = importlib.import_module("eval_main_image")
        matching: Any = importlib.import_module("main_image_matching")
    finally:
        sys.path.pop(0)
    right = 0
    for row in gold:
        html = matching.decode(Path(row["path"]).read_bytes())
        html = matching.strip_hints(html) if stripped else tools.norm_meta(html)
        html = re.sub(r"(<meta\b[^>]*charset\s*=\s*[\"']?)[\w-]+", r"\1utf-8", html, flags=re.I)
        found = extract(page(html.encode("utf-8", "replace"), row["url"]), CrawlConfig())
        main = next((c.image_url for c in found if c.is_main), None)
        right += matching.same_image(main, row["expected_image"], row["base"])
    assert right / len(gold) >= goal
