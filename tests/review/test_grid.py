"""Does the grid show what happened, and does nothing in it come alive?"""

import re
from pathlib import Path

import pytest
from lxml import html as lxml_html

from review.grid import grid, grid_page
from review.load import Run, open_run
from review.markup import document, sandboxed
from review.sample import stratified
from tests.review import hostile
from tests.review.chromium import CANARY, browse, needs_chromium
from tests.review.conftest import RunMaker, jpeg, row, several_fates


def page_of(run: Run, per_reason: int = 8) -> str:
    return grid_page(run, stratified(run, per_stratum=per_reason))


def test_each_fate_has_its_section_with_counts(make_run: RunMaker) -> None:
    tree = lxml_html.document_fromstring(page_of(open_run(make_run()), 4))
    assert [" ".join(h2.text_content().split()) for h2 in tree.iter("h2")] == [
        "kept 20, 4 shown",
        "language 20 at page, 4 shown",
        "text_short 20 at text, 4 shown",
        "min_side 20 at size, 4 shown",
        "relevance 20 at relevance, 4 shown",
    ]
    assert len(tree.xpath("//figure")) == 20


def test_a_card_says_why_and_from_where(make_run: RunMaker) -> None:
    one = row(
        1, stage="size", reason="min_side", value=243.0, threshold=300.0,
        width_px=400, height_px=243,
        texts=[
            {"source": "alt", "text": "A dog asleep", "score": None, "drop": None},
            {"source": "title", "text": "IMG_1", "score": None, "drop": "text_file_name"},
        ],
    )  # fmt: skip
    run = open_run(make_run([one], {one["candidate_id"]: jpeg(1)}))
    (card,) = lxml_html.document_fromstring(page_of(run)).iter("figure")
    said = " ".join(card.text_content().split())
    for part in (
        "A dog asleep", "alt, none chosen",
        "near threshold value 243 · threshold 300 · 400 × 243 px",
        "texts: 2", "title IMG_1 text_file_name", "https://news.example/story.jpg",
        "web/00000.warc.gz @ 1234", one["candidate_id"],
    ):  # fmt: skip
        assert part in said
    (picture,) = card.iter("img")
    assert picture.get("src").startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize(
    ("stage", "reason", "shown"),
    [
        ("text", "text_file_name", "IMG_1"),
        ("size", "min_side", "a quiet lake"),
        ("aggregate", "duplicate_image", "a quiet lake"),
    ],
)
def test_where_no_text_was_chosen_the_telling_one_is_shown(
    make_run: RunMaker, stage: str, reason: str, shown: str
) -> None:
    texts = [
        {"source": "heading", "text": "More stories", "score": None, "drop": "not_eligible"},
        {"source": "title", "text": "IMG_1", "score": None, "drop": "text_file_name"},
        {"source": "alt", "text": "a quiet lake", "score": None, "drop": None},
    ]
    rows = [row(1, stage=stage, reason=reason, texts=texts)]
    tree = lxml_html.document_fromstring(page_of(open_run(make_run(rows))))
    assert tree.xpath("string(//p[@class='words'])") == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0.4987, "0.499"), (243.0, "243"), (64e6, "64,000,000"), (1000.4, "1,000")]
)
def test_numbers_are_short_and_never_in_exponents(
    make_run: RunMaker, value: float, shown: str
) -> None:
    rows = [row(1, stage="x", reason="x", value=value, threshold=1.0)]
    assert f"value {shown} · threshold 1" in page_of(open_run(make_run(rows)))


def test_without_picture_or_with_a_broken_one_the_card_says_so(make_run: RunMaker) -> None:
    rows = several_fates(1)
    broken = {rows[0]["candidate_id"]: b"<svg onload=alert(1)>"}
    page = page_of(open_run(make_run(rows, broken)))
    assert page.count("unreadable picture") == 1
    assert page.count("no picture") == 4
    assert "<img" not in page


