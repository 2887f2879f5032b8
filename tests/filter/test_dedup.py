"""Do the bands find every close pair, and does the better scored image stay?"""

import random

import pytest

from filter.dedup import bands, closest, hashed, near_copies
from filter.phash import distance


@pytest.mark.parametrize("max_distance", [0, 1, 4, 8])
def test_close_hashes_share_a_band(max_distance) -> None:
    rng = random.Random(max_distance)
    for _ in range(200):
        one = rng.getrandbits(64)
        other = one
        for bit in rng.sample(range(64), max_distance):
            other ^= 1 << bit
        assert set(bands(f"{one:016x}", max_distance)) & set(bands(f"{other:016x}", max_distance))


def test_bands_cover_all_bits() -> None:
    found = bands("0123456789abcdef", 4)
    assert len(found) == 5
    assert "".join(band.split(":")[1] for band in found) == f"{0x0123456789ABCDEF:064b}"
    assert len(set(bands("0" * 16, 4))) == 5, "bands of equal bits are still different bands"


def test_the_better_scored_image_stays(make_verdict) -> None:
    group = [
        make_verdict(1, phash="0000000000000003", relevance=0.7),
        make_verdict(2, phash="0000000000000000", relevance=0.9),
        make_verdict(3, phash="ffffffffffffffff", relevance=0.1),
        make_verdict(4, phash="0000000000000001", relevance=0.7),
    ]
    found = {
        int(copy, 16): (int(keeper, 16), bits)
        for copy, (keeper, bits) in near_copies(map(hashed, group), 4)
    }
    assert found == {1: (2, 2), 4: (2, 1)}
    for copy, (keeper, bits) in found.items():
        by_id = {int(v.candidate.candidate_id, 16): v for v in group}
        assert distance(by_id[copy].image.phash, by_id[keeper].image.phash) == bits


def test_distance_is_a_bound(make_verdict) -> None:
    pair = make_verdict(1, phash="0" * 16), make_verdict(2, phash="000000000000001f")
    group = [hashed(verdict) for verdict in pair]
    assert list(near_copies(group, 4)) == []
    assert len(list(near_copies(group, 5))) == 1


def test_closest() -> None:
    assert closest([("b", 2), ("a", 2), ("c", 3)]) == ("a", 2)
