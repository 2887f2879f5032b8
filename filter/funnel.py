"""What did each step of a run see, drop and pass on?"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from filter.sieve import STAGES

REASONS: Final = {
    "takedown": ("takedown",),
    "page": ("language", "opt_out"),
    "main_image": ("not_main",),
    "text": (
        "text_missing",
        "text_file_name",
        "text_boilerplate",
        "text_short",
        "text_long",
        "text_personal",
        "text_spam",
        "text_profanity",
        "text_repetition",
        "text_language",
        "text_oov",
    ),
    "fetch": ("image_missing", "image_status", "opt_out"),
    "known_bad": ("known_bad",),
    "decode": ("image_bytes", "image_format", "image_pixels", "image_corrupt"),
    "size": ("min_side", "aspect_ratio"),
    "natural": ("uniform", "too_dark", "too_light", "blurred", "not_natural"),
    "known": ("eval_overlap", "seen_before"),
    "safety": ("unsafe",),
    "relevance": ("relevance",),
    "aggregate": ("duplicate_image", "near_duplicate", "text_on_many_images"),
}
"""Reasons in the order in which the cascade asks; a reason missing here is shown last."""

NO_MODEL: Final = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelRow:
    """One reason of one step. `kept` of a row is `seen` of the next."""

    stage: str
    reason: str
    """'' for a step that dropped nothing, `no model` for one that was skipped."""
    seen: int
    dropped: int
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """A whole run in numbers: kept + dropped = seen, always."""

    rows: tuple[FunnelRow, ...]
    seen: int
    """Candidates that entered."""
    kept: int
    pages: int = 0
    images: int = 0
    """Image responses that the archives hold."""
    damage: int = 0
    """Stretches of the archives and pages that could not be read."""
    relevance: str = NO_MODEL
    """Digest of the relevance model; `none` when that step was skipped and each image's text was
    chosen by the order of its sources."""

    @property
    def dropped(self) -> int:
        return sum(row.dropped for row in self.rows)

    def check(self) -> None:
        """Raises RuntimeError, with the numbers, when kept + dropped is not seen."""
        if self.kept + self.dropped != self.seen:
            raise RuntimeError(
                f"candidates were lost or doubled: seen {self.seen}, but kept {self.kept} + "
                f"dropped {self.dropped} = {self.kept + self.dropped}"
            )


Fate = tuple[str | None, str | None]
"""(stage, reason); (None, None) for a kept candidate."""


def count_fates(tables: Iterable[pa.Table]) -> Counter[Fate]:
    """How many candidates of a ledger met which fate, from its columns `stage` and `reason`."""
    fates: Counter[Fate] = Counter()
    for table in tables:
        fates.update(zip(table["stage"].to_pylist(), table["reason"].to_pylist(), strict=True))
    return fates


def build(seen: int, fates: Mapping[Fate, int], **facts: Any) -> Funnel:
    """The funnel of `seen` candidates that met `fates`; `facts` are Funnel's other fields.

    Raises RuntimeError when the fates do not add up to `seen`.
    """
    rows: list[FunnelRow] = []
    left = seen
    skipped = {"relevance"} if facts.get("relevance", NO_MODEL) == NO_MODEL else set()
    for stage, reason in _steps(fates):
        n_dropped = fates.get((stage, reason), 0)
        rows.append(
            FunnelRow(
                stage=stage,
                reason=reason or ("no model" if stage in skipped else ""),
                seen=left,
                dropped=n_dropped,
                kept=left - n_dropped,
            )
        )
        left -= n_dropped
    funnel = Funnel(rows=tuple(rows), seen=seen, kept=fates.get((None, None), 0), **facts)
    funnel.check()
    return funnel


def _steps(fates: Mapping[Fate, int]) -> list[tuple[str, str]]:
    """Every (stage, reason) that dropped something, in order; (stage, '') where none did."""
    steps = []
    for stage in STAGES:
        known = REASONS.get(stage, ())
        there = sorted(
            (reason for where, reason in fates if where == stage and reason is not None),
            key=lambda reason: (known.index(reason) if reason in known else len(known), reason),
        )
        steps += [(stage, reason) for reason in there] or [(stage, "")]
    extra = sorted({where for where, _ in fates if where is not None and where not in STAGES})
    assert not extra, f"stages {extra} are not in filter.sieve.STAGES"
    return steps
