"""Do the keys find every close pair, and does the better scored image stay?"""

import random
from dataclasses import replace

import numpy as np
import pytest

import filter.dedup as dedup
from filter.dedup import Print, best_within, keys, n_equal_blocks, near_copies, prints_of
from filter.phash import distance


@pytest.mark.parametrize("n_equal", [1, 2])
@pytest.mark.parametrize("max_distance", [0, 1, 4, 8])
def test_close_hashes_share_a_key(max_distance, n_equal) -> None:
    rng = random.Random(max_distance)
    for _ in range(200):
        one = rng.getrandbits(64)
        other = one
        for bit in rng.sample(range(64), max_distance):
            other ^= 1 << bit
        shared = set(keys(one, max_distance, n_equal)) & set(keys(other, max_distance, n_equal))
        assert shared


def test_keys_cover_all_bits() -> None:
    one = 0x0123456789ABCDEF
    found = list(keys(one, 4))
    assert len(found) == 5
    blocks = [int.from_bytes(key[1:], "big") for key in found]
    assert sum(blocks) == one, "five blocks, disjoint"
    assert len(set(keys(0, 4))) == 5, "blocks of equal bits are still different keys"
    assert len(set(keys(0, 4, 2))) == 15, "two of six"


def test_more_images_ask_for_more_equal_blocks() -> None:
    assert [n_equal_blocks(n) for n in (0, 4_000_000, 4_000_001)] == [1, 1, 2]


def test_prints_of_a_pair(make_verdict, make_facts) -> None:
    facts = make_facts(phash="000000000000000f", phash_crops=("00000000000000ff", "0" * 15 + "f"))
    # A crop with the hash of the whole adds nothing.
    whole, crop = prints_of(replace(make_verdict(1), image=facts))
    assert (whole.bits, whole.cropped) == (0xF, False)
    assert (crop.bits, crop.cropped) == (0xFF, True)


def test_the_better_scored_image_stays_and_the_best_is_named(make_verdict) -> None:
    group = [
        make_verdict(1, phash="0000000000000003", relevance=0.7),
        make_verdict(2, phash="0000000000000000", relevance=0.9),
        make_verdict(3, phash="ffffffffffffffff", relevance=0.1),
        make_verdict(4, phash="0000000000000001", relevance=0.7),
    ]
    prints = [one for verdict in group for one in prints_of(verdict)]
    found = {
        int(copy, 16): (int(keeper, 16), bits) for copy, (_, keeper, bits) in near_copies(prints, 4)
    }
    assert found == {1: (2, 2), 4: (2, 1)}
    by_id = {int(v.candidate.candidate_id, 16): v for v in group}
    for copy, (keeper, bits) in found.items():
        assert distance(by_id[copy].image.phash, by_id[keeper].image.phash) == bits


def test_distance_is_a_bound(make_verdict) -> None:
    pair = make_verdict(1, phash="0" * 16), make_verdict(2, phash="000000000000001f")
    group = [one for verdict in pair for one in prints_of(verdict)]
    assert list(near_copies(group, 4)) == []
    assert len(list(near_copies(group, 5))) == 1


def _print(number: int, bits: int, *, cropped: bool = False) -> Print:
    rank = (-1.0, "", number, "", "")
    return Print(rank=rank, candidate_id=str(number), bits=bits, cropped=cropped)


@pytest.mark.parametrize(
    ("cropped", "n_copies"), [((False, True), 1), ((True, False), 1), ((True, True), 0)]
)
def test_a_crop_is_compared_with_wholes_only(cropped, n_copies) -> None:
    group = [_print(number, 7, cropped=crop) for number, crop in enumerate(cropped)]
    assert len(list(near_copies(group, 4))) == n_copies


def test_an_image_is_no_copy_of_itself() -> None:
    group = [_print(1, 0), _print(1, 1, cropped=True)]
    assert list(near_copies(group, 4)) == []


def _brute_force(bits, cropped, owner, max_distance) -> list[int]:
    n = len(bits)
    return [
        next(
            (
                j
                for j in range(i)
                if owner[j] < owner[i]
                and not (cropped[i] and cropped[j])
                and (int(bits[i]) ^ int(bits[j])).bit_count() <= max_distance
            ),
            n,
        )
        for i in range(n)
    ]


@pytest.mark.parametrize("hot", [4, 16, 4096])
@pytest.mark.parametrize("n_free_bits", [3, 8, 24])
def test_hot_groups_are_cut_without_missing_a_pair(monkeypatch, hot, n_free_bits) -> None:
    """Against all pairs, on hashes that agree in most of their bits."""
    monkeypatch.setattr(dedup, "_HOT", hot)
    monkeypatch.setattr(dedup, "_ROWS", 8)
    rng = np.random.default_rng(n_free_bits)
    n = 150
    bits = rng.integers(0, 2**n_free_bits, n, dtype=np.uint64) << np.uint64(20)
    owner, cropped = np.sort(rng.integers(0, 60, n)), rng.random(n) < 0.5
    expected = _brute_force(bits, cropped, owner, 4)
    assert list(best_within(bits, cropped, owner, 4)) == expected
    assert any(place < n for place in expected)


def test_nothing_to_compare() -> None:
    assert list(near_copies([], 4)) == []
