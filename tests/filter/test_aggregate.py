"""Do LAIT's two rules hold, in their order, whatever the order of the pairs?"""

from itertools import permutations

import pytest

from filter.aggregate import drop_common_text, image_key, keep_best_pair, text_key


def fates(verdicts) -> dict[int, str | None]:
    return {int(v.candidate.candidate_id, 16): v.reason for v in verdicts}


def test_one_image_keeps_its_best_pair(make_verdict) -> None:
    group = [
        make_verdict(1, relevance=0.6),
        make_verdict(2, relevance=0.9),
        make_verdict(3, relevance=0.9),
        make_verdict(4, relevance=0.5),
    ]
    for shuffled in permutations(group):
        found = list(keep_best_pair(shuffled))
        assert fates(found) == {
            1: "duplicate_image",
            2: None,
            3: "duplicate_image",
            4: "duplicate_image",
        }
    loser = next(v for v in found if v.candidate.candidate_id.endswith("4"))
    assert (loser.stage, loser.kept) == ("aggregate", False)
    assert (loser.value, loser.threshold) == (0.5, 0.9)


def test_without_scores_the_smallest_id_stays(make_verdict) -> None:
    group = [make_verdict(number, relevance=None) for number in (3, 1, 2)]
    assert fates(keep_best_pair(group)) == {1: None, 2: "duplicate_image", 3: "duplicate_image"}


@pytest.mark.parametrize(("n_images", "keeps"), [(1, True), (5, True), (6, False)])
def test_a_text_on_too_many_images_drops_all(make_verdict, n_images, keeps) -> None:
    group = [make_verdict(number, image="0123456789"[number]) for number in range(n_images)]
    found = list(drop_common_text(group, 5))
    assert len(found) == n_images
    assert all(v.kept == keeps for v in found)
    if not keeps:
        assert {(v.stage, v.reason, v.value, v.threshold) for v in found} == {
            ("aggregate", "text_on_many_images", 6, 5)
        }


def test_keys(make_verdict) -> None:
    one, other = make_verdict(1, text="A Red  Ball"), make_verdict(2, text="a red ball ")
    assert text_key(one) == text_key(other)
    assert image_key(one) == image_key(other) != image_key(make_verdict(3, image="b"))
