"""How do ledger, dead letters and thumbnails get written from Beam?

Every file is decided by its content (a range of candidate ids), written aside and renamed, or sent
whole to an object store: a bundle that runs twice writes the same bytes twice.
"""

# mypy: allow-untyped-calls
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import apache_beam as beam
from apache_beam.pvalue import AsList, AsSingleton, PCollection
from apache_beam.transforms import combiners

from crawl.damage import Damage
from crawl.sources.sending import written_to
from crawl.sources.warc import ArchiveReader
from filter.decode import DecodeLimits
from filter.ledger import write_dead_letters, write_ledger, write_thumbnails
from filter.sieve import ERROR
from filter.thumbnails import label, may_be_shown, thumbnail
from filter.tombstones import TAKEDOWN, forgotten
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

    folder: Path | str
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
            | "Write" >> beam.MapTuple(lambda bucket, group: _to_ledger(folder, bucket, group))
        )


@dataclass(eq=False)
class WriteDeadLetters(beam.PTransform[Any, Any]):
    """`damage`, and the `verdicts` on which a filter raised, to `folder/00000.parquet`."""

    folder: Path | str

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
            | "Write" >> beam.Map(lambda _, rows: _to_dead_letters(folder, rows), AsList(letters))
        )


def _to_ledger(folder: Path | str, bucket: int, verdicts: Iterable[Verdict]) -> int:
    with written_to(folder) as there:
        told = (forgotten(one) if one.stage == TAKEDOWN else one for one in verdicts)
        return write_ledger(there, f"{bucket:05d}", told)


def _to_dead_letters(folder: Path | str, damages: Iterable[Damage]) -> int:
    with written_to(folder) as there:
        return write_dead_letters(there, damages)


def _to_thumbnails(folder: Path | str, rows: Iterable[dict[str, Any]]) -> int:
    with written_to(folder) as there:
        return write_thumbnails(there, rows)


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
class WriteThumbnails(beam.PTransform[PCollection[Verdict], Any]):
    """Small pictures of a few final verdicts per reason, to `folder/00000.parquet`.

    The sample is that of the smallest candidate ids: hashes, hence a fair draw, and the same one on
    every run.
    """

    folder: Path | str
    per_reason: int
    limits: DecodeLimits

    def expand(self, verdicts: PCollection[Verdict]) -> Any:
        rows = (
            verdicts
            | "Shown" >> beam.Filter(may_be_shown)
            | "By reason" >> beam.Map(lambda verdict: (label(verdict), verdict))
            | "Sample" >> combiners.Top.PerKey(self.per_reason, key=_id, reverse=True)
            | "By archive" >> beam.FlatMapTuple(by_archive)
            | "Gather archives" >> beam.GroupByKey()
            | "Shrink" >> beam.FlatMapTuple(partial(shrink, limits=self.limits))
        )
        folder = self.folder
        return (
            rows.pipeline
            | "One" >> beam.Create([_SEED])
            | "Write" >> beam.Map(lambda _, rows: _to_thumbnails(folder, rows), AsList(rows))
        )


def _id(verdict: Verdict) -> str:
    return verdict.candidate.candidate_id


def by_archive(
    _reason: str, verdicts: Iterable[Verdict]
) -> Iterator[tuple[str, tuple[int, Verdict]]]:
    """(archive, (offset, verdict)) of sampled verdicts."""
    for verdict in verdicts:
        assert verdict.ref is not None, _id(verdict)
        yield verdict.ref.file, (verdict.ref.offset, verdict)


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
