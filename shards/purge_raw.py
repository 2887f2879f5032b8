"""How does a crawl's folder forget what was taken down?

raw/00000.warc.gz    written again without the requests that are about it
raw/00000.parquet    made anew from that
crawl.json           tells the new hashes, and how many requests went
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from crawl.asked import SCHEMA, Asked, to_row
from crawl.raw import Entry, copy, entries
from filter.ledger import write_table
from filter.tombstones import Tombstones
from shards.aside import aside, file_info, publish_bytes, sweep, sync_folder

_WARC: Final = ".warc.gz"
_MANIFEST: Final = "crawl.json"


def purge_raw(folder: Path, stones: Tombstones, addresses: frozenset[str], *, dry_run: bool) -> int:
    """Takes requests for what is named out of the archives of a crawl; returns how many.

    Gone are those of an address in `addresses` or named by a tombstone, bodies with the bytes of a
    sample, and images that were asked for by such a page. A page that shows a picture holds its
    words: name it among the addresses.

    Args:
        folder: Of `lait crawl`, or its `raw`. Each archive is replaced whole; whatever is killed,
            the same call goes on.
        stones: Of the takedown.
        addresses: Normalised.
        dry_run: Only count.

    Raises:
        ValueError: `folder` holds no archives of `lait crawl`, or one of another writer, of which
            nobody can tell what belongs together.
    """
    raw = folder / "raw" if (folder / "raw").is_dir() else folder
    archives = sorted(raw.glob(f"[!.]*{_WARC}"))
    if not archives:
        raise ValueError(f"--raw {folder} holds no archives of `lait crawl`")
    if not dry_run:
        sweep(raw)
    n_gone, changed = 0, []
    for archive in archives:
        found = list(entries(archive))
        if not found:
            raise ValueError(f"{archive} is not of `lait crawl`: take it away by hand")
        left = [entry for entry in found if not _is_named(entry.asked, stones, addresses)]
        n_gone += len(found) - len(left)
        if len(left) < len(found) and not dry_run:
            _rewrite(archive, left)
        if not dry_run and (len(left) < len(found) or not _table(archive).exists()):
            _tabulate(archive)
            changed.append(archive)
    manifest = raw.parent / _MANIFEST
    if changed and manifest.is_file():
        _tell(manifest, changed, n_gone)
    return n_gone


def _is_named(asked: Asked, stones: Tombstones, addresses: frozenset[str]) -> bool:
    urls = (asked.url, asked.final_url, asked.page)
    if not addresses.isdisjoint(urls) or stones.of_address(*urls):
        return True
    return bool(asked.sha256 and stones.of_bytes(asked.sha256))


def _rewrite(archive: Path, left: Sequence[Entry]) -> None:
    with aside(archive) as path:
        with path.open("xb") as file:
            file.writelines(copy(archive, left))
            file.flush()
            os.fsync(file.fileno())
        # A table is made anew where there is none; an old one could tell wrong offsets.
        _table(archive).unlink(missing_ok=True)
        path.replace(archive)
        sync_folder(archive.parent)


def _tabulate(archive: Path) -> None:
    stem = archive.name.removesuffix(_WARC)
    rows = [to_row(replace(entry.asked, shard=stem)) for entry in entries(archive)]
    write_table(_table(archive), pa.Table.from_pylist(rows, schema=SCHEMA))


def _table(archive: Path) -> Path:
    return archive.with_name(f"{archive.name.removesuffix(_WARC)}.parquet")


def _tell(manifest: Path, changed: Sequence[Path], n_gone: int) -> None:
    """Counts by status stay: they are what the crawl did."""
    told: dict[str, Any] = json.loads(manifest.read_bytes())
    infos = {archive.name: archive for archive in changed}
    for shard in told["shards"]:
        archive = infos.get(shard["warc"]["name"])
        if archive is not None:
            rows = [entry.asked.status.value for entry in entries(archive)]
            table = _table(archive)
            shard |= {
                "warc": asdict(file_info(archive, archive.name)),
                "table": asdict(file_info(table, table.name)),
                "n_requests": len(rows),
                "n_kept": rows.count("ok"),
            }
    told["taken_down"] = told.get("taken_down", 0) + n_gone
    publish_bytes(manifest, json.dumps(told, indent=1, sort_keys=True).encode() + b"\n")
