"""How does a curation run compare with the world's gold answers?"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

KEPT = "kept"
"""The row that judges the pairs themselves, beside one row for every reason to drop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterQuality:
    """One filter against the gold."""

    reason: str
    gold: int
    """Candidates the gold says this reason should drop (for `kept`: should keep)."""
    decided: int
    """Candidates the run dropped for this reason (for `kept`: kept)."""
    precision: float | None
    """Share of `decided` that a person agrees with; None where nothing was decided."""
    recall: float | None
    """Share of `gold` that the run treated as a person would; None where the gold has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A whole run against the gold."""

    filters: tuple[FilterQuality, ...]
    pages: int
    """Pages the gold knows, of those that have any candidate in the gold."""
    main_right: int
    """Pages whose main image, or whose lack of one, the run found."""
    unknown: int
    """Ledger rows whose image the gold does not know: 0 unless extraction invents images."""
    unseen: int
    """Gold rows that no ledger row answers: images extraction did not find."""


Key = tuple[str, str]


def judge(run: Path, world: Path) -> Judgement:
    """Compare the ledger of a finished run with `gold.jsonl` of the world it curated.

    A decision is right when it is the gold's own, or one of those the gold's `also` accepts: a
    picture that is both tiny and corrupt may be dropped for either.

    Raises:
        ValueError: the run is not finished, or the world has no gold.
    """
    from shards.manifest import read_manifest

    read_manifest(run)
    gold_path = world / "gold.jsonl"
    if not gold_path.is_file():
        raise ValueError(f"--world {world} holds no gold.jsonl; make one with `lait world {world}`")
    with gold_path.open(encoding="utf-8") as lines:
        return compare(ledger_rows(run), [json.loads(line) for line in lines])


def ledger_rows(run: Path) -> list[dict[str, Any]]:
    """The columns of a ledger that the comparison needs."""
    columns = ["page_url", "image_url", "is_main", "kept", "reason"]
    rows: list[dict[str, Any]] = pq.read_table(run / "ledger", columns=columns).to_pylist()
    return rows


def compare(ledger: Iterable[Mapping[str, Any]], gold: Iterable[Mapping[str, Any]]) -> Judgement:
    """The same on rows that are already in memory."""
    answers = {(row["page_url"], row["image_url"]): row for row in gold}
    decided: dict[Key, str] = {}
    mains: dict[str, str] = {}
    unknown = 0
    for row in ledger:
        key = (row["page_url"], row["image_url"])
        if row["is_main"]:
            mains[row["page_url"]] = row["image_url"]
        if key in answers:
            decided[key] = KEPT if row["kept"] else row["reason"]
        else:
            unknown += 1
    pages = {page for page, _ in answers}
    expected_mains = {row["page_url"]: row["image_url"] for row in answers.values() if row["main"]}
    return Judgement(
        filters=_filters(decided, answers),
        pages=len(pages),
        main_right=sum(mains.get(page) == expected_mains.get(page) for page in pages),
        unknown=unknown,
        unseen=len(answers.keys() - decided.keys()),
    )


def _filters(
    decided: Mapping[Key, str], answers: Mapping[Key, Mapping[str, Any]]
) -> tuple[FilterQuality, ...]:
    expected = {key: KEPT if row["keep"] else row["drop"] for key, row in answers.items()}
    accepted = {key: {expected[key], *row.get("also", ())} for key, row in answers.items()}
    right: dict[str, int] = defaultdict(int)
    found: dict[str, int] = defaultdict(int)
    for key, decision in decided.items():
        agreed = decision in accepted[key]
        right[decision] += agreed
        found[expected[key]] += agreed
    in_gold, in_run = Counter(expected.values()), Counter(decided.values())
    return tuple(
        FilterQuality(
            reason=reason,
            gold=in_gold[reason],
            decided=in_run[reason],
            precision=right[reason] / in_run[reason] if in_run[reason] else None,
            recall=found[reason] / in_gold[reason] if in_gold[reason] else None,
        )
        for reason in sorted(in_gold.keys() | in_run.keys(), key=lambda name: (name != KEPT, name))
    )
