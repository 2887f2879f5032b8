"""How relevant is every line of a pairs file?"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filter.relevance.model import RelevanceModel
from filter.relevance.pairs import PairLine, Progress, name_missing, read_pairs, read_pixels

_BATCH: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSummary:
    """What became of the lines."""

    scored: int
    unscored: int
    """Lines whose image cannot be read: their score is null."""
    missing: tuple[tuple[str, str], ...]
    """(image as the file names it, why) for every image that cannot be read."""
    missing_line: str
    """The same in one line for a person; empty when nothing is missing."""


def score_pairs(
    model: Path, pairs: Path, out: Path, progress: Progress | None = None
) -> ScoreSummary:
    """Writes the lines of `pairs` with `"score"` in 0..1 to `out`, in the same order.

    `"image"` is a path relative to the pairs file. An image that cannot be read gives null and is
    counted and named. `out` appears when all is done. Raises ValueError: no such model, a bad
    line, an output that cannot be written, or not a single image that can be read.
    """
    lines = read_pairs(pairs)
    if out.is_dir() or not out.parent.is_dir():
        raise ValueError(f"--out {out} cannot be written: it is a folder, or lies in none")
    scorer = RelevanceModel.load(model)
    aside = out.with_name(f".{out.name}.part")
    missing: dict[str, str] = {}
    unscored = done = 0
    try:
        with aside.open("w", encoding="utf-8") as file:
            for batch in _by_image(lines):
                for line, score in _score(scorer, batch, missing):
                    unscored += score is None
                    text = json.dumps({**line.fields, "score": score}, ensure_ascii=False)
                    file.write(text + "\n")
                done += len(batch)
                if progress is not None:
                    progress(done, len(lines))
        if unscored == len(lines):
            raise ValueError(name_missing(list(missing.items()), len(missing)))
        os.replace(aside, out)
    except OSError as error:
        raise ValueError(f"--out {out} cannot be written: {error}") from error
    finally:
        aside.unlink(missing_ok=True)
    total = len({line.name for line in lines})
    return ScoreSummary(
        scored=len(lines) - unscored,
        unscored=unscored,
        missing=tuple(missing.items()),
        missing_line=name_missing(list(missing.items()), total) if missing else "",
    )


def _by_image(lines: list[PairLine]) -> Iterator[list[PairLine]]:
    """Batches in order; lines of one image that follow each other stay together."""
    batch: list[PairLine] = []
    for line in lines:
        if len(batch) >= _BATCH and line.name != batch[-1].name:
            yield batch
            batch = []
        batch.append(line)
    yield batch


def _score(
    scorer: RelevanceModel, batch: list[PairLine], missing: dict[str, str]
) -> Iterator[tuple[PairLine, float | None]]:
    texts: dict[str, list[str]] = {}
    for line in batch:
        texts.setdefault(line.name, []).append(line.text)
    paths = {line.name: line.image for line in batch}
    pixels = {}
    for name, path in paths.items():
        read = read_pixels(path, scorer.size_px, scorer.encoder.resize)
        if isinstance(read, str):
            missing[name] = read
        else:
            pixels[name] = read
    scores = scorer.score(list(pixels.values()), [texts[name] for name in pixels])
    left = {name: iter(own) for name, own in zip(pixels, scores, strict=True)}
    for line in batch:
        yield line, next(left[line.name]) if line.name in left else None
