"""How do archives become candidates on Beam?"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import apache_beam as beam
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection, TaggedOutput

from crawl.candidate import Candidate
from crawl.config import CrawlConfig
from crawl.damage import Damage
from crawl.extract import extract
from crawl.image_ref import ImageRef
from crawl.page import Page
from crawl.sources.parts import Part, parts
from crawl.sources.saved import is_saved_folder, read_saved
from crawl.sources.warc import ArchiveReader, read_part

PAGES: Final = "pages"
IMAGES: Final = "images"
DAMAGE: Final = "damage"
CANDIDATES: Final = "candidates"

NAMESPACE: Final = "lait"
"""Of every Beam metric."""


def count(name: str) -> None:
    """Adds one to a counter that the runner shows."""
    Metrics.counter(NAMESPACE, name).inc()


@dataclass(eq=False)
class ReadArchives(beam.PTransform[PCollection[str], Any]):
    """Paths of archives to `pages`, `images` (references, without bytes) and `damage`.

    A folder of saved pages may stand where an archive stands.

    A large archive is read by many workers: what is spread are its parts.
    """

    config: CrawlConfig

    def expand(self, archives: PCollection[str]) -> Any:
        return (
            archives
            | "Spread archives" >> beam.Reshuffle()
            | "Cut" >> beam.FlatMap(parts, self.config.part_bytes)
            | "Spread parts" >> beam.Reshuffle()
            | "Read" >> beam.ParDo(_Read(self.config)).with_outputs(PAGES, IMAGES, DAMAGE)
        )


@dataclass(eq=False)
class ExtractCandidates(beam.PTransform[PCollection[Page], Any]):
    """Pages to `candidates`, and `damage` for a page on which extraction raised."""

    config: CrawlConfig

    def expand(self, pages: PCollection[Page]) -> Any:
        return pages | "Extract" >> beam.ParDo(_Extract(self.config)).with_outputs(
            CANDIDATES, DAMAGE
        )


class _Read(beam.DoFn):
    def __init__(self, config: CrawlConfig) -> None:
        self.config = config

    def process(self, part: Part) -> Iterator[Any]:
        for item in _items(part, self.config):
            tag = _tag(item)
            count(tag)
            yield TaggedOutput(tag, item)


def _items(part: Part, config: CrawlConfig) -> Iterator[Page | ImageRef | Damage]:
    if is_saved_folder(part.file):
        return read_saved(
            part.file, guess_urls=config.guess_urls, max_page_bytes=config.max_page_bytes
        )
    return read_part(
        part, max_page_bytes=config.max_page_bytes, max_image_bytes=config.max_image_bytes
    )


def _tag(item: Page | ImageRef | Damage) -> str:
    match item:
        case Page():
            return PAGES
        case ImageRef():
            return IMAGES
        case Damage():
            return DAMAGE


class _Extract(beam.DoFn):
    def __init__(self, config: CrawlConfig) -> None:
        self.config = config

    def process(self, page: Page) -> Iterator[Any]:
        found: tuple[Candidate, ...]
        try:
            found = extract(page, self.config)
        except Exception as error:
            # The one boundary of this room: a page that breaks the parser is counted, not fatal.
            count("pages_broken")
            detail = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            yield TaggedOutput(
                DAMAGE,
                Damage(file=page.file, offset=page.offset, reason="extract_error", detail=detail),
            )
            return
        if len(found) >= self.config.max_images_per_page:
            count("pages_cut")
            detail = (
                f"{len(found)} images were read, crawl.max_images_per_page; later ones were not"
            )
            yield TaggedOutput(
                DAMAGE,
                Damage(file=page.file, offset=page.offset, reason="images_cut", detail=detail),
            )
        for candidate in found:
            count(CANDIDATES)
            yield TaggedOutput(CANDIDATES, candidate)


class Readers:
    """Archives that a worker keeps open, the longest unused closed first.

    Opening is cheap for most archives and costs a whole decompression for a few.
    """

    def __init__(self, max_open: int = 8) -> None:
        self._max_open = max_open
        self._open: OrderedDict[str, ArchiveReader] = OrderedDict()

    def body(self, file: str, offset: int, max_bytes: int) -> bytes:
        """The body of the response at a place of an archive; raises as `ArchiveReader.body`."""
        reader = self._open.pop(file, None) or ArchiveReader(file)
        self._open[file] = reader
        if len(self._open) > self._max_open:
            self._open.popitem(last=False)[1].close()
        return reader.body(offset, max_bytes)

    def close(self) -> None:
        """Closes all of them."""
        while self._open:
            self._open.popitem()[1].close()