def test_the_same_run_gives_the_same_bytes(make_run: RunMaker) -> None:
    rows = several_fates()
    pictures = {r["candidate_id"]: jpeg(n) for n, r in enumerate(rows)}
    assert (
        grid(open_run(make_run(rows, pictures))).markup
        == grid(open_run(make_run(rows[::-1], pictures, name="other", files=3))).markup
    )


def test_hostile_words_leave_no_element_and_no_attribute(
    make_run: RunMaker, shared_data: Path
) -> None:
    rows = hostile.rows(hostile.payloads(shared_data))
    page = page_of(open_run(make_run(rows)), per_reason=len(rows))
    assert hostile.offences(page) == []
    tree = lxml_html.document_fromstring(page)
    assert len(tree.xpath("//figure")) == len(rows)
    # Each is there to be read: five times, and a sixth where it was the chosen text.
    assert page.count(">$$\\href{javascript:alert(1)}{click}$$") >= 3


def test_offences_are_found_where_there_are_some() -> None:
    page = "<p onclick=x><a href=y>z</a><img src='http://a.test/b'><script></script><!-- c -->"
    assert len(hostile.offences(page)) == 6


def without_guards(page: str) -> str:
    """The page with its policy taken out and a canary put in: only the escaping protects it."""
    naked, n_found = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    assert n_found == 1
    return naked.replace("<head>", "<head>" + CANARY)


@needs_chromium
def test_in_a_browser_escaping_alone_is_enough(
    make_run: RunMaker, shared_data: Path, tmp_path: Path
) -> None:
    rows = hostile.rows(hostile.payloads(shared_data))
    pictures = {r["candidate_id"]: jpeg(n) for n, r in enumerate(rows)}
    run = open_run(make_run(rows, pictures))
    file = tmp_path / "grid.html"
    file.write_text(without_guards(page_of(run, per_reason=len(rows))))
    seen = browse(file)
    assert seen.requests == ()
    tree = lxml_html.document_fromstring(seen.dom)
    assert tree.findtext(".//title") == "Samples by reason"
    assert len(tree.xpath("//figure")) == len(tree.xpath("//img")) == len(rows)
    assert hostile.offences(seen.dom.replace(CANARY, "")) == []


@needs_chromium
@pytest.mark.parametrize("attack", hostile.OWN[:3])
def test_in_a_browser_the_same_words_unescaped_are_alive(tmp_path: Path, attack: str) -> None:
    # The control: were the escaping missing, the test above would notice.
    file = tmp_path / "raw.html"
    file.write_text(without_guards(f"<!doctype html><html><head>{POLICY}</head><p>{attack}"))
    seen = browse(file)
    assert "<title>ALIVE</title>" in seen.dom or any("steal.test" in r for r in seen.requests)


FRAMED = sandboxed("grid", document("t", "", "".join(hostile.OWN[:3])), height_px=300).markup
"""Attacks that nobody escaped, in the frame and under the policy that every grid gets."""


@needs_chromium
@pytest.mark.parametrize(
    ("frame", "asks"),
    [
        (FRAMED, False),
        (FRAMED.replace('sandbox=""', ""), False),
        # Without the policy a picture is asked for, but still no script runs.
        (FRAMED.replace("default-src", "no-src").replace("img-src", "no-img-src"), True),
    ],
    ids=["both walls", "policy alone", "sandbox alone"],
)
def test_in_a_browser_the_frame_holds_even_without_escaping(
    tmp_path: Path, frame: str, asks: bool
) -> None:
    file = tmp_path / "framed.html"
    file.write_text(f"<!doctype html><html><head><title>quiet</title>{CANARY}</head>{frame}")
    seen = browse(file)
    assert "<title>quiet</title>" in seen.dom
    assert bool(seen.requests) == asks


@needs_chromium
def test_in_a_browser_without_both_walls_the_frame_would_not_hold(tmp_path: Path) -> None:
    file = tmp_path / "framed.html"
    frame = FRAMED.replace('sandbox=""', "").replace("default-src", "no-src")
    file.write_text(f"<!doctype html><html><head><title>quiet</title></head>{frame}")
    assert "<title>ALIVE</title>" in browse(file).dom


POLICY = '<meta http-equiv="Content-Security-Policy" content="">'
