"""How is the fate of every candidate written down, so that it can be asked about later?

One Parquet row per candidate, kept or not, sorted by candidate id; `replay`, the funnel, the data
card and the review read nothing else.
"""

import io
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from crawl.candidate import Candidate, DomFeatures
from crawl.damage import Damage
from filter.verdict import ImageFacts, ScoredText, Verdict

_TYPES: Final[dict[Any, pa.DataType]] = {
    bool: pa.bool_(),
    int: pa.int64(),
    int | None: pa.int64(),
    float: pa.float64(),
    float | None: pa.float64(),
    str: pa.string(),
    str | None: pa.string(),
    tuple[str, ...]: pa.list_(pa.string()),
}


def columns_of(record: Any, *, besides: frozenset[str] = frozenset()) -> dict[str, pa.DataType]:
    """A column for every field of a dataclass: what a type tells, the ledger keeps unasked."""
    wanted = [field for field in fields(record) if field.name not in besides]
    return {field.name: _TYPES[field.type] for field in wanted}


_NESTED: Final = frozenset({"texts", "dom"})

SCHEMA: Final = pa.schema(
    columns_of(Candidate, besides=_NESTED)
    | {
        "dom": pa.struct(list(columns_of(DomFeatures).items())),
        "texts": pa.list_(
            pa.struct(
                {
                    "source": pa.string(),
                    "text": pa.string(),
                    "score": pa.float64(),
                    "drop": pa.string(),
                }
            )
        ),
        "text": pa.string(),
        "text_source": pa.string(),
        "relevance": pa.float64(),
        "image_file": pa.string(),
        "image_offset": pa.int64(),
        "image_status": pa.int32(),
        "image_content_type": pa.string(),
        "image_opt_out": pa.list_(pa.string()),
    }
    | columns_of(ImageFacts)
    | {
        "kept": pa.bool_(),
        "stage": pa.string(),
        "reason": pa.string(),
        "value": pa.float64(),  # what the filter saw, when it is a number
        "threshold": pa.float64(),
        "detail": pa.string(),  # value or threshold, when it is not a number
        "shard": pa.string(),
        "key": pa.string(),
    }
)

_CHUNK: Final = 2_000
"""Rows turned into columns at once."""

DEAD_LETTER_SCHEMA: Final = pa.schema(
    {"file": pa.string(), "offset": pa.int64(), "reason": pa.string(), "detail": pa.string()}
)
THUMBNAIL_SCHEMA: Final = pa.schema(
    {"candidate_id": pa.string(), "reason": pa.string(), "thumbnail": pa.binary()}
)


def sample_key(facts: ImageFacts) -> str:
    """Key of the sample an image becomes: the first 32 hex digits of its sha256."""
    return facts.sha256[:32]


def row(verdict: Verdict) -> dict[str, Any]:
    """One ledger row. Lone surrogates, which Parquet cannot hold, become '?'."""
    candidate = verdict.candidate
    found: dict[str, Any] = {name: getattr(candidate, name) for name in _CANDIDATE_FIELDS}
    found |= {"dom": asdict(candidate.dom), "texts": _texts(verdict)}
    found |= {name: getattr(verdict, name) for name in _VERDICT_FIELDS}
    if verdict.ref is not None:
        found |= {
            "image_file": verdict.ref.file,
            "image_offset": verdict.ref.offset,
            "image_status": verdict.ref.status,
            "image_content_type": verdict.ref.content_type,
            "image_opt_out": verdict.ref.opt_out,
            "n_bytes": verdict.ref.n_bytes,
        }
    if verdict.image is not None:
        found |= asdict(verdict.image)
    if verdict.kept and verdict.image is not None:
        found["key"] = sample_key(verdict.image)
    found |= numbers_and_words(verdict)
    return {name: storable(found.get(name)) for name in SCHEMA.names}


_CANDIDATE_FIELDS: Final = tuple(columns_of(Candidate, besides=_NESTED))
_VERDICT_FIELDS: Final = ("text", "text_source", "relevance", "kept", "stage", "reason", "shard")


def _texts(verdict: Verdict) -> list[dict[str, Any]]:
    """The judged texts; all of them as found when the candidate fell before."""
    judged = verdict.texts or [
        ScoredText(source=text.source, text=text.text, score=None, drop=None)
        for text in verdict.candidate.texts
    ]
    return [
        {
            "source": text.source,
            "text": storable(text.text),
            "score": text.score,
            "drop": text.drop,
        }
        for text in judged
    ]


def numbers_and_words(verdict: Verdict) -> dict[str, Any]:
    """The columns `value`, `threshold` and `detail`: numbers apart from words."""
    words = [str(part) for part in (verdict.value, verdict.threshold) if isinstance(part, str)]
    return {
        "value": None if isinstance(verdict.value, str) else verdict.value,
        "threshold": None if isinstance(verdict.threshold, str) else verdict.threshold,
        "detail": " | ".join(words) or None,
    }


def storable(value: Any) -> Any:
    """A value as Parquet holds it: lone surrogates become '?', also inside a tuple."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "replace").decode("utf-8")
    return [storable(part) for part in value] if isinstance(value, tuple) else value


def write_ledger(folder: Path, stem: str, verdicts: Iterable[Verdict]) -> int:
    """Writes `{stem}.parquet` with the verdicts in order of candidate id; returns the rows.

    Memory: the verdicts, about 5 KB each.
    """
    ordered = sorted(verdicts, key=lambda verdict: verdict.candidate.candidate_id)
    # As dictionaries they would take twice as much again: never all of them at once.
    parts = [
        pa.Table.from_pylist([row(verdict) for verdict in ordered[start : start + _CHUNK]], SCHEMA)
        for start in range(0, len(ordered), _CHUNK)
    ]
    write_table(folder / f"{stem}.parquet", pa.concat_tables([SCHEMA.empty_table(), *parts]))
    return len(ordered)


def write_dead_letters(folder: Path, damages: Iterable[Damage]) -> int:
    """Writes what could not be read to `00000.parquet`, sorted by place; returns the rows."""
    ordered = sorted(damages, key=lambda damage: tuple(asdict(damage).values()))
    rows = [{name: storable(value) for name, value in asdict(damage).items()} for damage in ordered]
    write_table(folder / "00000.parquet", pa.Table.from_pylist(rows, schema=DEAD_LETTER_SCHEMA))
    return len(rows)


def write_thumbnails(folder: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Writes `00000.parquet` of small pictures, sorted by reason and candidate id."""
    ordered = sorted(rows, key=lambda row: (row["reason"], row["candidate_id"]))
    write_table(
        folder / "00000.parquet", pa.Table.from_pylist(list(ordered), schema=THUMBNAIL_SCHEMA)
    )
    return len(ordered)


def write_table(path: Path, table: pa.Table) -> None:
    """A Parquet file that appears whole or not at all: written aside, read back, renamed.

    Raises OSError when the disk does not hold what was written.
    """
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    data = sink.getvalue()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beam may run one bundle twice at once: two writers never share the file they write aside.
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with aside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if aside.read_bytes() != data:
            raise OSError(f"{path}: the disk does not hold what was written")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def ledger_files(run: Path) -> list[Path]:
    """The ledger's files of a run, in order."""
    return sorted((run / "ledger").glob("*.parquet"))


def read_columns(run: Path, columns: list[str]) -> Iterator[pa.Table]:
    """Some columns of a run's ledger, one file at a time."""
    for file in ledger_files(run):
        yield pq.read_table(file, columns=columns)
