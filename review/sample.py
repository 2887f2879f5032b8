"""Which few candidates should a person look at, out of millions?

Some of every reason, and of those one half where the decision was closest: near the threshold a
wrong threshold shows first. Which ones is a pure function of the ledger's content and the seed,
not of the order of its rows or files.
"""

import hashlib
import heapq
import math
from collections.abc import Set
from dataclasses import dataclass, field

from filter.sieve import STAGES
from review.load import Run

KEPT = "kept"
"""The stratum of the candidates that no filter dropped."""

_COLUMNS = ["candidate_id", "kept", "stage", "reason", "value", "threshold", "relevance"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """A sample of the candidates with one fate."""

    stage: str
    reason: str
    """`kept`, or the reason of the drop."""
    count: int
    """Candidates of the run with this fate."""
    nearest: tuple[str, ...]
    """Candidate ids, the value closest to the threshold first; empty where there is no number."""
    others: tuple[str, ...]
    """Candidate ids drawn evenly from the rest."""

    @property
    def candidate_ids(self) -> tuple[str, ...]:
        return self.nearest + self.others


@dataclass(slots=True, kw_only=True)
class _Pool:
    """The best few of a stratum so far: memory does not grow with the ledger."""

    count: int = 0
    nearest: list[tuple[float, str, str]] = field(default_factory=list)
    drawn: list[tuple[str, str]] = field(default_factory=list)


def stratified(run: Run, *, per_stratum: int = 8, seed: int = 0) -> tuple[Stratum, ...]:
    """Up to `per_stratum` candidates of each fate: kept first, then as the cascade drops.

    Where the run has thumbnails of a fate, only candidates with a thumbnail are drawn.

    Raises:
        ValueError: `per_stratum` is not positive.
    """
    if per_stratum < 1:
        raise ValueError(f"per_stratum={per_stratum}: at least one sample of each reason, please")
    pictured, blind = _pools(run, per_stratum, seed)
    strata = [
        _stratum(fate, pictured.get(fate, pool), pool.count, per_stratum)
        for fate, pool in blind.items()
    ]
    return tuple(sorted(strata, key=lambda s: (s.reason != KEPT, stage_rank(s.stage), s.reason)))


def stage_rank(stage: str) -> tuple[int, str]:
    """Place of a step in the cascade; steps it does not know come last, by name."""
    return (STAGES.index(stage) if stage in STAGES else len(STAGES), stage)


def _pools(
    run: Run, size: int, seed: int
) -> tuple[dict[tuple[str, str], _Pool], dict[tuple[str, str], _Pool]]:
    """Pools by (stage, reason): of the candidates with a thumbnail, and of all."""
    thumbnails: Set[str] = run.thumbnail_ids()
    pictured: dict[tuple[str, str], _Pool] = {}
    every: dict[tuple[str, str], _Pool] = {}
    for batch in run.ledger.to_batches(columns=_COLUMNS):
        for row in batch.to_pylist():
            candidate_id = row["candidate_id"]
            fate = ("", KEPT) if row["kept"] else (str(row["stage"]), str(row["reason"]))
            distance = _distance(row, run.bounds.get("min_relevance"))
            draw = hashlib.sha256(f"{seed}:{candidate_id}".encode()).hexdigest()
            _add(every.setdefault(fate, _Pool()), candidate_id, distance, draw, size)
            if candidate_id in thumbnails:
                _add(pictured.setdefault(fate, _Pool()), candidate_id, distance, draw, size)
    return pictured, every


def _distance(row: dict[str, object], min_relevance: float | None) -> float | None:
    """How far the deciding number was from its threshold; None where no number decided."""
    kept = row["kept"]
    value = row["relevance"] if kept else row["value"]
    threshold = min_relevance if kept else row["threshold"]
    if not isinstance(value, int | float) or not isinstance(threshold, int | float):
        return None
    distance = abs(value - threshold)
    return distance if math.isfinite(distance) else None


def _add(pool: _Pool, candidate_id: str, distance: float | None, draw: str, size: int) -> None:
    pool.count += 1
    pool.drawn = heapq.nsmallest(size, [*pool.drawn, (draw, candidate_id)])
    if distance is not None:
        pool.nearest = heapq.nsmallest(size, [*pool.nearest, (distance, draw, candidate_id)])


def _stratum(fate: tuple[str, str], pool: _Pool, count: int, per_stratum: int) -> Stratum:
    nearest = tuple(candidate_id for _, _, candidate_id in pool.nearest[: per_stratum // 2])
    others = tuple(candidate_id for _, candidate_id in pool.drawn if candidate_id not in nearest)
    return Stratum(
        stage=fate[0],
        reason=fate[1],
        count=count,
        nearest=nearest,
        others=others[: per_stratum - len(nearest)],
    )
