"""Is a candidate judged again as it was, and are unknown values called unknown?"""

from dataclasses import replace

import pytest

from crawl.config import CrawlConfig
from filter.config import FilterConfig
from filter.judge import judge_block, judge_page, judge_ref
from filter.ledger import row
from filter.recipe import Cascade, lait
from filter.recorded import check_columns, recorded
from filter.replay import NOT_DECODED, NOT_SCORED, aggregate_again, judge_again, slim
from filter.sieve import ERROR, dropped
from filter.verdict import Drop, ScoredText, Verdict

DEFAULT = FilterConfig()
GOOD = "A lovely red umbrella stands open on the wide and sandy beach"


def cascade(**changes) -> Cascade:
    return lait(DEFAULT.model_copy(update=changes), CrawlConfig())


class LengthScorer:
    """Scores a text by its length."""

    def preprocess(self, image, /):
        return image

    def score(self, _images, texts, /) -> list[list[float]]:
        if any("hateful" in text for group in texts for text in group):
            raise RuntimeError("I cannot read this")
        return [[len(text) / 100 for text in group] for group in texts]


@pytest.fixture
def run(make_candidate, make_ref, picture):
    """The verdict of one candidate under the default settings, as its ledger row tells it."""

    def judged(*, body=None, ref=None, scorer=None, config=None, **changes) -> Verdict:
        rules = config or cascade()
        body = picture() if body is None else body
        found = make_ref(n_bytes=len(body), **(ref or {}))
        verdict = judge_ref(judge_page(make_candidate(**changes), rules), found, rules)
        if verdict.kept:
            (verdict,) = judge_block([verdict], lambda _ref: body, rules, scorer, 4)
        return recorded(row(verdict))

    return judged


def again(before: Verdict, rules: Cascade, *, scored: bool = False) -> Verdict:
    return judge_again(before, rules, same_texts=rules.text == cascade().text, scored=scored)


def test_a_row_gives_its_verdict_back(make_verdict, make_facts) -> None:
    texts = (
        ScoredText(source="alt", text="A red umbrella on the beach", score=0.8, drop=None),
        ScoredText(source="heading", text="Beach", score=None, drop="not_eligible"),
    )
    kept = make_verdict(3, texts=texts, shard="00001")
    candidate = replace(
        kept.candidate, texts=tuple(replace(kept.candidate.texts[0], source=t.source, text=t.text)
                                    for t in texts)
    )  # fmt: skip
    crops = ("0" * 16,) * 5
    kept = replace(kept, candidate=candidate, image=make_facts(n_bytes=9, phash_crops=crops))
    kept = replace(kept, ref=replace(kept.ref, n_bytes=9, opt_out=("noai",)))
    assert recorded(row(kept)) == kept
    small = dropped(kept, "size", Drop(reason="min_side", value=200.0, threshold=300.0))
    assert recorded(row(replace(small, shard=None))) == replace(small, shard=None)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"language": "de"},
        {"is_main": False},
        {"texts": ()},
        {"texts": (("alt", "image"), ("heading", "Beach"))},
        {"texts": (("surrounding", "We saw a boat. It was red and large. And so on."),)},
        {"ref": {"status": 404}},
        {"ref": {"opt_out": ("noai",)}},
        {"body": b"x" * 10},
        {"body": b"GIF89a" * 400},
        {"body": b"\xff\xd8\xff" * 900},
    ],
)
def test_unchanged_settings_change_nothing(run, changes) -> None:
    before = run(**changes)
    after = again(before, cascade())
    for name in ("kept", "stage", "reason", "value", "text", "text_source"):
        assert getattr(after, name) == getattr(before, name)
    assert [(t.text, t.drop) for t in after.texts] == [
        (t.text, t.drop) for t in before.texts if after.texts
    ]


def test_a_threshold_compares_the_recorded_value(run) -> None:
    before = run()
    wider = again(before, cascade(min_side_px=320))
    assert (wider.stage, wider.reason, wider.value, wider.threshold) == (
        "size", "min_side", 320, 320,
    )  # fmt: skip
    assert again(wider, cascade(min_side_px=319)).kept, "judged again from what it has become"


