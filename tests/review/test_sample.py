"""Is the sample fair, complete and the same every time?"""

import random

import pytest

from review.load import open_run
from review.sample import stratified
from tests.review.conftest import RunMaker, jpeg, row, several_fates

ORDER = ["kept", "language", "text_short", "min_side", "relevance"]


def test_every_fate_is_there_in_the_order_of_the_cascade(make_run: RunMaker) -> None:
    strata = stratified(open_run(make_run()), per_stratum=6)
    assert [stratum.reason for stratum in strata] == ORDER
    for stratum in strata:
        assert stratum.count == 20
        assert len(set(stratum.candidate_ids)) == len(stratum.candidate_ids) == 6


def test_all_of_a_rare_reason_are_shown_once(make_run: RunMaker) -> None:
    strata = stratified(open_run(make_run(several_fates(3))), per_stratum=8)
    assert all(len(set(s.candidate_ids)) == len(s.candidate_ids) == 3 for s in strata)


def test_neither_row_order_nor_files_change_the_sample(make_run: RunMaker) -> None:
    rows = several_fates()
    once = stratified(open_run(make_run(rows)))
    random.Random(5).shuffle(rows)
    again = stratified(open_run(make_run(rows, name="shuffled", files=3)))
    assert once == again


def test_another_seed_draws_others_but_keeps_the_nearest(make_run: RunMaker) -> None:
    run = open_run(make_run())
    for one, other in zip(stratified(run, seed=0), stratified(run, seed=1), strict=True):
        assert one.others != other.others
    relevance = [stratified(run, seed=seed)[-1] for seed in (0, 1)]
    assert relevance[0].nearest == relevance[1].nearest


def test_the_nearest_are_the_closest_decisions(make_run: RunMaker) -> None:
    rows = several_fates()
    random.Random(7).shuffle(rows)
    strata = {s.reason: s for s in stratified(open_run(make_run(rows)), per_stratum=8)}
    for reason in ("relevance", "min_side"):
        dropped = [r for r in rows if r["reason"] == reason]
        dropped.sort(key=lambda r: abs(r["value"] - r["threshold"]))
        assert strata[reason].nearest == tuple(r["candidate_id"] for r in dropped[:4])
    kept = sorted((r for r in rows if r["kept"]), key=lambda r: r["relevance"])
    assert strata["kept"].nearest == tuple(r["candidate_id"] for r in kept[:4])
    assert strata["language"].nearest == ()  # decided by a word, not by a number


def test_candidates_with_a_picture_are_preferred_fate_by_fate(make_run: RunMaker) -> None:
    rows = several_fates()
    pictured = {r["candidate_id"]: jpeg(0) for r in rows if r["reason"] == "min_side"}
    pictured = dict(list(pictured.items())[-3:])
    strata = {s.reason: s for s in stratified(open_run(make_run(rows, pictured)))}
    assert set(strata["min_side"].candidate_ids) == set(pictured)
    assert strata["min_side"].count == 20
    assert len(strata["language"].candidate_ids) == 8


def test_numbers_that_are_no_distance_do_not_count_as_near(make_run: RunMaker) -> None:
    rows = [
        row(n, stage="relevance", reason="relevance", value=float("nan"), threshold=0.5)
        for n in range(3)
    ]
    (stratum,) = stratified(open_run(make_run(rows)))
    assert stratum.nearest == ()
    assert len(stratum.others) == 3


def test_an_empty_run_has_no_strata(make_run: RunMaker) -> None:
    assert stratified(open_run(make_run([]))) == ()


def test_zero_samples_is_an_error(make_run: RunMaker) -> None:
    with pytest.raises(ValueError, match="per_stratum=0"):
        stratified(open_run(make_run()), per_stratum=0)
