"""Which records of which archives were picked to be read?"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from crawl.sources.commoncrawl import check_path

BATCH_ROWS: Final = 4096
SCHEMA: Final = pa.schema(
    {"url": pa.string(), "file": pa.string(), "offset": pa.int64(), "length": pa.int64()}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """One record of an archive, by its place."""

    url: str
    """What the record must be of: another page at the same place is a mistake, not a find."""
    file: str
    """The archive's path, relative to the base it is read from."""
    offset: int
    """First byte of the record's gzip member in `file`."""
    length: int
    """Bytes of the member."""

    def place(self) -> tuple[str, int, int, str]:
        """Sort key: neighbours in an archive stand next to each other."""
        return self.file, self.offset, self.length, self.url


def write_picks(path: Path, picks: Iterable[Pick]) -> int:
    """Write a pick list: Parquet, or JSON lines where the name ends in `.jsonl`.

    Returns:
        How many there were. Nothing is held in memory but a batch.
    """
    n = 0
    if path.suffix == ".jsonl":
        with path.open("w", encoding="utf-8") as lines:
            for pick in picks:
                lines.write(json.dumps(asdict(pick), ensure_ascii=True) + "\n")
                n += 1
        return n
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for batch in _batches(picks):
            writer.write_batch(pa.RecordBatch.from_pylist([asdict(p) for p in batch], SCHEMA))
            n += len(batch)
    return n


def read_picks(path: Path) -> Iterator[Pick]:
    """The picks of a list written by `write_picks` or by anybody else, in its order.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no pick list; the line or row is named.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; make it with `lait commoncrawl pick`")
    rows = _jsonl_rows(path) if path.suffix == ".jsonl" else _parquet_rows(path)
    for number, row in enumerate(rows, start=1):
        yield _pick(row, f"{path} row {number}")


def _pick(row: Any, where: str) -> Pick:
    try:
        pick = Pick(**{field.name: row[field.name] for field in fields(Pick)})
    except (KeyError, TypeError) as error:
        raise ValueError(f"{where} is no pick: it needs url, file, offset and length") from error
    texts = isinstance(pick.url, str) and isinstance(pick.file, str) and pick.file != ""
    # A bool is an int, and no place in a file.
    numbers = type(pick.offset) is int and type(pick.length) is int
    if not texts or not numbers or pick.offset < 0 or pick.length <= 0:
        raise ValueError(f"{where} is no pick: {str(row)[:160]}")
    check_path(pick.file, where)
    return pick


def _jsonl_rows(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                text = line.strip()[:80]
                raise ValueError(f"{path} row {number} is no JSON object: {text!r}") from None


def _parquet_rows(path: Path) -> Iterator[Any]:
    try:
        with pq.ParquetFile(path) as file:
            missing = [name for name in SCHEMA.names if name not in file.schema_arrow.names]
            if missing:
                raise ValueError(f"{path} is no pick list: it has no column {missing[0]!r}")
            for batch in file.iter_batches(BATCH_ROWS, columns=SCHEMA.names):
                yield from batch.to_pylist()
    except pa.ArrowException as error:
        line = " ".join(str(error).split())
        raise ValueError(f"{path} is no Parquet file that can be read: {line}") from error


def _batches(picks: Iterable[Pick]) -> Iterator[list[Pick]]:
    batch: list[Pick] = []
    for pick in picks:
        batch.append(pick)
        if len(batch) == BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch
