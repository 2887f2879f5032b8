"""Which images are copies of another one, re-encoded or resized?

Two hashes that differ in at most d of 64 bits agree in at least one of d+1 bands (pigeonhole): only
images that share a band are compared. No clusters are grown: an image falls exactly when a better
scored one lies within the distance, which needs no second pass over the collection and makes every
drop explainable by naming that one image.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from filter.aggregate import Rank, better
from filter.verdict import Verdict

HASH_BITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashed:
    """What comparing needs of a pair: it is shuffled once per band, so it is small."""

    rank: Rank
    """Smaller is better, and no two are equal."""
    candidate_id: str
    phash: str


def hashed(verdict: Verdict) -> Hashed:
    """The pair, as it is compared."""
    assert verdict.image is not None, verdict.candidate.candidate_id
    return Hashed(
        rank=better(verdict),
        candidate_id=verdict.candidate.candidate_id,
        phash=verdict.image.phash,
    )


def bands(phash: str, max_distance: int) -> tuple[str, ...]:
    """Keys of the `max_distance + 1` bands of a hash, of lengths as even as possible."""
    bits = f"{int(phash, 16):0{HASH_BITS}b}"
    n_bands = max_distance + 1
    edges = [band * HASH_BITS // n_bands for band in range(n_bands + 1)]
    return tuple(f"{band}:{bits[edges[band] : edges[band + 1]]}" for band in range(n_bands))


def near_copies(
    same_band: Iterable[Hashed], max_distance: int
) -> Iterator[tuple[str, tuple[str, int]]]:
    """(candidate id of a copy, (candidate id of the better image, distance in bits)).

    Each copy once, with the best scored image within the distance.
    """
    ordered = sorted(same_band, key=lambda one: one.rank)
    hashes = np.array([int(one.phash, 16) for one in ordered], dtype=np.uint64)
    for place in range(1, len(ordered)):
        differing = np.bitwise_count(hashes[:place] ^ hashes[place])
        close = np.flatnonzero(differing <= max_distance)
        if close.size:
            first = int(close[0])
            yield (
                ordered[place].candidate_id,
                (ordered[first].candidate_id, int(differing[first])),
            )


def closest(found: Sequence[tuple[str, int]]) -> tuple[str, int]:
    """Of the better images that several bands found, the one to name: nearest, then smallest id."""
    return min(found, key=lambda copy: (copy[1], copy[0]))
