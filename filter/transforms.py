"""How does the cascade run on Beam?

Only references and words are shuffled; picture bytes are read where they are judged and stay there.
Every transform that may drop has two outputs, `kept` and `dropped`: nothing leaves unexplained.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import apache_beam as beam
from apache_beam.pvalue import PCollection

from crawl.candidate import Candidate
from crawl.image_ref import ImageRef
from crawl.transforms import Readers
from filter.aggregate import drop_common_text, image_key, keep_best_pair, text_key
from filter.copies import DropNearCopies
from filter.fetch import Found, best, urls
from filter.judge import Scorer, judge_block, judge_page, judge_ref
from filter.recipe import Cascade
from filter.routes import DROPPED as DROPPED
from filter.routes import KEPT as KEPT
from filter.routes import by_id, sort_out
from filter.scorer import load_scorer
from filter.verdict import Verdict

BLOCK_BYTES: Final = 8 * 2**20
"""Candidates whose images lie in the same stretch of an archive are judged together: the archive is
opened once for them, and their number stays small however large the crawl is."""


@dataclass(eq=False)
class SievePages(beam.PTransform[PCollection[Candidate], PCollection[Verdict]]):
    """Candidates to verdicts on page, main image and texts, kept and dropped together."""

    cascade: Cascade

    def expand(self, candidates: PCollection[Candidate]) -> Any:
        return candidates | "Judge page" >> beam.Map(judge_page, self.cascade)


@dataclass(eq=False)
class JoinImages(beam.PTransform[Any, Any]):
    """`verdicts` and `images` (references) to verdicts that know where their image lies.

    A picture has several URLs, an URL several captures: URLs and references meet first, small, and
    the candidates are shuffled once, when the best reference of each is known.
    """

    cascade: Cascade

    def expand(self, inputs: Any) -> Any:
        verdicts = inputs["verdicts"]
        found = {
            "wanted": verdicts | "Wanted URLs" >> beam.FlatMap(wanted_urls),
            "images": inputs["images"] | "By URL" >> beam.Map(lambda ref: (ref.url, ref)),
        } | "Meet at URL" >> beam.CoGroupByKey()
        located = found | "Best capture" >> beam.FlatMapTuple(meet)
        return (
            {"verdicts": verdicts | "By id" >> beam.Map(by_id), "found": located}
            | "Meet at candidate" >> beam.CoGroupByKey()
            | "Attach" >> beam.FlatMapTuple(partial(attach, cascade=self.cascade))
            | "Sort out" >> beam.Map(sort_out).with_outputs(KEPT, DROPPED)
        )


def wanted_urls(verdict: Verdict) -> Iterator[tuple[str, tuple[int, str]]]:
    """(URL, (its rank, candidate id)) for every URL of a candidate."""
    for rank, url in enumerate(urls(verdict.candidate)):
        yield url, (rank, verdict.candidate.candidate_id)


def meet(_url: str, group: dict[str, Iterable[Any]]) -> Iterator[tuple[str, Found]]:
    """The best capture of one URL, for every candidate that wants it."""
    ref = best((0, ref) for ref in group["images"])
    if ref is not None:
        for rank, candidate_id in group["wanted"]:
            yield candidate_id, (rank, ref)


def attach(_id: str, group: dict[str, Iterable[Any]], cascade: Cascade) -> Iterator[Verdict]:
    """The candidate with the best of what its URLs found."""
    ref = best(group["found"])
    for verdict in group["verdicts"]:
        yield judge_ref(verdict, ref, cascade)


@dataclass(eq=False)
class JudgeImages(beam.PTransform[PCollection[Verdict], Any]):
    """Reads, decodes, filters and scores the images of verdicts that know where theirs lies."""

    cascade: Cascade
    relevance: Path | None
    """Folder of a relevance model; None: texts are chosen by their source."""
    batch_images: int

    def expand(self, verdicts: PCollection[Verdict]) -> Any:
        return (
            verdicts
            | "By block" >> beam.Map(lambda verdict: (block(verdict), verdict))
            | "Gather blocks" >> beam.GroupByKey()
            | "Judge images" >> beam.ParDo(_JudgeBlock(self))
            | "Sort out" >> beam.Map(sort_out).with_outputs(KEPT, DROPPED)
        )


def block(verdict: Verdict) -> tuple[str, int]:
    """The stretch of an archive that holds a verdict's image."""
    assert verdict.ref is not None, verdict.candidate.candidate_id
    return verdict.ref.file, verdict.ref.offset // BLOCK_BYTES


class _JudgeBlock(beam.DoFn):
    def __init__(self, settings: JudgeImages) -> None:
        self.cascade = settings.cascade
        self.max_image_bytes = settings.cascade.limits.max_bytes
        self.relevance = settings.relevance
        self.batch_images = settings.batch_images
        self.scorer: Scorer | None = None

    def setup(self) -> None:
        self.readers = Readers()
        if self.relevance is not None:
            self.scorer = load_scorer(self.relevance)

    def process(self, element: tuple[tuple[str, int], Iterable[Verdict]]) -> Iterator[Verdict]:
        yield from judge_block(element[1], self._read, self.cascade, self.scorer, self.batch_images)

    def _read(self, ref: ImageRef) -> bytes:
        return self.readers.body(ref.file, ref.offset, self.max_image_bytes)

    def teardown(self) -> None:
        self.readers.close()


@dataclass(eq=False)
class Aggregate(beam.PTransform[PCollection[Verdict], Any]):
    """LAIT's two rules over all pairs, and near copies between them when asked for."""

    cascade: Cascade

    def expand(self, verdicts: PCollection[Verdict]) -> Any:
        unique = (
            verdicts
            | "By image" >> beam.Map(lambda verdict: (image_key(verdict), verdict))
            | "Gather images" >> beam.GroupByKey()
            | "Keep best pair" >> beam.FlatMapTuple(lambda _key, group: keep_best_pair(group))
            | "Sort copies" >> beam.Map(sort_out).with_outputs(KEPT, DROPPED)
        )
        fallen = [unique[DROPPED]]
        left = unique[KEPT]
        if self.cascade.max_phash_distance is not None:
            distinct = left | "Near copies" >> DropNearCopies(self.cascade.max_phash_distance)
            fallen.append(distinct[DROPPED])
            left = distinct[KEPT]
        common = (
            left
            | "By text" >> beam.Map(lambda verdict: (text_key(verdict), verdict))
            | "Gather texts" >> beam.GroupByKey()
            | "Drop common texts"
            >> beam.FlatMapTuple(partial(same_text, max_images=self.cascade.max_images_per_text))
            | "Sort texts" >> beam.Map(sort_out).with_outputs(KEPT, DROPPED)
        )
        fallen.append(common[DROPPED])
        return {KEPT: common[KEPT], DROPPED: fallen | "All fallen" >> beam.Flatten()}


def same_text(_text: str, group: Iterable[Verdict], max_images: int) -> Iterator[Verdict]:
    """Rule 2 on the pairs of one text."""
    return drop_common_text(group, max_images)
