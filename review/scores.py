"""How are the scores of a run spread, and where do its thresholds lie?

A score finds its thresholds by name: the bounds of `relevance` are the fields `min_relevance` and
`max_relevance` of the filter configuration. A new numeric column of the ledger is a new histogram,
and a new field of that name its rule; there is no list to edit.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from filter.text import words
from review.load import Run

N_BINS = 40

Floats = NDArray[np.float64]

_NO_SCORE = {
    "page_offset", "image_offset", "image_status", "value", "threshold", "key",
    "width_px", "height_px", "n_bytes",
}  # fmt: skip
"""Numeric columns that say where something lies, or that a derived score shows better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One number per candidate, and the ledger columns it is computed from."""

    name: str
    columns: tuple[str, ...]
    compute: Callable[[pa.Table], Floats]
    """[N] values; NaN where a candidate never got so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Counts of kept and dropped candidates over one score."""

    score: str
    edges: tuple[float, ...]
    """N + 1 rising bin edges, all bounds inside."""
    kept: tuple[int, ...]
    dropped: tuple[int, ...]
    """N counts each."""
    n_unscored: int
    """Candidates dropped before the score was computed."""
    log: bool
    """Bins are equally wide in the logarithm."""
    bounds: tuple[tuple[str, float, int], ...]
    """(name, value, candidates on its wrong side) of each threshold."""


def histograms(run: Run) -> tuple[Histogram, ...]:
    """A histogram of every score that any candidate of the run has."""
    found = (_histogram(run, score) for score in scores(run.ledger.schema))
    return tuple(histogram for histogram in found if histogram is not None)


def scores(schema: pa.Schema) -> tuple[Score, ...]:
    """Every numeric column of the ledger that is a score, then the derived ones."""
    plain = tuple(
        Score(name=field.name, columns=(field.name,), compute=_column(field.name))
        for field in schema
        if _is_number(field.type) and field.name not in _NO_SCORE
    )
    return (*plain, *_DERIVED)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _column(name: str) -> Callable[[pa.Table], Floats]:
    def compute(table: pa.Table) -> Floats:
        column = table[name].cast(pa.float64())
        values: Floats = column.to_numpy(zero_copy_only=False).astype(np.float64)
        return values

    return compute


def _side(table: pa.Table) -> Floats:
    return np.minimum(_column("width_px")(table), _column("height_px")(table))


def _aspect_ratio(table: pa.Table) -> Floats:
    width, height = _column("width_px")(table), _column("height_px")(table)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.maximum(width / height, height / width)


def _pixels(table: pa.Table) -> Floats:
    return _column("width_px")(table) * _column("height_px")(table)


def _words(table: pa.Table) -> Floats:
    """Words of the chosen text; where none was chosen, of the text whose refusal decided."""
    columns = (table[name].to_pylist() for name in ("text", "reason", "texts"))
    counts = [
        len(words(text))
        if text is not None
        else next((len(words(t["text"])) for t in texts or () if t["drop"] == reason), np.nan)
        for text, reason, texts in zip(*columns, strict=True)
    ]
    return np.array(counts, np.float64)


_DERIVED = (
    Score(name="words", columns=("text", "reason", "texts"), compute=_words),
    Score(name="side_px", columns=("width_px", "height_px"), compute=_side),
    Score(name="aspect_ratio", columns=("width_px", "height_px"), compute=_aspect_ratio),
    Score(name="pixels", columns=("width_px", "height_px"), compute=_pixels),
    Score(name="image_bytes", columns=("n_bytes",), compute=_column("n_bytes")),
)


def _histogram(run: Run, score: Score) -> Histogram | None:
    table = run.ledger.to_table(columns=[*score.columns, "kept"])
    values_N = score.compute(table)
    scored_N = np.isfinite(values_N)
    if not scored_N.any():
        return None
    kept_N = table["kept"].to_numpy(zero_copy_only=False).astype(bool)
    bounds = _bounds_of(run, score.name, values_N[scored_N])
    edges, log = _edges(values_N[scored_N], [value for _, value, _ in bounds])
    # Clipped, for a logarithmic first edge lies above zero.
    inside = np.clip(values_N, edges[0], edges[-1])
    kept, dropped = (
        np.histogram(inside[scored_N & side_N], edges)[0] for side_N in (kept_N, ~kept_N)
    )
    return Histogram(
        score=score.name,
        edges=tuple(edges.tolist()),
        kept=tuple(kept.tolist()),
        dropped=tuple(dropped.tolist()),
        n_unscored=int((~scored_N).sum()),
        log=log,
        bounds=bounds,
    )


def _bounds_of(run: Run, name: str, values: Floats) -> tuple[tuple[str, float, int], ...]:
    found = []
    if (low := run.bounds.get(f"min_{name}")) is not None:
        found.append((f"min_{name}", low, int((values < low).sum())))
    if (high := run.bounds.get(f"max_{name}")) is not None:
        found.append((f"max_{name}", high, int((values > high).sum())))
    return tuple(found)


def _edges(values: Floats, bounds: list[float]) -> tuple[Floats, bool]:
    """Bin edges around all values and bounds; logarithmic when they span more than 1 : 100."""
    every = np.concatenate([values, np.array(bounds)])
    low, high = float(every.min()), float(every.max())
    if low >= 0 and high <= 1:
        return np.linspace(0, 1, N_BINS + 1), False
    positive = every[every > 0]
    if low >= 0 and high > 100 * positive.min():
        low_exponent, high_exponent = np.log10(positive.min()), np.log10(high)
        return np.logspace(low_exponent, high_exponent, N_BINS + 1), True
    if np.all(every == np.round(every)):  # whole numbers: no bin may fall between two of them
        width = max(1, int(np.ceil((high - low + 1) / N_BINS)))
        n_bins = int(np.ceil((high - low + 1) / width))
        return low - 0.5 + width * np.arange(n_bins + 1, dtype=np.float64), False
    return np.linspace(low, high if high > low else low + 1, N_BINS + 1), False
