"""Is one candidate judged as the cascade says, read and scored once, and never lost?"""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from crawl.bodies import BodyTooLarge
from crawl.config import CrawlConfig
from filter.config import FilterConfig
from filter.judge import Scorer, judge_block, judge_page, judge_ref
from filter.recipe import lait
from filter.sieve import ERROR

CASCADE = lait(FilterConfig(), CrawlConfig())
GOOD = "A lovely red umbrella stands open on the wide and sandy beach"


class LengthScorer:
    """Scores a text by its length, so that any choice can be foretold."""

    def __init__(self, *, hates: str = "") -> None:
        self.hates = hates
        self.batches: list[list[list[str]]] = []

    def preprocess(self, image, /):
        return np.asarray(image.resize((8, 8)))

    def score(self, images, texts, /) -> list[list[float]]:
        self.batches.append([list(group) for group in texts])
        assert all(image.shape == (8, 8, 3) for image in images)
        if any(self.hates and self.hates in text for group in texts for text in group):
            raise RuntimeError("I cannot read this")
        return [[len(text) / 100 for text in group] for group in texts]


class Archive:
    """Bodies by offset, counting the reads."""

    def __init__(self, bodies: dict[int, bytes]) -> None:
        self.bodies = bodies
        self.read: Counter[int] = Counter()

    def __call__(self, ref) -> bytes:
        self.read[ref.offset] += 1
        return self.bodies[ref.offset]


@pytest.fixture
def wanting(make_candidate, make_ref):
    """A verdict of a candidate that wants the image at an offset."""

    def make(number: int, offset: int, text: str = "A red umbrella on the sandy beach"):
        candidate = make_candidate(candidate_id=f"{number:032x}", texts=(("alt", text),))
        return judge_ref(judge_page(candidate, CASCADE), make_ref(offset=offset), CASCADE)

    return make


@pytest.mark.parametrize(
    ("changes", "stage", "reason"),
    [
        ({}, None, None),
        ({"language": "de", "is_main": False}, "page", "language"),
        ({"opt_out": ("noai",), "is_main": False}, "page", "opt_out"),
        ({"is_main": False, "texts": ()}, "main_image", "not_main"),
        ({"texts": ()}, "text", "text_missing"),
        ({"texts": (("alt", "image"),)}, "text", "text_boilerplate"),
    ],
)
def test_judge_page(make_candidate, changes, stage, reason) -> None:
    verdict = judge_page(make_candidate(**changes), CASCADE)
    assert (verdict.stage, verdict.reason) == (stage, reason)
    assert verdict.kept == (stage is None)


def test_what_the_settings_switch_off_is_not_asked(make_candidate) -> None:
    settings = FilterConfig(obey_opt_out=False, require_main_image=False)
    cascade = lait(settings, CrawlConfig())
    assert judge_page(make_candidate(opt_out=("noai",), is_main=False), cascade).kept


@pytest.mark.parametrize(
    ("ref", "stage", "reason"),
    [
        (None, "fetch", "image_missing"),
        ({"status": 404}, "fetch", "image_status"),
        ({"opt_out": ("noai",)}, "fetch", "opt_out"),
        ({"n_bytes": 999}, "decode", "image_bytes"),
        ({"n_bytes": 2**25 + 1}, "decode", "image_bytes"),
        ({"n_bytes": 1000}, None, None),
    ],
)
def test_judge_ref(make_candidate, make_ref, ref, stage, reason) -> None:
    found = None if ref is None else make_ref(**ref)
    verdict = judge_ref(judge_page(make_candidate(), CASCADE), found, CASCADE)
    assert (verdict.stage, verdict.reason, verdict.ref) == (stage, reason, found)


def test_a_fallen_candidate_learns_where_its_image_lies(make_candidate, make_ref) -> None:
    fallen = judge_page(make_candidate(is_main=False), CASCADE)
    verdict = judge_ref(fallen, make_ref(status=404), CASCADE)
    assert (verdict.reason, verdict.ref) == ("not_main", make_ref(status=404))
    assert judge_ref(fallen, None, CASCADE) == fallen


