"""What does a shard set look like from afar: how many, how large, how long?"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from shards.manifest import Manifest, current, read_manifest, shard_folder

WORD_EDGES = (0, 2, 3, 5, 8, 13, 21, 34, 55, math.inf)
PIXEL_EDGES = (0, 301, 400, 500, 640, 800, 1024, 1600, 2048, 4096, math.inf)
BYTE_EDGES = (0, 2**12, 2**14, 2**15, 2**16, 2**17, 2**18, 2**19, 2**20, 2**22, math.inf)
SCORE_EDGES = tuple(i / 10 for i in range(11))

_COLUMNS = ("text", "extension", "n_bytes", "width_px", "height_px", "relevance")
_COLUMNS_COUNTED = ("text_source", "language")


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Counts between fixed edges, so that histograms of two sets can be compared."""

    edges: tuple[float, ...]
    """Bin i holds `edges[i] <= value < edges[i + 1]`; a finite last edge is inclusive."""
    counts: tuple[int, ...]
    n_missing: int
    """Samples without the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A set of samples from afar."""

    n_samples: int
    n_shards: int
    n_bytes: int
    """Of all archives."""
    extensions: tuple[tuple[str, int], ...]
    """(value, samples), most frequent first; so are the next two."""
    text_sources: tuple[tuple[str, int], ...]
    languages: tuple[tuple[str, int], ...]
    words: Histogram
    image_bytes: Histogram
    width_px: Histogram
    height_px: Histogram
    relevance: Histogram


def inspect(folder: Path) -> Summary:
    """Summarises OUT or OUT/shards from manifest and Parquet, one shard in memory at a time.

    Raises ValueError when there is no finished set of samples.
    """
    folder = shard_folder(folder)
    return summarise(folder, read_manifest(folder))


def summarise(folder: Path, manifest: Manifest) -> Summary:
    """As `inspect`, for a set whose manifest is not yet written."""
    if manifest.kind != "samples":
        raise ValueError(f"{folder} holds {manifest.kind}, not samples")
    counters = {name: Counter[str]() for name in ("extension", *_COLUMNS_COUNTED)}
    bins = {
        "words": _Bins(WORD_EDGES),
        "n_bytes": _Bins(BYTE_EDGES),
        "width_px": _Bins(PIXEL_EDGES),
        "height_px": _Bins(PIXEL_EDGES),
        "relevance": _Bins(SCORE_EDGES),
    }
    for shard in manifest.shards:
        path = current(folder, manifest, f"{shard.stem}.parquet")
        columns = pq.read_table(path, columns=[*_COLUMNS, *_COLUMNS_COUNTED]).to_pydict()
        for name, counter in counters.items():
            counter.update(value for value in columns[name] if value is not None)
        columns["words"] = [len(text.split()) for text in columns["text"]]
        for name, one in bins.items():
            one.add(columns[name])
    return Summary(
        n_samples=manifest.n_samples,
        n_shards=len(manifest.shards),
        n_bytes=sum(shard.n_bytes for shard in manifest.shards),
        extensions=_ranked(counters["extension"]),
        text_sources=_ranked(counters["text_source"]),
        languages=_ranked(counters["language"]),
        words=bins["words"].histogram(),
        image_bytes=bins["n_bytes"].histogram(),
        width_px=bins["width_px"].histogram(),
        height_px=bins["height_px"].histogram(),
        relevance=bins["relevance"].histogram(),
    )


def _ranked(counter: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counter.items(), key=lambda item: (-item[1], item[0])))


class _Bins:
    """A histogram while it is counted."""

    def __init__(self, edges: tuple[float, ...]) -> None:
        self._edges = edges
        self._counts = np.zeros(len(edges) - 1, dtype=np.int64)
        self._n_missing = 0

    def add(self, values: Iterable[float | None]) -> None:
        values = list(values)
        present = np.array([value for value in values if value is not None], dtype=np.float64)
        bins = np.searchsorted(self._edges, present, side="right") - 1
        last = len(self._counts) - 1
        self._counts += np.bincount(np.clip(bins, 0, last), minlength=last + 1)
        self._n_missing += len(values) - len(present)

    def histogram(self) -> Histogram:
        counts = tuple(int(count) for count in self._counts)
        return Histogram(edges=self._edges, counts=counts, n_missing=self._n_missing)
