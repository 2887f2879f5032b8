"""How does a crawl run on Beam: who asks which host for what?

    wishes --+
    rows ----+--> what to ask for now --> by host --> partitions --> one worker each --> rows
    held ----+

A host belongs to one partition, by a stable hash of its name, and a partition is one group: so one
host is served by one worker at a time, and many hosts at once within each worker.
"""

# mypy: allow-untyped-calls, allow-subclassing-any, allow-untyped-decorators
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import apache_beam as beam
import pyarrow.parquet as pq
from apache_beam.pvalue import PCollection

from crawl.asked import SCHEMA, Asked, Key, from_row
from crawl.candidate import Candidate
from crawl.image_ref import ImageRef
from crawl.serve import Serving, serve
from crawl.transforms import count
from crawl.wishes import AT_HAND, Ask, Images, Known, Wish, known, merge, next_ask, of_candidate

WISHES: Final = "wishes"
ROWS: Final = "rows"
HELD: Final = "held"
_BATCH_ROWS: Final = 4096


@dataclass(eq=False)
class WishImages(beam.PTransform[PCollection[Candidate], PCollection[Wish]]):
    """Candidates to wishes for those images that are to be asked for."""

    images: Images
    max_versions: int
    obey_opt_outs: bool

    def expand(self, candidates: PCollection[Candidate]) -> Any:
        return candidates | "Wish" >> beam.FlatMap(
            of_candidate, self.images, self.max_versions, self.obey_opt_outs
        ).with_output_types(Wish)


@dataclass(eq=False)
class NextAsks(beam.PTransform[Any, PCollection[Ask]]):
    """`wishes`, `rows` of the ledger and `held` keys to what is to be asked for now, each once."""

    visit: int
    retry_failed: bool

    def expand(self, inputs: Any) -> Any:
        by_url = {
            WISHES: inputs[WISHES] | "Wanted URLs" >> beam.FlatMap(_wanted),
            ROWS: inputs[ROWS] | "By URL" >> beam.Map(lambda row: (row.key, row)),
            HELD: inputs[HELD] | "Held" >> beam.Map(lambda key: (key, True)),
        } | "Meet at URL" >> beam.CoGroupByKey()
        return (
            by_url
            | "Known"
            >> beam.FlatMapTuple(partial(_known, visit=self.visit, retry_failed=self.retry_failed))
            | "Gather wishes" >> beam.GroupByKey()
            | "Next" >> beam.FlatMapTuple(_next)
            | "Gather URLs" >> beam.GroupByKey()
            | "Once" >> beam.MapTuple(lambda _key, asks: merge(asks))
        )


def _wanted(wish: Wish) -> Iterator[tuple[Key, tuple[str, int]]]:
    text = json.dumps(asdict(wish), sort_keys=True)
    for rank, url in enumerate(wish.urls):
        yield (wish.kind, url), (text, rank)


def _known(
    _key: Key, group: dict[str, Iterable[Any]], visit: int, retry_failed: bool
) -> Iterator[tuple[str, tuple[int, Known]]]:
    wanted = list(group[WISHES])
    if not wanted:
        return
    held = any(group[HELD])
    found = AT_HAND if held else known(group[ROWS], visit, retry_failed=retry_failed)
    for text, rank in wanted:
        yield text, (rank, found)


def _next(text: str, found: Iterable[tuple[int, Known]]) -> Iterator[tuple[Key, Ask]]:
    fields = json.loads(text)
    tuples = {name: tuple(fields[name]) for name in ("urls", "opt_out")}
    ask = next_ask(Wish(**fields | tuples), dict(found))
    if ask is not None:
        yield ask.key, ask


@dataclass(eq=False)
class FetchByHost(beam.PTransform[PCollection[Ask], PCollection[Asked]]):
    """Asks the hosts, keeps what they say in growing raw shards, and gives the ledger's rows."""

    serving: Serving
    partitions: int

    def expand(self, asks: PCollection[Ask]) -> Any:
        n = self.partitions
        return (
            asks
            | "By host" >> beam.Map(lambda ask: (partition_of(ask.host, n), ask))
            | "Gather hosts" >> beam.GroupByKey()
            | "Fetch" >> beam.ParDo(_Serve(self.serving))
        )


def partition_of(host: str, partitions: int) -> int:
    """Which of `partitions` a host belongs to: the same on every machine and in every run."""
    return int(hashlib.sha256(host.encode()).hexdigest()[:16], 16) % partitions


class _Serve(beam.DoFn):
    def __init__(self, serving: Serving) -> None:
        self.serving = serving

    def process(self, element: tuple[int, Iterable[Ask]]) -> Iterator[Asked]:
        partition, asks = element
        for asked in serve(partition, asks, self.serving):
            count(f"{asked.kind}/{asked.status}")
            yield asked


@dataclass(eq=False)
class ReadLedger(beam.PTransform[Any, PCollection[Asked]]):
    """The rows of `folder/*.parquet` as they are when the pipeline is made."""

    folder: Path

    def expand(self, begin: Any) -> Any:
        tables = sorted(str(path) for path in self.folder.glob("[!.]*.parquet"))
        return (
            begin
            | "Tables" >> beam.Create(tables)
            | "Spread" >> beam.Reshuffle()
            | "Rows" >> beam.FlatMap(read_rows)
        )


def read_rows(table: str | Path) -> Iterator[Asked]:
    """The rows of one table of the ledger, in order."""
    with pq.ParquetFile(table) as file:
        for batch in file.iter_batches(_BATCH_ROWS, columns=SCHEMA.names):
            yield from map(from_row, batch.to_pylist())


def image_key(ref: ImageRef) -> Iterator[Key]:
    """The key of an image that an archive holds well."""
    if ref.status == 200 and ref.n_bytes:
        yield "image", ref.url
