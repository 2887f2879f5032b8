"""How does a shard of fetched records fill up, so that a kill loses nothing that was received?

While it grows, a shard is two hidden files: `.00000.part`, the records' gzip members one after the
other, and `.00000.rows`, a JSON line for every pick that was answered, written after its bytes.
What the second one names and the first one holds need never be asked for again. A whole shard is
`00000.warc.gz` and `00000.parquet`, which appears last.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from crawl.sources.picks import Pick
from crawl.sources.ranges import Lost, Record, check
from shards.aside import FileInfo, aside, file_info, publish, sync_folder

OK: Final = "ok"
AGAIN: Final = ("unreachable", "truncated")
"""Statuses that another day may change."""
SCHEMA: Final = pa.schema(
    {
        "url": pa.string(),
        "status": pa.string(),
        "detail": pa.string(),
        "source_file": pa.string(),
        "source_offset": pa.int64(),
        "source_length": pa.int64(),
        "offset": pa.int64(),
        "length": pa.int64(),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of one pick."""

    url: str
    status: str
    """`ok`, or the reason of a `crawl.damage.Damage`."""
    detail: str
    source_file: str
    """Relative to the base it was fetched from."""
    source_offset: int
    source_length: int
    offset: int
    """Of its gzip member in the shard; -1 when it was not kept."""
    length: int
    """Of the same, in bytes; 0 when it was not kept."""

    def pick(self) -> Pick:
        """What was asked for."""
        return Pick(
            url=self.url,
            file=self.source_file,
            offset=self.source_offset,
            length=self.source_length,
        )


class Shard:
    """One growing shard. A context manager: leaving it keeps what came, whole or not."""

    def __init__(self, folder: Path, number: int, max_record_bytes: int) -> None:
        """
        Args:
            folder: Where the shard is to be; what an earlier run left there is taken up.
            number: Its place among the shards.
            max_record_bytes: Limit of a decompressed record.
        """
        self._warc, self._parquet = names(folder, number)
        self._part = folder / f".{number:05d}.part"
        self._rows = folder / f".{number:05d}.rows"
        self._max_record_bytes = max_record_bytes
        self._sha = hashlib.sha256()
        self._end = 0
        if self._warc.exists() and not self._part.exists():
            self._warc.replace(self._part)  # killed between its two names
        self.rows: list[Row] = list(self._sound_rows())
        with self._part.open("ab") as part:
            part.truncate(self._end)
        with self._rows.open("w", encoding="utf-8") as lines:
            lines.writelines(map(_line, self.rows))
        self._members: IO[bytes] = self._part.open("ab")
        self._lines: IO[str] = self._rows.open("a", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._members.close()
        self._lines.close()

    def add(self, found: Sequence[Record | Lost]) -> None:
        """Write down the answers to some picks: the bytes first, then that they are there."""
        rows = []
        for each in found:
            offset, length, status, detail = -1, 0, OK, ""
            if isinstance(each, Lost):
                status, detail = each.damage.reason, each.damage.detail
            else:
                offset, length = self._end, len(each.member)
                self._members.write(each.member)
                self._sha.update(each.member)
                self._end += length
            rows.append(_row(each.pick, status, detail, offset, length))
        self._members.flush()
        self._lines.writelines(map(_line, rows))
        self._lines.flush()
        self.rows += rows

    def publish(self) -> None:
        """Give the shard its names, now that every pick was answered."""
        self._members.close()
        self._lines.close()
        if self._end:
            info = FileInfo(name=self._part.name, n_bytes=self._end, sha256=self._sha.hexdigest())
            publish(self._part, self._warc, info)
        table = pa.Table.from_pylist([asdict(row) for row in self.rows], SCHEMA)
        with aside(self._parquet) as path:
            pq.write_table(table, path, compression="zstd")
            publish(path, self._parquet, file_info(path, path.name))
        self._part.unlink(missing_ok=True)
        self._rows.unlink()
        sync_folder(self._rows.parent)

    def _sound_rows(self) -> Iterator[Row]:
        """Rows of an earlier run whose bytes are all there, up to the first of which they are not.

        A power cut may keep the end of a file and lose its middle, so every member is looked at.
        """
        if not self._rows.exists():
            return
        self._part.touch()
        with self._part.open("rb") as part:
            for line in self._rows.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    row = Row(**json.loads(line))
                except (ValueError, TypeError):
                    return
                if row.status == OK:
                    member = part.read(row.length)
                    whole = len(member) == row.length and row.offset == self._end
                    if not whole or check("", row.pick(), member, self._max_record_bytes):
                        return
                    self._sha.update(member)
                    self._end += row.length
                yield row


def names(folder: Path, number: int) -> tuple[Path, Path]:
    """The archive and the table of a whole shard."""
    return folder / f"{number:05d}.warc.gz", folder / f"{number:05d}.parquet"


def read_rows(table: Path) -> list[Row]:
    """The rows of a whole shard."""
    return [Row(**row) for row in pq.read_table(table, schema=SCHEMA).to_pylist()]


def reopen(folder: Path, number: int) -> None:
    """Make a whole shard a growing one again, without the rows that are worth another try."""
    table = names(folder, number)[1]
    kept = [row for row in read_rows(table) if row.status not in AGAIN]
    rows = folder / f".{number:05d}.rows"
    rows.write_text("".join(map(_line, kept)), encoding="utf-8")
    table.unlink()


def _row(pick: Pick, status: str, detail: str, offset: int, length: int) -> Row:
    return Row(
        url=pick.url,
        status=status,
        detail=detail,
        source_file=pick.file,
        source_offset=pick.offset,
        source_length=pick.length,
        offset=offset,
        length=length,
    )


def _line(row: Row) -> str:
    return json.dumps(asdict(row)) + "\n"