def test_an_image_never_decoded_cannot_be_judged(run) -> None:
    for changes in ({"is_main": False}, {"texts": (("alt", "image"),)}, {"body": b"x" * 10}):
        after = again(
            run(**changes), cascade(require_main_image=False, min_image_bytes=1, min_words=1)
        )
        expected = "text_boilerplate" if "texts" in changes else NOT_DECODED
        assert after.reason == expected


def test_pixels_are_recorded_even_of_images_too_large(run) -> None:
    before = run(config=cascade(max_pixels=1000))
    assert before.reason == "image_pixels"
    assert again(before, cascade(max_pixels=2000)).reason == "image_pixels"
    assert again(before, cascade(max_pixels=200_000)).reason == NOT_DECODED
    assert again(run(), cascade(max_pixels=1000)).reason == "image_pixels"


def test_running_text_is_cut_once(run) -> None:
    story = "We saw a boat on the lake. The boat was red and very large indeed."
    fallen = run(texts=(("surrounding", story),), is_main=False)
    assert [text.text for text in fallen.texts] == [story]
    after = again(fallen, cascade(require_main_image=False))
    assert [text.text for text in after.texts] == [
        "We saw a boat on the lake.", "The boat was red and very large indeed.",
    ]  # fmt: skip
    evidence = run(texts=(("surrounding", story), ("alt", GOOD)), config=cascade(
        text_sources=("alt",)
    ))  # fmt: skip
    assert len(again(evidence, cascade()).texts) == 3


def test_scores_are_used_again(run) -> None:
    texts = (("alt", GOOD), ("caption", "A red umbrella on the beach"))
    before = run(scorer=LengthScorer(), texts=texts)
    assert (before.kept, before.relevance) == (True, len(GOOD) / 100)
    assert again(before, cascade(), scored=True).kept
    lower = again(before, cascade(min_relevance=0.7), scored=True)
    assert (lower.stage, lower.reason, lower.value) == ("relevance", "relevance", before.relevance)
    # Without the longer text the other one, which was scored too, is chosen.
    other = again(before, cascade(max_words=8, min_relevance=0.1), scored=True)
    assert (other.kept, other.text) == (True, "A red umbrella on the beach")


def test_a_text_never_scored_cannot_be_judged(run) -> None:
    before = run(scorer=LengthScorer(), texts=(("alt", GOOD), ("caption", "Two words")))
    assert again(before, cascade(min_words=2), scored=True).reason == NOT_SCORED
    small = run(scorer=LengthScorer(), config=cascade(min_side_px=5000))
    assert again(small, cascade(), scored=True).reason == NOT_SCORED
    assert again(small, cascade(), scored=False).kept, "no model was asked for"


def test_what_raised_stays_fallen(run) -> None:
    before = run(scorer=LengthScorer(), texts=(("alt", f"{GOOD} hateful"),))
    assert (before.stage, before.reason) == ("relevance", ERROR)
    after = again(before, cascade(min_relevance=0), scored=True)
    assert (after.stage, after.reason, after.value) == ("relevance", ERROR, before.value)


def test_aggregation(make_verdict) -> None:
    pairs = [
        make_verdict(1, image="a", phash="00000000000000ff", relevance=0.9, text="one"),
        make_verdict(2, image="a", phash="00000000000000ff", relevance=0.8, text="two"),
        make_verdict(3, image="b", phash="00000000000000ff", relevance=0.7, text="three"),
        make_verdict(4, image="c", phash="00000000000000fe", relevance=0.6, text="four"),
        make_verdict(5, image="d", phash="ffffffff00000000", relevance=0.5, text="x"),
        make_verdict(6, image="e", phash="0000ffff0000ffff", relevance=0.5, text="X"),
    ]
    slimmed = [slim(pair) for pair in pairs]

    def fates(**changes):
        found = aggregate_again(slimmed, cascade(**changes))
        return {int(v.candidate.candidate_id, 16): v.reason for v in found}

    copies = {2: "duplicate_image", 3: "near_duplicate", 4: "near_duplicate"}
    assert fates() == {1: None, **copies, 5: None, 6: None}
    common = {5: "text_on_many_images", 6: "text_on_many_images"}
    assert fates(max_images_per_text=1) == {1: None, **copies, **common}
    assert fates(max_phash_distance=None)[3] is None


def test_columns_of_another_version() -> None:
    with pytest.raises(ValueError, match=r"a\.parquet has no column candidate_id"):
        check_columns([], "a.parquet")
