"""What did a ledger row record? The way back from a row to the verdict it was written from."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from crawl.candidate import Candidate, DomFeatures, Text
from crawl.image_ref import ImageRef
from filter.ledger import SCHEMA
from filter.verdict import ImageFacts, ScoredText, Verdict

_DOM: Final = tuple(field.name for field in fields(DomFeatures))
_FACTS: Final = tuple(field.name for field in fields(ImageFacts))
_CANDIDATE: Final = tuple(
    field.name for field in fields(Candidate) if field.name not in ("texts", "dom")
)


def check_columns(names: list[str], where: str) -> None:
    """Raises ValueError when a ledger lacks a column: it was written by an older version."""
    missing = [name for name in SCHEMA.names if name not in names]
    if missing:
        raise ValueError(
            f"{where} has no column {missing[0]}: another version of lait wrote it; curate again"
        )


def recorded(row: Mapping[str, Any]) -> Verdict:
    """The verdict of one row.

    Its texts are those that were judged, running text cut into sentences; of a candidate that fell
    before its texts were judged, those of the page.
    """
    texts = tuple(ScoredText(**text) for text in row["texts"])
    value, threshold = _compared(row)
    candidate = Candidate(
        **{name: _frozen(row[name]) for name in _CANDIDATE},
        texts=tuple(Text(source=text.source, text=text.text) for text in texts),
        dom=DomFeatures(**{name: row["dom"][name] for name in _DOM}),
    )
    return Verdict(
        candidate=candidate,
        kept=row["kept"],
        stage=row["stage"],
        reason=row["reason"],
        value=value,
        threshold=threshold,
        ref=_ref(row),
        image=_facts(row),
        texts=texts,
        text=row["text"],
        text_source=row["text_source"],
        relevance=row["relevance"],
        shard=row["shard"],
    )


def _compared(row: Mapping[str, Any]) -> tuple[Any, Any]:
    """Value and threshold; words of both stand in one column."""
    value, threshold, words = row["value"], row["threshold"], row["detail"]
    if words is None or value is not None:
        return value, words if threshold is None else threshold
    first, bar, second = words.partition(" | ")
    return (words, threshold) if threshold is not None or not bar else (first, second)


def _ref(row: Mapping[str, Any]) -> ImageRef | None:
    if row["image_file"] is None:
        return None
    return ImageRef(
        url=row["image_url"],
        file=row["image_file"],
        offset=row["image_offset"],
        status=row["image_status"],
        content_type=row["image_content_type"],
        n_bytes=row["n_bytes"],
        opt_out=tuple(row["image_opt_out"] or ()),
    )


def _facts(row: Mapping[str, Any]) -> ImageFacts | None:
    if row["sha256"] is None:
        return None
    return ImageFacts(**{name: _frozen(row[name]) for name in _FACTS})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
