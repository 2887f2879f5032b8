"""How do picked records of remote archives become pages on Beam?"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection, TaggedOutput

from crawl.config import CrawlConfig
from crawl.page import Page
from crawl.sources.picks import Pick
from crawl.sources.ranges import Asking, Lost, read_span, spans, to_items
from crawl.sources.responses import Limits
from crawl.transforms import DAMAGE, PAGES, count


@dataclass(eq=False)
class ReadRecords(beam.PTransform[PCollection[Pick], Any]):
    """Picks to `pages` and `damage`: every pick is one of the two.

    The picks of one archive are read by one worker, so that neighbours come in one request and an
    archive is not asked by all workers at once. Fails as `crawl.sources.ranges.read_span` does
    where nothing at `base` can be read at all.
    """

    base: str
    config: CrawlConfig
    asking: Asking = field(default_factory=Asking)

    def expand(self, picks: PCollection[Pick]) -> Any:
        return (
            picks
            | "By archive" >> beam.Map(_by_archive).with_output_types(tuple[str, Pick])
            | "Group" >> beam.GroupByKey()
            | "Read ranges" >> beam.ParDo(_Read(self)).with_outputs(PAGES, DAMAGE)
        )


def _by_archive(pick: Pick) -> tuple[str, Pick]:
    return pick.file, pick


class _Read(beam.DoFn):
    def __init__(self, settings: ReadRecords) -> None:
        self.base = settings.base
        self.asking = settings.asking
        self.limits = Limits(
            max_page_bytes=settings.config.max_page_bytes,
            max_image_bytes=settings.config.max_image_bytes,
        )

    def process(self, archive: tuple[str, Iterable[Pick]]) -> Iterator[Any]:
        picks = sorted(archive[1], key=Pick.place)
        for span in spans(picks, self.asking):
            for found in read_span(self.base, span, self.asking):
                if isinstance(found, Lost):
                    count(DAMAGE)
                    yield TaggedOutput(DAMAGE, found.damage)
                    continue
                for item in to_items(self.base, found, self.limits):
                    tag = PAGES if isinstance(item, Page) else DAMAGE
                    count(tag)
                    yield TaggedOutput(tag, item)
