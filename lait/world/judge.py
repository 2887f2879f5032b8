"""How does a curation run compare with the world's gold answers?"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

KEPT = "kept"
"""The row that judges the pairs themselves, beside one row for every reason to drop."""
DESCRIPTION = "description"
"""The row that judges the texts let through, beside one row for every reason to refuse a text."""
_AUTHORED = ("alt", "title", "caption")
_NOISE_BESIDE = {
    "caption_over_boilerplate": "text_boilerplate",
    "caption_over_short_alt": "text_short",
    "text_near_over_spam": "text_spam",
    "title_over_file_name": "text_file_name",
}
"""What is wrong with the other texts of pictures that are kept for one good text, by their case."""


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
    texts: tuple[FilterQuality, ...]
    """The text filters again, judged on single texts: see `judge_texts`."""
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
    columns = ["page_url", "image_url", "is_main", "kept", "stage", "reason", "texts"]
    rows: list[dict[str, Any]] = pq.read_table(run / "ledger", columns=columns).to_pylist()
    return rows


def compare(ledger: Iterable[Mapping[str, Any]], gold: Iterable[Mapping[str, Any]]) -> Judgement:
    """The same on rows that are already in memory."""
    ledger = list(ledger)
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
        texts=judge_texts(ledger, answers),
        pages=len(pages),
        main_right=sum(mains.get(page) == expected_mains.get(page) for page in pages),
        unknown=unknown,
        unseen=len(answers.keys() - decided.keys()),
    )


def judge_texts(
    ledger: Iterable[Mapping[str, Any]], answers: Mapping[Key, Mapping[str, Any]]
) -> tuple[FilterQuality, ...]:
    """The text filters on every alt, title and caption of a main image that the gold judges.

    A candidate has many texts and falls only when all are refused, so the fate of candidates says
    little about one filter. Texts of which the gold says nothing (the name in a byline) are left
    out.
    """
    judged = []
    for row in ledger:
        answer = answers.get((row["page_url"], row["image_url"]))
        if answer is None or not answer["main"] or row.get("stage") in ("page", "main_image"):
            continue
        for text in row.get("texts", ()):
            accepted = _verdicts_on(text["text"], answer)
            if text["source"] in _AUTHORED and accepted:
                judged.append((text["drop"] or DESCRIPTION, accepted))
    expected = Counter(accepted[0] for _, accepted in judged)
    found = Counter(accepted[0] for decision, accepted in judged if decision in accepted)
    decided = Counter(decision for decision, _ in judged)
    right = Counter(decision for decision, accepted in judged if decision in accepted)
    return _table(expected, found, decided, right, first=DESCRIPTION)


def _verdicts_on(text: str, answer: Mapping[str, Any]) -> tuple[str, ...]:
    """What a person would say of a text, the best word first; empty where the gold is silent."""
    if text in answer["true_texts"]:
        return (DESCRIPTION,)
    reason = _NOISE_BESIDE.get(answer["case"]) or answer["drop"] or ""
    if not reason.startswith("text_") or reason == "text_on_many_images":
        return ()
    return (reason, *(other for other in answer["also"] if other.startswith("text_")))


def _filters(
    decided: Mapping[Key, str], answers: Mapping[Key, Mapping[str, Any]]
) -> tuple[FilterQuality, ...]:
    expected = {key: KEPT if row["keep"] else row["drop"] for key, row in answers.items()}
    accepted = {key: {expected[key], *row.get("also", ())} for key, row in answers.items()}
    right, found = Counter[str](), Counter[str]()
    for key, decision in decided.items():
        agreed = decision in accepted[key]
        right[decision] += agreed
        found[expected[key]] += agreed
    return _table(Counter(expected.values()), found, Counter(decided.values()), right, first=KEPT)


def _table(
    expected: Counter[str],
    found: Counter[str],
    decided: Counter[str],
    right: Counter[str],
    *,
    first: str,
) -> tuple[FilterQuality, ...]:
    return tuple(
        FilterQuality(
            reason=reason,
            gold=expected[reason],
            decided=decided[reason],
            precision=right[reason] / decided[reason] if decided[reason] else None,
            recall=found[reason] / expected[reason] if expected[reason] else None,
        )
        for reason in sorted(expected | decided, key=lambda name: (name != first, name))
    )
