"""What are the Beam graphs of a crawl?"""

# mypy: allow-untyped-calls
import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pvalue import AsList, PCollection
from apache_beam.transforms import combiners

from crawl.asked import Key
from crawl.damage import Damage
from crawl.fetching import (
    HELD,
    ROWS,
    WISHES,
    FetchByHost,
    NextAsks,
    ReadLedger,
    WishImages,
    image_key,
)
from crawl.serve import Serving
from crawl.templates import JudgeTemplates
from crawl.transforms import CANDIDATES, DAMAGE, IMAGES, PAGES, ExtractCandidates, ReadArchives
from crawl.wish_files import WriteWishes, read_held, read_wishes
from crawl.wishes import Ask, Wish, of_page
from filter.ledger import write_dead_letters
from lait.crawl_settings import CrawlJobConfig, Source, list_urls
from shards.aside import publish_bytes

_INTERRUPT: Final = "KeyboardInterrupt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One pass over wishes: what is new among them is asked for."""

    wishes: Path | None
    """Folder of wish files; None: the pages of the source's lists."""
    retry_failed: bool


def wish_graph(
    pipeline: beam.Pipeline,
    archives: Sequence[str],
    folder: Path,
    dead_letters: Path,
    config: CrawlJobConfig,
    *,
    n_files: int,
    others: bool,
    damage: Sequence[Damage],
) -> None:
    """Archives to wish files of `folder`, and what could not be read to `dead_letters`.

    Args:
        others: They are not this crawl's own: an image that they hold need not be asked for.
        damage: What could not be read before.
    """
    read = pipeline | "Archives" >> beam.Create(list(archives)) | ReadArchives(config.crawl)
    extracted = read[PAGES] | ExtractCandidates(config.crawl)
    # As `lait curate` judges them: what it will take for main images is what has to be fetched.
    judged = extracted[CANDIDATES] | "Templates" >> JudgeTemplates()
    wishes = judged | WishImages(config.images, config.max_versions, config.fetch.obey_opt_outs)
    held = read[IMAGES] | "At hand" >> beam.FlatMap(image_key if others else _nothing)
    _ = {"wishes": wishes, "held": held} | WriteWishes(folder, n_files)
    before = pipeline | "Earlier damage" >> beam.Create(list(damage))
    letters = (read[DAMAGE], extracted[DAMAGE], before) | "All damage" >> beam.Flatten()
    _ = (
        pipeline
        | "Once" >> beam.Create([None])
        | "Dead letters"
        >> beam.Map(lambda _, rows: write_dead_letters(dead_letters, rows), AsList(letters))
    )


def asks_of(
    pipeline: beam.Pipeline, source: Source, this: Round, raw: Path, visit: int
) -> PCollection[Ask]:
    """What is to be asked for in a round."""
    if this.wishes is None:
        wishes: PCollection[Wish] = (
            pipeline | "Lists" >> beam.Create([source]) | "Pages" >> beam.FlatMap(_pages)
        )
        held = pipeline | "Nothing held" >> beam.Create([])
    else:
        files = sorted(str(path) for path in this.wishes.glob("[0-9]*.parquet"))
        paths = pipeline | "Wish files" >> beam.Create(files) | beam.Reshuffle()
        wishes = paths | "Wishes" >> beam.FlatMap(read_wishes)
        held = paths | "Held" >> beam.FlatMap(read_held)
        if source.limit is not None and source.archives:
            wishes = wishes | _FirstPages(source.limit)
    rows = pipeline | ReadLedger(raw)
    asks: PCollection[Ask] = {WISHES: wishes, ROWS: rows, HELD: held} | NextAsks(
        visit, this.retry_failed
    )
    return asks


def fetch_graph(
    pipeline: beam.Pipeline, source: Source, this: Round, serving: Serving, partitions: int
) -> None:
    """One round."""
    asks = asks_of(pipeline, source, this, serving.folder, serving.visit)
    _ = asks | FetchByHost(serving, partitions)


def plan_graph(
    pipeline: beam.Pipeline, source: Source, this: Round, raw: Path, visit: int, path: Path
) -> None:
    """How many requests each host would have in a round, as JSON; nothing is asked for."""
    asks = asks_of(pipeline, source, this, raw, visit)
    counts = (
        asks
        | "Not spared" >> beam.Filter(lambda ask: not ask.refused)
        | "Hosts" >> beam.Map(lambda ask: ask.host)
        | "Count" >> combiners.Count.PerElement()
    )

    def write(_: object, found: list[tuple[str, int]]) -> None:
        publish_bytes(path, json.dumps(dict(sorted(found))).encode())

    _ = pipeline | "Once" >> beam.Create([None]) | "Plan" >> beam.Map(write, AsList(counts))


@dataclass(eq=False)
class _FirstPages(beam.PTransform[PCollection[Wish], PCollection[Wish]]):
    """The wishes of so many pages, those whose URLs come first."""

    limit: int

    def expand(self, wishes: PCollection[Wish]) -> Any:
        pages = (
            wishes
            | "Page" >> beam.Map(lambda wish: wish.page)
            | "Each once" >> beam.Distinct()
            | "First" >> combiners.Top.Smallest(self.limit)
        )
        return wishes | "Of these" >> beam.FlatMap(_of_pages, beam.pvalue.AsSingleton(pages))


def _of_pages(wish: Wish, pages: Iterable[str]) -> Iterator[Wish]:
    if wish.page in pages:
        yield wish


def _nothing(_: object) -> Iterator[Key]:
    yield from ()


def _pages(source: Source) -> Iterator[Wish]:
    yield from map(of_page, list_urls(source))


@contextmanager
def pipeline(flags: Sequence[str]) -> Iterator[beam.Pipeline]:
    """A pipeline that runs when the block is left. Raises what running it raises."""
    beams_log = logging.getLogger("apache_beam.runners.common")
    beams_log.addFilter(_no_interrupt)
    try:
        with beam.Pipeline(options=PipelineOptions(list(flags))) as made:
            yield made
    except RuntimeError as error:
        if _INTERRUPT in str(error):  # as Beam passes it on
            raise KeyboardInterrupt from error
        raise
    finally:
        beams_log.removeFilter(_no_interrupt)


def _no_interrupt(record: logging.LogRecord) -> bool:
    """A person who stops a crawl need not be told where it was."""
    return _INTERRUPT not in record.getMessage()
