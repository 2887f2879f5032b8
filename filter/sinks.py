"""How do ledger, dead letters and thumbnails get written from Beam?

Every file is decided by its content (a range of candidate ids), written aside and renamed: a bundle
that runs twice writes the same bytes twice.
"""

# mypy: allow-untyped-calls
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import apache_beam as beam
from apache_beam.pvalue import AsList, AsMultiMap, AsSingleton, PCollection
from apache_beam.transforms import combiners

from crawl.damage import Damage
from crawl.image_ref import ImageRef
from crawl.sources.warc import ArchiveReader
from filter.decode import DecodeLimits
from filter.fetch import best
from filter.ledger import write_dead_letters, write_ledger, write_thumbnails
from filter.sieve import ERROR
from filter.thumbnails import label, may_be_shown, thumbnail
from filter.transforms import by_id, wanted_urls
from filter.verdict import Verdict

_SEED: Final = "seed"


def bucket_of(hash_hex: str, n_buckets: int) -> int:
    """Which of `n_buckets` equal ranges a hash belongs to; ranges in order keep hashes in order."""
    return int(hash_hex[:16], 16) * n_buckets >> 64


def n_buckets_for(n_rows: int, rows_per_bucket: int) -> int:
    """How many buckets hold `n_rows`; at least one, so that an empty table is a file too."""
    return max(1, -(-n_rows // rows_per_bucket))


@dataclass(eq=False)
class GatherBuckets(beam.PTransform[Any, Any]):
    """`items` (bucket, item) and `n_buckets` to (bucket, items), empty buckets too."""

    def expand(self, inputs: Any) -> Any:
        items, n_buckets = inputs["items"], inputs["n_buckets"]
        seeds = (
            items.pipeline
            | "One" >> beam.Create([_SEED])
            | "Every bucket"
            >> beam.FlatMap(
                lambda _, n: [(bucket, None) for bucket in range(n)], AsSingleton(n_buckets)
            )
        )
        return (
            {"items": items, "seeds": seeds}
            | "Gather" >> beam.CoGroupByKey()
            | "Items" >> beam.MapTuple(lambda bucket, group: (bucket, group["items"]))
        )


@dataclass(eq=False)
class WriteLedger(beam.PTransform[PCollection[Verdict], Any]):
    """Final verdicts to `folder/{00000..}.parquet`; gives the rows of each file."""

    folder: Path
    rows_per_file: int

    def expand(self, verdicts: PCollection[Verdict]) -> Any:
        n_files = (
            verdicts
            | "Count" >> combiners.Count.Globally()
            | "Files" >> beam.Map(n_buckets_for, self.rows_per_file)
        )
        keyed = verdicts | "To file" >> beam.Map(
            lambda v, n: (bucket_of(v.candidate.candidate_id, n), v), AsSingleton(n_files)
        )
        folder = self.folder
        return (
            {"items": keyed, "n_buckets": n_files}
            | GatherBuckets()
            | "Write"
            >> beam.MapTuple(lambda bucket, group: write_ledger(folder, f"{bucket:05d}", group))
        )


@dataclass(eq=False)
class WriteDeadLetters(beam.PTransform[Any, Any]):
    """`damage`, and the `verdicts` on which a filter raised, to `folder/00000.parquet`."""

    folder: Path

    def expand(self, inputs: Any) -> Any:
        raised = (
            inputs["verdicts"]
            | "Raised" >> beam.Filter(lambda verdict: verdict.reason == ERROR)
            | "As damage" >> beam.Map(as_damage)
        )
        letters = (inputs["damage"], raised) | "All letters" >> beam.Flatten()
        folder = self.folder
        return (
            raised.pipeline
            | "One" >> beam.Create([_SEED])
            | "Write" >> beam.Map(lambda _, rows: write_dead_letters(folder, rows), AsList(letters))
        )


def as_damage(verdict: Verdict) -> Damage:
    """Where the candidate came from, and what raised."""
    candidate = verdict.candidate
    return Damage(
        file=candidate.page_file,
        offset=candidate.page_offset,
        reason=ERROR,
        detail=f"{candidate.candidate_id} {verdict.stage}: {verdict.value}",
    )


@dataclass(eq=False)
class WriteThumbnails(beam.PTransform[Any, Any]):
    """Small pictures of a few of the final `verdicts` per reason, to `folder/00000.parquet`.

    The sample is that of the smallest candidate ids: hashes, hence a fair draw, and the same one on
    every run. A candidate that fell before its image was looked for has no reference yet; it is
    looked up among `images` now.
    """

    folder: Path
    per_reason: int
    limits: DecodeLimits

    def expand(self, inputs: Any) -> Any:
        sample = (
            inputs["verdicts"]
            | "Shown" >> beam.Filter(may_be_shown)
            | "By reason" >> beam.Map(lambda verdict: (label(verdict), verdict))
            | "Sample" >> combiners.Top.PerKey(self.per_reason, key=_id, reverse=True)
            | "Sampled" >> beam.FlatMapTuple(lambda _reason, verdicts: verdicts)
        )
        wanted = sample | "Wanted URLs" >> beam.FlatMap(wanted_urls)
        found = inputs["images"] | "Find" >> beam.FlatMap(find, AsMultiMap(wanted))
        folder = self.folder
        rows = (
            {"verdicts": sample | "By id" >> beam.Map(by_id), "found": found}
            | "Meet" >> beam.CoGroupByKey()
            | "Locate" >> beam.FlatMapTuple(locate)
            | "Gather archives" >> beam.GroupByKey()
            | "Shrink" >> beam.FlatMapTuple(partial(shrink, limits=self.limits))
        )
        return (
            rows.pipeline
            | "One" >> beam.Create([_SEED])
            | "Write" >> beam.Map(lambda _, rows: write_thumbnails(folder, rows), AsList(rows))
        )


def _id(verdict: Verdict) -> str:
    return verdict.candidate.candidate_id


def find(ref: ImageRef, wanted: Any) -> Iterator[tuple[str, Any]]:
    """A reference, for every sampled candidate that names its URL (Beam gives [] where none)."""
    for rank, candidate_id in wanted[ref.url]:
        yield candidate_id, (rank, ref)


def locate(_id: str, group: dict[str, Iterable[Any]]) -> Iterator[tuple[str, tuple[int, Verdict]]]:
    """(archive, (offset, verdict)) of the image that was judged, or of the best one there is."""
    other = best(group["found"])
    for verdict in group["verdicts"]:
        ref = verdict.ref or other
        if ref is not None and not ref.opt_out:
            yield ref.file, (ref.offset, verdict)


def shrink(
    file: str, placed: Iterable[tuple[int, Verdict]], limits: DecodeLimits
) -> Iterator[dict[str, Any]]:
    """Thumbnail rows of the sampled images of one archive."""
    with ArchiveReader(file) as archive:
        ordered = sorted(placed, key=lambda one: (one[0], _id(one[1])))
        for offset, same_image in groupby(ordered, key=lambda one: one[0]):
            try:
                body = archive.body(offset, limits.max_bytes)
            except ValueError:
                continue
            for _, verdict in same_image:
                row = thumbnail(verdict, body, limits)
                if row is not None:
                    yield row
