"""Is the best text chosen, and does a refused candidate carry the right reason?"""

import pytest

from crawl.config import CrawlConfig
from filter.choose import choose, judge_texts, no_text, open_texts
from filter.config import FilterConfig
from filter.recipe import lait
from filter.verdict import Verdict

SOURCES = FilterConfig().text_sources
SIEVE = lait(FilterConfig(), CrawlConfig()).text
TEXTS = (
    ("title", "A small boat on the lake"),
    ("alt", "IMG_1234.jpg"),
    ("heading", "Our holiday at the lake"),
    ("caption", "The boat in the evening sun"),
    ("surrounding", "We went to the lake. Share this on Facebook! A boat lay there in the sun."),
)


@pytest.fixture
def verdict(make_candidate) -> Verdict:
    candidate = make_candidate(texts=TEXTS)
    return Verdict(candidate=candidate, kept=True, texts=judge_texts(candidate, SIEVE, SOURCES))


def test_every_text_is_judged_in_order(verdict) -> None:
    assert [(text.source, text.drop) for text in verdict.texts] == [
        ("title", None),
        ("alt", "text_file_name"),
        ("heading", "not_eligible"),
        ("caption", None),
        ("surrounding", None),
        ("surrounding", "text_boilerplate"),
        ("surrounding", None),
    ]
    assert open_texts(verdict) == (
        "A small boat on the lake",
        "The boat in the evening sun",
        "We went to the lake.",
        "A boat lay there in the sun.",
    )


def test_the_best_scored_text_is_chosen(verdict) -> None:
    scores = dict(zip(open_texts(verdict), (0.2, 0.4, 0.1, 0.9), strict=True))
    chosen = choose(verdict, scores, SOURCES)
    assert chosen.text == "A boat lay there in the sun."
    assert (chosen.text_source, chosen.relevance) == ("surrounding", 0.9)
    assert [text.score for text in chosen.texts] == [0.2, None, None, 0.4, 0.1, None, 0.9]


def test_ties_go_to_the_earlier_source(verdict) -> None:
    chosen = choose(verdict, dict.fromkeys(open_texts(verdict), 0.5), SOURCES)
    assert chosen.text_source == "title"
    swapped = choose(verdict, dict.fromkeys(open_texts(verdict), 0.5), SOURCES[::-1])
    assert swapped.text == "We went to the lake."


def test_without_a_model_the_source_decides(verdict) -> None:
    chosen = choose(verdict, None, SOURCES)
    assert (chosen.text, chosen.relevance) == ("A small boat on the lake", None)
    assert all(text.score is None for text in chosen.texts)


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ((), "text_missing"),
        ((("heading", "A red umbrella on the beach"),), "text_missing"),
        ((("surrounding", "Read more"), ("alt", "DSC01234")), "text_file_name"),
        ((("caption", "Two dogs"), ("title", "image")), "text_boilerplate"),
        ((("surrounding", "Two dogs. Ein roter Schirm steht am Strand."),), "text_short"),
        ((("alt", "image"), ("title", "A dog on the beach")), None),
    ],
)
def test_reason_of_the_first_eligible_text(make_candidate, texts, reason) -> None:
    judged = judge_texts(make_candidate(texts=texts), SIEVE, SOURCES)
    drop = no_text(judged, SIEVE, SOURCES)
    assert (drop.reason if drop else None) == reason
