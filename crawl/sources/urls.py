"""Which pages does a list of URLs name, and which of its lines name none?"""

import csv
import json
from collections.abc import Callable, Iterator
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from crawl.damage import Damage
from crawl.sources import storage
from crawl.url import normalise

FORMATS: Final = (".txt", ".csv", ".parquet", ".jsonl")
_MAX_LINE_BYTES: Final = 64 * 2**10
_BATCH_ROWS: Final = 4096
_BOM: Final = b"\xef\xbb\xbf"

_Place = tuple[str, int]
"""What a person calls the place (`line 3`), and its byte or row."""


def read_urls(path: str, column: str = "url") -> Iterator[str | Damage]:
    """Read a list of page URLs, in its order, repetitions included.

    Lines that cannot be used are `Damage` (`bad_line`) with the file and the byte, of Parquet the
    row, at which they begin: nothing disappears unexplained.

    Args:
        path: Local or remote. `.txt`: a URL a line, `#` begins a comment; `.csv`: a table with a
            head; `.jsonl`: an object a line; `.parquet`.
        column: The column or field that holds the URL.

    Yields:
        URLs as `crawl.url.normalise` spells them, and damage.

    Raises:
        FileNotFoundError: There is no such file.
        OSError: It cannot be read.
        ValueError: It is of another format or has no such column.
    """
    form = next((form for form in FORMATS if path.lower().endswith(form)), None)
    if form is None:
        raise ValueError(f"{path} is no list of URLs: name it {', '.join(FORMATS)}")
    with storage.open_binary(path) as file:
        for (name, offset), found in _READERS[form](file, path, column):
            problem = str(found) if isinstance(found, Exception) else ""
            url = normalise(found, "") if isinstance(found, str) else None
            if url is not None:
                yield url
                continue
            problem = problem or f"{str(found)[:200]!r} is no absolute http or https URL"
            detail = f"{name}: {' '.join(problem.split())}"[:300]
            yield Damage(file=path, offset=offset, reason="bad_line", detail=detail)


def _lines(file: IO[bytes], path: str) -> Iterator[tuple[_Place, str | Exception]]:
    """The lines that are not empty; those that are no text or too long as the error."""
    number = offset = 0
    while raw := file.readline(_MAX_LINE_BYTES):
        number, start = number + 1, offset
        offset += len(raw)
        if len(raw) == _MAX_LINE_BYTES and not raw.endswith(b"\n"):
            while rest := file.readline(_MAX_LINE_BYTES):
                offset += len(rest)
                if rest.endswith(b"\n"):
                    break
            yield (f"line {number}", start), ValueError(f"longer than {_MAX_LINE_BYTES} bytes")
            continue
        try:
            text = (raw.removeprefix(_BOM) if start == 0 else raw).decode("utf-8").strip()
        except UnicodeDecodeError as error:
            yield (f"line {number}", start), error
        else:
            if text:
                yield (f"line {number}", start), text


def _txt(file: IO[bytes], path: str, _column: str) -> Iterator[tuple[_Place, Any]]:
    for place, line in _lines(file, path):
        if not (isinstance(line, str) and line.startswith("#")):
            yield place, line


def _jsonl(file: IO[bytes], path: str, column: str) -> Iterator[tuple[_Place, Any]]:
    for place, line in _lines(file, path):
        if isinstance(line, Exception):
            yield place, line
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield place, ValueError(f"no JSON: {error}")
            continue
        known = isinstance(record, dict) and column in record
        yield place, record[column] if known else ValueError(f"no field {column!r}")


def _csv(file: IO[bytes], path: str, column: str) -> Iterator[tuple[_Place, Any]]:
    """A row of a table is a line; a field with a line end in it makes two bad ones."""
    position: int | None = None
    for place, line in _lines(file, path):
        if isinstance(line, Exception):
            yield place, line
            continue
        try:
            row = next(csv.reader([line], strict=True))
        except csv.Error as error:
            yield place, ValueError(f"no line of a table: {error}")
            continue
        if position is None:
            position = _position(row, column, path)
        elif position < len(row):
            yield place, row[position].strip()
        else:
            yield place, ValueError(f"only {len(row)} fields")


def _parquet(file: IO[bytes], path: str, column: str) -> Iterator[tuple[_Place, Any]]:
    number = 0
    try:
        with pq.ParquetFile(file) as table:
            _position(table.schema_arrow.names, column, path)
            for batch in table.iter_batches(_BATCH_ROWS, columns=[column]):
                for url in batch.column(0).to_pylist():
                    number += 1
                    yield (f"row {number}", number), url
    except pa.ArrowException as error:
        raise ValueError(f"{path} is no Parquet file that can be read: {error}") from error


def _position(names: list[str], column: str, path: str) -> int:
    if column not in names:
        known = ", ".join(names)[:200]
        raise ValueError(f"{path} has no column {column!r}; name one of {known} with --column")
    return names.index(column)


_READERS: Final[dict[str, Callable[[IO[bytes], str, str], Iterator[tuple[_Place, Any]]]]] = {
    ".txt": _txt,
    ".csv": _csv,
    ".parquet": _parquet,
    ".jsonl": _jsonl,
}
