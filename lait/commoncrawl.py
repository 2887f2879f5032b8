"""How are picked records of Common Crawl fetched once, and kept for `lait curate` to read?"""

import json
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from crawl.sources.picks import Pick, read_picks
from crawl.sources.ranges import Asking, Lost, Record, read_span, spans
from lait.range_shard import AGAIN, Shard, names, read_rows, reopen
from shards.aside import file_info, publish_bytes

SETTINGS: Final = "commoncrawl.json"
Progress = Callable[[int, int, str], None]
"""Called with picks answered, picks in all, and a note."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a run of `fetch` did, and what is there now."""

    statuses: tuple[tuple[str, int], ...]
    """How many picks ended how, over all shards; sorted by status."""
    n_asked: int
    """Picks that this run asked for; the others were there."""
    n_bytes: int
    """Bytes of records in all shards."""
    n_shards: int


def fetch(
    picks: Path,
    out: Path,
    *,
    base: str,
    shard_records: int = 1000,
    connections: int = 4,
    retry_failed: bool = False,
    asking: Asking | None = None,
    progress: Progress = lambda _done, _total, _note: None,
) -> Fetched:
    """Fetch every record of a pick list by its byte range and keep it as it is.

    Shard number n holds picks n * `shard_records` and on. Started again after a kill it asks for
    nothing that it holds.

    Args:
        picks: The list, as `crawl.sources.picks` reads it.
        out: Folder of the run: `raw/00000.warc.gz` with the records' gzip members, unchanged, and
            `raw/00000.parquet` with a row for every pick (`lait.range_shard.SCHEMA`).
        base: What the picks' files are relative to.
        shard_records: Picks in a shard.
        connections: Requests under way at once.
        retry_failed: Ask again for what earlier runs found unreachable or truncated.
        asking: How ranges are asked for.
        progress: Called whenever some picks were answered.

    Raises:
        ValueError: The list cannot be used, `out` is not of this list, or nothing at `base` can be
            read by ranges.
        OSError: The disk fails.
    """
    asking = asking or Asking()
    total = sum(1 for _ in read_picks(picks))
    if not total:
        raise ValueError(f"{picks} holds no picks; pick some with `lait commoncrawl pick`")
    raw = _prepare(out, picks, base, shard_records)
    statuses: Counter[str] = Counter()
    n_asked = n_bytes = n_shards = done = 0
    with ThreadPoolExecutor(connections) as pool:
        for number, some in enumerate(_groups(read_picks(picks), shard_records)):
            table = names(raw, number)[1]
            if table.exists() and retry_failed:
                _reopen_if_failed(raw, number)
            if not table.exists():
                with Shard(raw, number, asking.max_record_bytes) as shard:
                    before = len(shard.rows)
                    for found in _ask(pool, base, _missing(some, shard), asking, 2 * connections):
                        shard.add(found)
                        progress(done + len(shard.rows), total, f"shard {number}")
                    n_asked += len(shard.rows) - before
                    shard.publish()
            rows = read_rows(table)
            statuses.update(row.status for row in rows)
            n_bytes += sum(row.length for row in rows)
            n_shards, done = number + 1, done + len(rows)
            progress(done, total, f"shard {number}")
    found_statuses = tuple(sorted(statuses.items()))
    return Fetched(statuses=found_statuses, n_asked=n_asked, n_bytes=n_bytes, n_shards=n_shards)


def _groups(picks: Iterator[Pick], size: int) -> Iterator[list[Pick]]:
    """The picks of each shard, neighbours together, each place once."""
    while group := list(islice(picks, size)):
        by_place = {(pick.file, pick.offset): pick for pick in reversed(group)}
        yield sorted(by_place.values(), key=Pick.place)


def _missing(picks: list[Pick], shard: Shard) -> list[Pick]:
    there = {(row.source_file, row.source_offset) for row in shard.rows}
    return [pick for pick in picks if (pick.file, pick.offset) not in there]


def _ask(
    pool: ThreadPoolExecutor, base: str, picks: list[Pick], asking: Asking, ahead: int
) -> Iterator[list[Record | Lost]]:
    """The answers in the order of the picks, with a bounded number of requests ahead."""
    waiting: deque[Future[list[Record | Lost]]] = deque()
    try:
        for span in spans(picks, asking):
            waiting.append(pool.submit(read_span, base, span, asking))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _reopen_if_failed(raw: Path, number: int) -> None:
    if any(row.status in AGAIN for row in read_rows(names(raw, number)[1])):
        reopen(raw, number)


def _prepare(out: Path, picks: Path, base: str, shard_records: int) -> Path:
    """The folder of the shards. Raises ValueError when `out` is another run's or somebody's."""
    digest = file_info(picks, picks.name).sha256
    settings: dict[str, Any] = {
        "base": base.rstrip("/"),
        "picks_sha256": digest,
        "shard_records": shard_records,
    }
    there = out / SETTINGS
    if there.exists():
        before = json.loads(there.read_bytes())
        changed = [name for name in settings if before.get(name) != settings[name]]
        if changed:
            name = changed[0]
            raise ValueError(
                f"--out {out} holds a run with another {name} ({before.get(name)}, now "
                f"{settings[name]}); give another --out"
            )
    elif out.exists() and any(out.iterdir()):
        raise ValueError(f"--out {out} is not empty and not a run of this command")
    raw = out / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    publish_bytes(there, json.dumps(settings, indent=1, sort_keys=True).encode() + b"\n")
    return raw
