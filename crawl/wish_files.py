"""How are wishes kept between the graphs of a crawl?"""

# mypy: allow-untyped-calls, allow-subclassing-any
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.pvalue import PCollection

from crawl.asked import Key
from crawl.wishes import Wish

HELD: Final = "held"
_SCHEMA: Final = pa.schema(
    {
        "kind": pa.string(),
        "page": pa.string(),
        "urls": pa.list_(pa.string()),
        "opt_out": pa.list_(pa.string()),
    }
)
_BATCH_ROWS: Final = 4096


@dataclass(eq=False)
class WriteWishes(beam.PTransform[Any, Any]):
    """`wishes`, and the keys of images that are at hand (`held`), to files of a folder.

    A file holds what belongs to a range of hashes, so that a bundle that runs twice writes the same
    file twice.
    """

    folder: Path
    n_files: int

    def expand(self, inputs: Any) -> Any:
        n, folder = self.n_files, self.folder
        held: PCollection[Wish] = inputs["held"] | "As wish" >> beam.Map(_as_wish)
        return (
            (inputs["wishes"], held)
            | beam.Flatten()
            | "To file" >> beam.Map(lambda wish: (_file_of(wish, n), wish))
            | "Gather files" >> beam.GroupByKey()
            | "Write" >> beam.MapTuple(lambda number, wishes: _write(folder, number, wishes))
        )


def read_wishes(path: str) -> Iterator[Wish]:
    """The wishes of a file."""
    return (wish for wish in _read(path) if wish.page != HELD)


def read_held(path: str) -> Iterator[Key]:
    """The keys that are at hand, of the same file."""
    return ((wish.kind, wish.urls[0]) for wish in _read(path) if wish.page == HELD)


def _as_wish(key: Key) -> Wish:
    return Wish(kind="image", page=HELD, urls=(key[1],))


def _file_of(wish: Wish, n_files: int) -> int:
    return int(hashlib.sha256(wish.urls[0].encode()).hexdigest()[:16], 16) % n_files


def _write(folder: Path, number: int, wishes: Iterable[Wish]) -> int:
    ordered = sorted(set(wishes), key=lambda wish: (wish.page, wish.urls, wish.opt_out))
    path = folder / f"{number:05d}.parquet"
    aside = path.with_suffix(f".{os.getpid()}.tmp")
    pq.write_table(pa.Table.from_pylist(list(map(asdict, ordered)), schema=_SCHEMA), aside)
    aside.replace(path)
    return len(ordered)


def _read(path: str) -> Iterator[Wish]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_BATCH_ROWS):
            for row in batch.to_pylist():
                row |= {name: tuple(row[name]) for name in ("urls", "opt_out")}
                yield Wish(**row)
