"""How do the shards that workers left become the numbered ones of a crawl, whatever was killed?"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from crawl.asked import HAVE, SCHEMA, Asked, Key, from_row, to_row
from crawl.raw import copy, entries
from crawl.serve import PART
from crawl.wishes import standing
from filter.ledger import write_table
from shards.aside import FileInfo, aside, file_info, sync_folder

WARC: Final = ".warc.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class RawShard:
    """One numbered shard."""

    warc: FileInfo
    table: FileInfo
    n_requests: int
    n_kept: int


def gather(raw: Path, prefix: str = "") -> None:
    """Give what workers left its numbers; make missing tables from the records of their shard.

    To be called while no worker runs. Whatever was killed when, nothing that was written down whole
    is lost: a shard gets its name in one step, and its table can be made again.

    Args:
        raw: The folder.
        prefix: Of the names: archives that are curated together need different ones.
    """
    for name in (*raw.glob(".*.tmp"), *raw.glob(".*.lock"), *raw.glob(".*.progress")):
        name.unlink()
    for part in sorted(raw.glob(f".*-*.{PART}")):
        found = list(entries(part))
        if not found:
            part.unlink()
            continue
        with part.open("r+b") as file:
            file.truncate(found[-1].end)
        part.replace(raw / f"{prefix}{_next_number(raw):05d}{WARC}")
    sync_folder(raw)
    for warc in shards(raw):
        if not table_of(warc).exists():
            _tabulate(warc)


def shards(raw: Path) -> list[Path]:
    """The numbered archives in order."""
    return sorted(raw.glob(f"[!.]*{WARC}"), key=_number)


def table_of(warc: Path) -> Path:
    """The table of the ledger that belongs to an archive."""
    return warc.with_name(warc.name.removesuffix(WARC) + ".parquet")


def compact(raw: Path) -> int:
    """Take bodies out that a later visit has replaced or that were withdrawn; how many were.

    A crawl holds one body for a URL: the one that its host would serve now.
    """
    superseded = _superseded(raw)
    for stem, offsets in superseded.items():
        warc = raw / f"{stem}{WARC}"
        wanted = [entry for entry in entries(warc) if entry.asked.offset not in offsets]
        with aside(warc) as path:
            with path.open("xb") as file:
                file.writelines(copy(warc, wanted))
                file.flush()
                os.fsync(file.fileno())
            # Without its table a shard is looked at again; the other order could leave a table
            # that tells wrong offsets.
            table_of(warc).unlink()
            path.replace(warc)
        _tabulate(warc)
    return sum(map(len, superseded.values()))


def _superseded(raw: Path) -> dict[str, set[int]]:
    """Offsets of replaced bodies by shard."""
    bodies: dict[Key, Asked | None] = {}
    found: dict[str, set[int]] = {}
    for row in read_ledger(raw):
        before = bodies.get(row.key)
        bodies[row.key] = after = standing(before, replace(row, detail="", page="", opt_out=()))
        if before is not None and after is not before:
            found.setdefault(before.shard, set()).add(before.offset)
    return found


def read_ledger(raw: Path) -> Iterator[Asked]:
    """All rows, as they came about."""
    for warc in shards(raw):
        for batch in pq.ParquetFile(table_of(warc)).iter_batches(4096, columns=SCHEMA.names):
            yield from map(from_row, batch.to_pylist())


def latest(raw: Path, columns: list[str]) -> pa.Table:
    """Some columns of the last row of every request."""
    table = _columns(raw, [*{"kind", "url", *columns}])
    place = pa.array(range(len(table)), pa.int64())
    last = (
        table.select(["kind", "url"])
        .append_column("place", place)
        .group_by(["kind", "url"])
        .aggregate([("place", "max")])
    )
    return table.select(columns).take(last["place_max"])


def infos(raw: Path) -> list[RawShard]:
    """What the numbered shards are, for the manifest. Reads every byte."""
    found = []
    for warc in shards(raw):
        rows = pq.read_table(table_of(warc), columns=["status"])["status"].to_pylist()
        found.append(
            RawShard(
                warc=file_info(warc, warc.name),
                table=file_info(table_of(warc), table_of(warc).name),
                n_requests=len(rows),
                n_kept=rows.count("ok"),
            )
        )
    return found


def _tabulate(warc: Path) -> None:
    stem = warc.name.removesuffix(WARC)
    rows = [to_row(replace(entry.asked, shard=stem)) for entry in entries(warc)]
    write_table(table_of(warc), pa.Table.from_pylist(rows, schema=SCHEMA))


def _next_number(raw: Path) -> int:
    return max(map(_number, shards(raw)), default=-1) + 1


def _number(warc: Path) -> int:
    return int(warc.name.removesuffix(WARC).rpartition("-")[2])


def n_requests(raw: Path) -> int:
    """Rows of all numbered shards."""
    return sum(pq.read_metadata(table_of(warc)).num_rows for warc in shards(raw))


def n_body_bytes(raw: Path) -> int:
    """Bytes of all bodies that the shards hold, decoded."""
    return int(pc.sum(_columns(raw, ["n_bytes"])["n_bytes"]).as_py() or 0)


def n_gone_images(raw: Path) -> int:
    """Rows of images that are not to be had for good, so that another version may be tried."""
    table = _columns(raw, ["kind", "status", "retryable"])
    gone = pc.and_(
        pc.equal(table["kind"], "image"),
        pc.invert(pc.or_(pc.is_in(table["status"], pa.array(HAVE)), table["retryable"])),
    )
    return int(pc.sum(gone).as_py() or 0)


def _columns(raw: Path, names: list[str]) -> pa.Table:
    tables = [pq.read_table(table_of(warc), columns=names) for warc in shards(raw)]
    return pa.concat_tables(tables) if tables else SCHEMA.empty_table().select(names)
