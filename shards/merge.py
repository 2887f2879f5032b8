"""How do several sets become one, whatever the order in which they are named?"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shards.archives import Archives
from shards.config import MergeConfig
from shards.derive import (
    Progress,
    claim,
    count_keys,
    derived,
    open_sources,
    taken_down,
    write_set,
)
from shards.manifest import FunnelRow, Manifest
from shards.sample import Sample
from shards.stream import groups

STAGE = "merge"
SAME_SAMPLE = "same_sample"
"""Reason of a sample that another set holds too, to the byte."""
SAME_IMAGE = "same_image"
"""Reason of a pair whose image another set holds with a better text."""


@dataclass(slots=True)
class _Copies:
    """How many samples of a merge were left out, for which reason."""

    same_sample: int = 0
    same_image: int = 0
    taken_down: int = 0

    def rows(self) -> list[FunnelRow]:
        return [
            FunnelRow(stage="takedown", reason="takedown", count=self.taken_down),
            FunnelRow(stage=STAGE, reason=SAME_SAMPLE, count=self.same_sample),
            FunnelRow(stage=STAGE, reason=SAME_IMAGE, count=self.same_image),
        ]


def merge(
    folders: Sequence[Path],
    out: Path,
    config: MergeConfig,
    progress: Progress = lambda _done, _total: None,
) -> Manifest:
    """Writes the samples of all `folders` to `out`, each image once.

    An image that several sets hold with the same text and record is one sample. Where these differ,
    the pair of the highest relevance stays (as within a curation run), at equal relevance the one
    whose text, then record, comes first; or the merge is refused. Samples that any of the sets has
    taken down are left out. Memory: the texts and records of one shard, and the headers of one
    shard of each set.

    Raises ValueError for folders that are no finished sets of samples, for sets that are equal, an
    `out` that holds something else, and, with `same_image="refuse"`, for the first image with two
    texts or records.
    """
    sources = open_sources(folders)
    if len({archives.manifest.digest for archives in sources}) < max(2, len(sources)):
        named = ", ".join(map(str, folders))
        raise ValueError(f"{named}: name two or more shard sets that differ")
    plan = derived(STAGE, config, sources)
    finished = claim(out, plan, sources)
    if finished is not None:
        return finished
    skipped = taken_down(sources, plan)
    if config.same_image == "refuse":
        _refuse_differing(sources, skipped)
    n_samples, n_skipped = count_keys(sources, skipped)
    copies = _Copies(taken_down=n_skipped)
    chosen = _chosen(sources, skipped, copies)
    return write_set(out, plan, chosen, n_samples, config.samples_per_shard, copies.rows, progress)


def better(sample: Sample) -> tuple[float, str, str, str]:
    """Sort key of pairs of one image, best first, the same in whatever set they lie."""
    relevance = json.loads(sample.record).get("relevance")
    number = float(relevance) if isinstance(relevance, int | float) else 0.0
    return (-number, sample.text, sample.record, sample.extension)


def _chosen(
    sources: Sequence[Archives], skipped: frozenset[str], copies: _Copies
) -> Iterator[Sample]:
    for group in groups(sources):
        if group[0].key in skipped:
            continue
        best = group[0] if len(group) == 1 else min(group, key=better)
        n_equal = sum(sample == best for sample in group)
        copies.same_sample += n_equal - 1
        copies.same_image += len(group) - n_equal
        yield best


def _refuse_differing(sources: Sequence[Archives], skipped: frozenset[str]) -> None:
    """Before anything is written; it costs one more reading of everything."""
    for group in groups(sources):
        if group[0].key not in skipped and any(sample != group[0] for sample in group):
            raise ValueError(
                f"image {group[0].key} has {len(group)} texts or records, one of them "
                f"{group[0].text[:60]!r}: give --same-image best to keep the most relevant"
            )
