"""How are near copies found among all pairs, on Beam?"""

# mypy: allow-untyped-calls
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import AsSingleton, PCollection
from apache_beam.transforms import combiners

from filter.aggregate import hash_key, keep_best_print, without_copy
from filter.dedup import Copy, Print, keys, n_equal_blocks, near_copies, prints_of
from filter.routes import DROPPED, KEPT, by_id, sort_out
from filter.verdict import Verdict


@dataclass(eq=False)
class DropNearCopies(beam.PTransform[PCollection[Verdict], Any]):
    """Drops every image that has a better scored one within `max_distance` bits of its hash.

    Of images with one and the same hash the best stays; only those meet in groups of similar
    hashes, so that a million copies of one placeholder are never compared with each other.
    """

    max_distance: int

    def expand(self, verdicts: PCollection[Verdict]) -> Any:
        distinct = (
            verdicts
            | "By hash" >> beam.Map(lambda verdict: (hash_key(verdict), verdict))
            | "Gather hashes" >> beam.GroupByKey()
            | "Keep best of hash" >> beam.FlatMapTuple(lambda _key, group: keep_best_print(group))
            | "Sort equal" >> beam.Map(sort_out).with_outputs(KEPT, DROPPED)
        )
        n_equal = (
            distinct[KEPT]
            | "Count" >> combiners.Count.Globally()
            | "Equal blocks" >> beam.Map(n_equal_blocks)
        )
        copies = (
            distinct[KEPT]
            | "By blocks" >> beam.FlatMap(by_blocks, self.max_distance, AsSingleton(n_equal))
            | "Gather blocks" >> beam.GroupByKey()
            | "Compare" >> beam.FlatMapTuple(partial(compare, max_distance=self.max_distance))
        )
        judged = (
            {"verdicts": distinct[KEPT] | "By id" >> beam.Map(by_id), "copies": copies}
            | "Meet at candidate" >> beam.CoGroupByKey()
            | "Drop copies" >> beam.FlatMapTuple(drop_copies)
            | "Sort out" >> beam.Map(sort_out).with_outputs(KEPT, DROPPED)
        )
        fallen = (distinct[DROPPED], judged[DROPPED]) | "All copies" >> beam.Flatten()
        return {KEPT: judged[KEPT], DROPPED: fallen}


def by_blocks(verdict: Verdict, max_distance: int, n_equal: int) -> Iterator[tuple[bytes, Print]]:
    """The prints of a pair under each of their keys."""
    for one in prints_of(verdict):
        for key in keys(one.bits, max_distance, n_equal):
            yield key, one


def compare(_key: bytes, group: Iterable[Print], max_distance: int) -> Iterator[tuple[str, Copy]]:
    """The copies among the images that share some blocks."""
    return near_copies(group, max_distance)


def drop_copies(_id: str, group: dict[str, Iterable[Any]]) -> Iterator[Verdict]:
    """A verdict, dropped when some group found a better image close to its own."""
    copies = list(group["copies"])
    for verdict in group["verdicts"]:
        yield without_copy(verdict, copies)
