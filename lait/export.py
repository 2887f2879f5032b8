"""How does a table leave for another program, and how for a spreadsheet?"""

import csv
import json
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from shards.aside import aside

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet would run a cell that begins so."""


def export(table: pa.Table, path: Path) -> None:
    """Writes `.parquet` as it is, or `.csv` with lists as JSON and no cell that is a formula.

    Raises ValueError for another ending.
    """
    if path.suffix not in (".parquet", ".csv"):
        raise ValueError(f"--out {path} must end in .parquet or .csv")
    with aside(path) as part:
        if path.suffix == ".parquet":
            pq.write_table(table, part, compression="zstd")
        else:
            with part.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(map(guarded, table.column_names))
                for batch in table.to_batches(max_chunksize=1000):
                    writer.writerows(map(guarded, row.values()) for row in batch.to_pylist())
        part.replace(path)


def guarded(value: Any) -> Any:
    """A value as a CSV cell: text that a spreadsheet would run gets an apostrophe before it."""
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
