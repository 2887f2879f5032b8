"""Which images are copies of another one: re-encoded, resized, framed, cropped a little?

Two prints that differ in at most d of 64 bits agree in at least k of the d+k blocks that their bits
are cut into (pigeonhole): only images that share k blocks are compared, and none is missed. No
clusters are grown: an image falls exactly when a better scored one lies within the distance, which
needs no second pass over the collection and makes every drop explainable by naming that one image.

              whole of B          crops of B
 whole of A   compared            compared        crops against crops are not: both sides of a pair
 crops of A   compared                            would have lost different edges
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from filter.aggregate import Rank, better
from filter.verdict import Verdict

HASH_BITS: Final = 64
_ONE_BLOCK_IMAGES: Final = 4_000_000
"""Up to so many images one equal block makes groups of a few thousand; beyond, two are asked for,
which costs three times the keys and makes groups several hundred times smaller."""
_HOT: Final = 4096
"""A larger group is cut again by blocks of the bits in which its members differ."""
_ROWS: Final = 256
"""Prints compared at once with all that are better."""

Copy: TypeAlias = tuple[Rank, str, int]
"""(rank of the better image, its candidate id, distance in bits)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """What comparing needs of a pair: it is shuffled once per key, so it is small."""

    rank: Rank
    """Smaller is better, and no two are equal."""
    candidate_id: str
    bits: int
    """One 64-bit hash of the image."""
    cropped: bool
    """It is the hash of a crop, not of the whole."""


def prints_of(verdict: Verdict) -> Iterator[Print]:
    """The whole of a pair's image first, then its distinct crops."""
    assert verdict.image is not None, verdict.candidate.candidate_id
    rank, candidate_id = better(verdict), verdict.candidate.candidate_id
    whole = int(verdict.image.phash, 16)
    yield Print(rank=rank, candidate_id=candidate_id, bits=whole, cropped=False)
    crops = {int(crop, 16) for crop in verdict.image.phash_crops} - {whole}
    for crop in sorted(crops):
        yield Print(rank=rank, candidate_id=candidate_id, bits=crop, cropped=True)


def n_equal_blocks(n_images: int) -> int:
    """How many blocks two prints must share to be compared: the more images, the more."""
    return 1 if n_images <= _ONE_BLOCK_IMAGES else 2


def keys(bits: int, max_distance: int, n_equal: int = 1) -> Iterator[bytes]:
    """Which blocks, and their bits, for every choice of `n_equal` among `max_distance + n_equal`.

    Bytes, for Beam's coder of integers has no place for the 64th bit.
    """
    for number, mask in enumerate(_masks(range(HASH_BITS), max_distance, n_equal)):
        yield bytes((number,)) + (bits & mask).to_bytes(8, "big")


def _masks(places: Sequence[int], max_distance: int, n_equal: int) -> list[int]:
    """Every choice of blocks, of lengths as even as possible, as the mask of their bits."""
    n_blocks, n_places = max_distance + n_equal, len(places)
    edges = [block * n_places // n_blocks for block in range(n_blocks + 1)]
    blocks = [
        sum(1 << place for place in places[edges[block] : edges[block + 1]])
        for block in range(n_blocks)
    ]
    return [sum(chosen) for chosen in combinations(blocks, n_equal)]


def near_copies(group: Iterable[Print], max_distance: int) -> Iterator[tuple[str, Copy]]:
    """(candidate id of a copy, the best image within the distance), each copy at most once.

    Memory: about 500 bytes a print of the group. Time grows with its square up to `_HOT` prints,
    and beyond only where they are all alike.
    """
    ordered = sorted(group, key=lambda one: (one.rank, one.cropped, one.bits))
    bits = np.array([one.bits for one in ordered], dtype=np.uint64)
    cropped = np.array([one.cropped for one in ordered], dtype=np.bool_)
    number = {rank: n for n, rank in enumerate(dict.fromkeys(one.rank for one in ordered))}
    owner = np.array([number[one.rank] for one in ordered], dtype=np.int64)
    best = best_within(bits, cropped, owner, max_distance)
    found: dict[str, Copy] = {}
    for place in np.flatnonzero(best < len(ordered)):
        one, other = ordered[place], ordered[best[place]]
        copy = (other.rank, other.candidate_id, (one.bits ^ other.bits).bit_count())
        found[one.candidate_id] = min(copy, found.get(one.candidate_id, copy))
    yield from found.items()


def best_within(
    bits: NDArray[np.uint64],
    cropped: NDArray[np.bool_],
    owner: NDArray[np.int64],
    max_distance: int,
) -> NDArray[np.int64]:
    """For each of P prints, best first, the first one of a better image within the distance.

    All arrays are [P]; P itself stands where there is none. `owner` numbers images, best first.
    """
    n_prints = len(bits)
    best = np.full(n_prints, n_prints, dtype=np.int64)
    differing = int(np.bitwise_or.reduce(bits ^ bits[0])) if n_prints else 0
    places = [place for place in range(HASH_BITS) if differing >> place & 1]
    if n_prints <= _HOT or len(places) <= max_distance:
        _compare(bits, cropped, owner, max_distance, best)
        return best
    for mask in _masks(places, max_distance, 1):
        for members in _groups(bits & np.uint64(mask)):
            inner = best_within(bits[members], cropped[members], owner[members], max_distance)
            close = np.flatnonzero(inner < len(members))
            best[members[close]] = np.minimum(best[members[close]], members[inner[close]])
    return best


def _groups(values: NDArray[np.uint64]) -> Iterator[NDArray[np.int64]]:
    """The places of equal values, at least two, each group in rising order."""
    order = np.argsort(values, kind="stable")
    cuts = np.flatnonzero(np.diff(values[order])) + 1
    yield from (group for group in np.split(order, cuts) if len(group) > 1)


def _compare(
    bits: NDArray[np.uint64],
    cropped: NDArray[np.bool_],
    owner: NDArray[np.int64],
    max_distance: int,
    best: NDArray[np.int64],
) -> None:
    """Fills `best`, all against all that are better; a print that has found one stops looking."""
    n_prints = len(bits)
    for start in range(0, n_prints, _ROWS):
        stop = min(start + _ROWS, n_prints)
        rows = np.arange(start, stop)
        for left in range(0, stop, _HOT):
            columns = slice(left, min(left + _HOT, stop))
            differing = np.bitwise_count(bits[rows, None] ^ bits[None, columns])
            close = differing <= max_distance
            close &= owner[None, columns] < owner[rows, None]
            close &= ~(cropped[rows, None] & cropped[None, columns])
            hit = close.any(axis=1)
            best[rows[hit]] = left + close[hit].argmax(axis=1)
            rows = rows[~hit]