def test_an_image_wanted_twice_is_read_and_scored_once(wanting, picture) -> None:
    archive, scorer = Archive({7: picture(400, 320)}), LengthScorer()
    long, short = f"{GOOD} in summer", "A red umbrella here"
    block = [wanting(1, 7, long), wanting(2, 7, short), wanting(3, 7, long)]
    judged = {
        int(v.candidate.candidate_id, 16): v
        for v in judge_block(block, archive, CASCADE, scorer, 4)
    }
    assert archive.read == {7: 1}
    assert scorer.batches == [[[long, short]]]
    assert (judged[1].kept, judged[1].relevance) == (True, len(long) / 100)
    assert (judged[2].kept, judged[2].reason) == (False, "relevance")
    assert (judged[2].value, judged[2].threshold) == (0.19, 0.5)
    assert judged[2].text == short, "the ledger tells what was scored too low"
    assert judged[1].image == judged[3].image is not None


def test_batches_follow_from_the_block_alone(wanting, picture) -> None:
    archive = Archive({offset: picture(400, 320, seed=offset) for offset in range(5)})
    block = [wanting(n, n % 5, f"{GOOD} number {n}") for n in range(10)]
    forwards, backwards = LengthScorer(), LengthScorer()
    one = list(judge_block(block, archive, CASCADE, forwards, 2))
    other = list(judge_block(block[::-1], archive, CASCADE, backwards, 2))
    assert one == other
    assert forwards.batches == backwards.batches
    assert [len(batch) for batch in forwards.batches] == [2, 2, 1]


def test_image_filters(wanting, picture) -> None:
    archive = Archive(
        {1: picture(300, 400), 2: picture(1300, 400), 3: b"<html>" * 300, 4: picture()[:3000]}
    )
    block = [wanting(n, n) for n in archive.bodies]
    fates = {
        v.ref.offset: (v.stage, v.reason) for v in judge_block(block, archive, CASCADE, None, 4)
    }
    assert fates == {
        1: ("size", "min_side"),
        2: ("size", "aspect_ratio"),
        3: ("decode", "image_format"),
        4: ("decode", "image_corrupt"),
    }


def test_without_a_model_the_text_is_chosen_by_source(wanting, picture) -> None:
    (verdict,) = judge_block([wanting(1, 7)], Archive({7: picture()}), CASCADE, None, 4)
    assert verdict.kept
    assert (verdict.text_source, verdict.relevance) == ("alt", None)


def test_a_model_that_raises_on_one_image_drops_only_it(wanting, picture) -> None:
    scorer = LengthScorer(hates="hateful")
    archive = Archive({offset: picture(400, 320, seed=offset) for offset in range(5)})
    block = [wanting(n, n, GOOD.replace("lovely", "hateful") if n == 3 else GOOD) for n in range(5)]
    judged = {v.ref.offset: v for v in judge_block(block, archive, CASCADE, scorer, 8)}
    assert {offset for offset, v in judged.items() if v.kept} == {0, 1, 2, 4}
    assert (judged[3].stage, judged[3].reason) == ("relevance", ERROR)
    assert "I cannot read this" in str(judged[3].value)


@pytest.mark.parametrize(
    ("error", "stage", "reason"),
    [(ValueError("no record"), "fetch", ERROR), (BodyTooLarge("x"), "decode", "image_bytes")],
)
def test_an_unreadable_body_drops_its_candidates(wanting, error, stage, reason) -> None:
    def read(_ref):
        raise error

    judged = list(judge_block([wanting(1, 1), wanting(2, 1)], read, CASCADE, None, 4))
    assert [(v.stage, v.reason) for v in judged] == [(stage, reason)] * 2


def test_a_missing_archive_stops_the_run(wanting) -> None:
    def read(_ref):
        raise FileNotFoundError("the disk is gone")

    with pytest.raises(FileNotFoundError):
        list(judge_block([wanting(1, 1)], read, CASCADE, None, 4))


def test_not_a_number_is_no_relevance(wanting, picture) -> None:
    class Confused(LengthScorer):
        def score(self, images, texts, /) -> list[list[float]]:
            return [[float("nan") for _ in group] for group in texts]

    (verdict,) = judge_block([wanting(1, 7)], Archive({7: picture()}), CASCADE, Confused(), 4)
    assert (verdict.kept, verdict.reason) == (False, "relevance")


def test_the_protocol() -> None:
    assert isinstance(LengthScorer(), Scorer)


def test_raising_filters_are_counted_where_they_stand(make_candidate) -> None:
    class Breaks:
        stage = "page"

        def __call__(self, item, /):
            raise KeyError(item.page_url)

    broken = replace(CASCADE, page=replace(CASCADE.page, filters=(Breaks(),)))
    verdict = judge_page(make_candidate(), broken)
    assert (verdict.kept, verdict.stage, verdict.reason) == (False, "page", ERROR)
