"""How relevant is every line of a pairs file?"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filter.relevance.model import RelevanceModel
from filter.relevance.pairs import PairLine, Progress, name_missing, read_ahead, read_pairs
from filter.relevance.preprocess import Pixels

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
            batches = [_Batch.of(batch) for batch in _by_image(lines)]
            wanted = (path for batch in batches for path in batch.paths.values())
            pictures = read_ahead(wanted, scorer.size_px, scorer.encoder.resize)
            for batch in batches:
                for line, score in _score(scorer, batch, pictures, missing):
                    unscored += score is None
                    text = json.dumps({**line.fields, "score": score}, ensure_ascii=False)
                    file.write(text + "\n")
                done += len(batch.lines)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """Lines that are scored together, and each of their images once."""

    lines: list[PairLine]
    texts: dict[str, list[str]]
    paths: dict[str, Path]

    @classmethod
    def of(cls, lines: list[PairLine]) -> "_Batch":
        texts: dict[str, list[str]] = {}
        for line in lines:
            texts.setdefault(line.name, []).append(line.text)
        return cls(lines=lines, texts=texts, paths={line.name: line.image for line in lines})


def _score(
    scorer: RelevanceModel,
    batch: _Batch,
    pictures: Iterator[Pixels | str],
    missing: dict[str, str],
) -> Iterator[tuple[PairLine, float | None]]:
    """Takes the batch's share of `pictures`."""
    pixels = {}
    for name in batch.paths:
        read = next(pictures)
        if isinstance(read, str):
            missing[name] = read
        else:
            pixels[name] = read
    scores = scorer.score(list(pixels.values()), [batch.texts[name] for name in pixels])
    left = {name: iter(own) for name, own in zip(pixels, scores, strict=True)}
    for line in batch.lines:
        yield line, next(left[line.name]) if line.name in left else None
