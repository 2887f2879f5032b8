"""Which pages of a crawl does its columnar index offer, by language, type, domain or host?

The index is a table in Parquet (github.com/commoncrawl/cc-index-table), a row for every fetch with
the place of its record, some hundreds of gigabytes for one crawl. Of a file are read: its footer;
of the row groups whose statistics do not rule them out, the columns that are asked about; and of
those in which something was found, the four columns of a pick.
"""

import heapq
import io
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from crawl.sources.commoncrawl import check_path, check_share, fraction, join, orderly, paths
from crawl.sources.iso639 import long_codes
from crawl.sources.picks import Pick, read_picks, write_picks
from crawl.sources.storage import open_binary

Progress = Callable[[int, int, str], None]
"""Called with files read, files there are, and a note."""

Conditions = dict[str, tuple[str, ...]]
"""Columns of the index, and the values of each that will do."""

_OUT: Final = ("url", "url_host_name", "warc_filename", "warc_record_offset", "warc_record_length")
_LANGUAGES: Final = "content_languages"
_BATCH_ROWS: Final = 2**16
_BUFFER_BYTES: Final = 4 * 2**20
_RUN_ROWS: Final = 2**18
"""Picks held in memory; beyond that they are sorted in runs on disk and merged."""


HTML: Final = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which rows of the index to pick. Every condition that is given has to hold."""

    languages: tuple[str, ...] = ()
    """Of the page's text, ISO 639-1 or 639-3; the first that the index lists is the page's."""
    mimes: tuple[str, ...] = HTML
    """As detected from the content, not as the server said."""
    domains: tuple[str, ...] = ()
    """Registered domains, `example.co.uk`: all their hosts."""
    hosts: tuple[str, ...] = ()
    tlds: tuple[str, ...] = ()
    share: float = 1.0
    """Of the rows that match, chosen by a hash of their URL; larger shares hold smaller ones."""
    seed: int = 0
    """Of the share, and of the order in which the index is read under a limit."""
    limit: int | None = None
    """Stop after so many. The index is sorted by host: pages of a few hosts come first, unless
    `share` or `per_host` spread them."""
    per_host: int | None = None
    """Pages of one host at most, the first that are met."""

    def conditions(self) -> "Conditions":
        """Values that a column may have, for the columns that are asked about.

        Raises:
            ValueError: A language is none, or a number is out of range.
        """
        check_share(self.share)
        for name, value in (("limit", self.limit), ("per-host", self.per_host)):
            if value is not None and value < 1:
                raise ValueError(f"--{name} {value} is out of range: give 1 or more")
        codes = [code for language in self.languages for code in long_codes(language)]
        given = {
            _LANGUAGES: codes,
            "content_mime_detected": self.mimes,
            "url_host_registered_domain": self.domains,
            "url_host_name": self.hosts,
            "url_host_tld": [tld.lstrip(".") for tld in self.tlds],
        }
        return {
            column: tuple(sorted({value.strip().lower() for value in values}))
            for column, values in given.items()
            if values
        }


def pick(
    crawl: str, choice: Choice, base: str, out: Path, *, progress: Progress | None = None
) -> int:
    """Write the list of all records that a choice picks, sorted by their place in the archives.

    The same crawl and choice give the same bytes. Memory is bounded whatever is found, but for the
    counts of `per_host`.

    Args:
        crawl: The crawl's id.
        choice: The conditions.
        base: Where Common Crawl's files lie.
        out: The list: Parquet, or JSON lines where the name ends in `.jsonl`.
        progress: Called after every file of the index with how many were read, how many there are
            and what was found.

    Returns:
        How many were picked.

    Raises:
        ValueError: The crawl, a condition or the index cannot be used.
        OSError: The index cannot be reached.
    """
    choice.conditions()  # what is wrong with it is said before anything is asked for
    parts = paths(crawl, "cc-index-table", base)
    if not parts:
        raise ValueError(f"{crawl} has no columnar index at {base}; give another crawl")
    with tempfile.TemporaryDirectory() as folder:
        runs = list(_runs(find(parts, choice, base, progress=progress), Path(folder)))
        # A list cut short would pass for a whole one.
        aside = out.with_name(f".{out.name}.tmp{out.suffix}")
        n = write_picks(aside, heapq.merge(*map(read_picks, runs), key=Pick.place))
        aside.replace(out)
        return n


def find(
    parts: Sequence[str], choice: Choice, base: str, *, progress: Progress | None = None
) -> Iterator[Pick]:
    """What a choice picks of some files of the index, in the order it is met; see `pick`."""
    conditions = choice.conditions()
    found = 0
    of_host: Counter[str] = Counter()
    # In the listing's order a limit would always fall on the same few countries' domains.
    order = orderly(choice.seed, parts) if choice.limit else parts
    for done, part in enumerate(order, start=1):
        with closing(_rows(join(base, part), conditions)) as rows:
            for row in rows:
                if choice.share < 1 and fraction(choice.seed, row["url"]) >= choice.share:
                    continue
                if choice.per_host is not None:
                    of_host[row["url_host_name"]] += 1
                    if of_host[row["url_host_name"]] > choice.per_host:
                        continue
                yield _pick(row, part)
                found += 1
                if found == choice.limit:
                    return
        if progress is not None:
            progress(done, len(parts), f"{found} picked")


def _pick(row: dict[str, Any], part: str) -> Pick:
    check_path(row["warc_filename"], part)
    return Pick(
        url=row["url"],
        file=row["warc_filename"],
        offset=row["warc_record_offset"],
        length=row["warc_record_length"],
    )


def _rows(path: str, conditions: Conditions) -> Generator[dict[str, Any], None, None]:
    """The rows of one file of the index that meet all conditions: the columns of a pick."""
    stream = open_binary(path)
    # Parquet is read in ranges that fit: a buffer around them would only fetch what is not asked.
    raw = stream.raw if isinstance(stream, io.BufferedReader) else stream
    try:
        with stream, pq.ParquetFile(raw, buffer_size=_BUFFER_BYTES, pre_buffer=False) as table:
            _check_columns(path, table, conditions)
            for group in range(table.num_row_groups):
                if _may_match(table.metadata.row_group(group), conditions):
                    yield from _matching(table, group, conditions)
    except pa.ArrowException as error:
        line = " ".join(str(error).split())
        raise ValueError(f"{path} is no Parquet file that can be read: {line}") from error


def _check_columns(path: str, table: pq.ParquetFile, conditions: Conditions) -> None:
    for column in (*_OUT, *conditions):
        if column not in table.schema_arrow.names:
            raise ValueError(
                f"{path} has no column {column}: crawls before 2018-39 know no languages, and "
                "some types only as sent; leave that condition out"
            )


def _may_match(group: Any, conditions: Conditions) -> bool:
    """Whether the statistics of a row group leave room for a row that meets all conditions."""
    for index in range(group.num_columns):
        column = group.column(index)
        values = conditions.get(column.path_in_schema)
        bounds = column.statistics
        if values is None or bounds is None or not bounds.has_min_max:
            continue
        # A list of languages begins with its first, then a comma: '-' is the character after it.
        end = "-" if column.path_in_schema == _LANGUAGES else "\0"
        if not any(bounds.min < value + end and value <= bounds.max for value in values):
            return False
    return True


def _matching(
    table: pq.ParquetFile, group: int, conditions: Conditions
) -> Iterator[dict[str, Any]]:
    """Rows of a row group; its wide columns are read only if the narrow ones have a match."""
    asked = list(conditions)
    batches = table.iter_batches(_BATCH_ROWS, row_groups=[group], columns=asked)
    mask = pa.chunked_array([_mask(batch, conditions) for batch in batches], pa.bool_())
    if not pc.any(mask).as_py():
        return
    start = 0
    for batch in table.iter_batches(_BATCH_ROWS, row_groups=[group], columns=list(_OUT)):
        here = mask.slice(start, batch.num_rows).combine_chunks()
        start += batch.num_rows
        yield from batch.filter(here).to_pylist()


def _mask(batch: pa.RecordBatch, conditions: Conditions) -> pa.Array:
    """True where all conditions hold; a missing value meets none."""
    masks = [pa.repeat(True, batch.num_rows)]
    for column, values in conditions.items():
        array = batch.column(column)
        if column == _LANGUAGES:
            first = f"^(?:{'|'.join(map(re.escape, values))})(?:,|$)"
            masks.append(pc.match_substring_regex(array, first))
        else:
            masks.append(pc.is_in(array, value_set=pa.array(values)))
    return pc.fill_null(reduce(pc.and_kleene, masks), False)


def _runs(picks: Iterator[Pick], folder: Path) -> Iterator[Path]:
    """The picks in files of their own, each sorted."""
    run: list[Pick] = []
    n = 0
    for each in picks:
        run.append(each)
        if len(run) == _RUN_ROWS:
            yield _write_run(folder / f"{n}.parquet", run)
            run, n = [], n + 1
    if run:
        yield _write_run(folder / f"{n}.parquet", run)


def _write_run(path: Path, run: list[Pick]) -> Path:
    write_picks(path, sorted(run, key=Pick.place))
    return path
