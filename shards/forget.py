"""How does the run around a set forget a sample: ledger, thumbnails, dead letters?

The ledger keeps its rows, for their number and fates are the run's funnel: address, words, hashes
and place of a sample that was taken down become blanks.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from filter.ledger import SCHEMA, ledger_files, row
from filter.recorded import check_columns
from filter.tombstones import TAKEDOWN, Tombstones, blank
from filter.verdict import Verdict
from shards.aside import aside, file_info, publish, sweep

_THUMBNAILS, _LETTERS = "thumbnails", "dead_letter"
_FOLDERS = ("ledger", _THUMBNAILS, _LETTERS)
_ROWS = 4096
_COLUMNS = [
    "candidate_id",
    "page_url",
    "image_url",
    "alternative_urls",
    "sha256",
    "phash",
    "phash_crops",
    "kept",
    "key",
]
_Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the run must forget."""

    stones: Tombstones
    keys: frozenset[str]
    """Of samples that go now."""
    image_urls: frozenset[str]
    """Of their images: candidates of the same picture that never became a sample go with it."""

    def names(self, found: _Row) -> bool:
        """Whether a row of the ledger is about something that was taken down."""
        if found["key"] in self.keys or _is_named(found, self.stones):
            return True
        return not found["kept"] and found["image_url"] in self.image_urls


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """How many rows were blanked or removed, or would be."""

    ledger_rows: int = 0
    thumbnails: int = 0
    dead_letters: int = 0


def keys_in_ledger(run: Path, stones: Tombstones) -> frozenset[str]:
    """Keys of the samples whose rows are named.

    Raises ValueError when another version of lait wrote the ledger.
    """
    return frozenset(
        found["key"]
        for file in ledger_files(run)
        for found in _rows(file)
        if found["key"] and _is_named(found, stones)
    )


def addresses_in_ledger(run: Path, memory: Memory) -> frozenset[str]:
    """All addresses of the rows that `forget` would blank, those of their pages too."""
    return frozenset(
        url
        for file in ledger_files(run)
        for found in _rows(file)
        if memory.names(found)
        for url in (found["page_url"], found["image_url"], *found["alternative_urls"])
        if url
    )


def forget(run: Path | None, memory: Memory, *, dry_run: bool) -> Forgotten:
    """Blanks the ledger's rows, and removes thumbnails and dead letters; file by file, each whole.

    Raises ValueError when another version of lait wrote the ledger.
    """
    if run is None:
        return Forgotten()
    if not dry_run:
        for name in _FOLDERS:
            sweep(run / name)
    candidates: set[str] = set()
    addresses = set(memory.image_urls)
    for file in ledger_files(run):
        named = {found["candidate_id"]: found for found in _rows(file) if memory.names(found)}
        candidates |= named.keys()
        for found in named.values():
            addresses |= {url for url in (found["image_url"], *found["alternative_urls"]) if url}
    # The thumbnails and letters of blanked rows go first: once these are blank, an interrupted run
    # could no longer tell whose they are.
    thumbnails = _without(
        run / _THUMBNAILS, lambda found: found["candidate_id"] in candidates, dry_run
    )
    words = candidates | addresses
    letters = _without(
        run / _LETTERS,
        lambda found: any(word in (found["detail"] or "") for word in words),
        dry_run,
    )
    if not dry_run:
        for file in ledger_files(run):
            _rewrite(file, SCHEMA, lambda batch: _blanked(batch, candidates))
    return Forgotten(ledger_rows=len(candidates), thumbnails=thumbnails, dead_letters=letters)


def _is_named(found: _Row, stones: Tombstones) -> bool:
    urls = (found["page_url"], found["image_url"], *found["alternative_urls"])
    if stones.of_key(found["key"] or "") or stones.of_address(*urls):
        return True
    if not found["sha256"]:
        return False
    look = stones.of_look(found["phash"] or "", found["phash_crops"] or ())
    return bool(stones.of_bytes(found["sha256"]) or look)


def _rows(file: Path) -> Iterator[_Row]:
    table = pq.ParquetFile(file)
    check_columns(table.schema_arrow.names, str(file))
    for batch in table.iter_batches(_ROWS, columns=_COLUMNS):
        for found in batch.to_pylist():
            # Blanked before: nothing in it names anything.
            if found["page_url"] or found["image_url"]:
                yield found


def _blanked(batch: pa.Table, candidates: set[str]) -> pa.Table:
    ids = batch["candidate_id"].to_pylist()
    if not candidates.intersection(ids):
        return batch
    rows = [
        _blank(found) if found["candidate_id"] in candidates else found
        for found in batch.to_pylist()
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _blank(found: _Row) -> dict[str, Any]:
    """The row's fate without what it was about."""
    fate = Verdict(
        candidate=blank(found["candidate_id"]),
        kept=found["kept"],
        stage=found["stage"],
        reason=found["reason"],
        value=found["value"],
        threshold=found["threshold"],
    )
    return row(fate) | {"detail": TAKEDOWN}


def _without(folder: Path, goes: Callable[[_Row], bool], dry_run: bool) -> int:
    """Removes rows from the Parquet files of a folder; returns how many."""
    n_gone = 0
    for file in sorted(folder.glob("*.parquet")):
        table = pq.read_table(file)
        stays = [not goes(found) for found in table.to_pylist()]
        n_gone += stays.count(False)
        if not dry_run and False in stays:
            left = table.filter(pa.array(stays))
            _write(file, table.schema, [left])
    return n_gone


def _rewrite(file: Path, schema: pa.Schema, change: Callable[[pa.Table], pa.Table]) -> None:
    """Writes a file anew, a few rows at a time, when `change` makes something of any of them."""
    if all(new is old for old, new in _changed(file, change)):
        return
    _write(file, schema, (new for _, new in _changed(file, change)))


def _changed(
    file: Path, change: Callable[[pa.Table], pa.Table]
) -> Iterator[tuple[pa.Table, pa.Table]]:
    for batch in pq.ParquetFile(file).iter_batches(_ROWS):
        table = pa.Table.from_batches([batch])
        yield table, change(table)


def _write(file: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    with aside(file) as path:
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for table in tables:
                writer.write_table(table)
        with path.open("rb") as written:
            os.fsync(written.fileno())
        publish(path, file, file_info(path, file.name))
