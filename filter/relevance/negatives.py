"""Which wrong texts is a picture tried with? Random ones, ones of its own host, and the nearest.

A wrong text belongs to another image and equals none of the image's own texts. True pairs are
texts: pair m is text m with `image_of_M[m]`. M pairs, P wrong pairs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filter.relevance.colour import Floats
from filter.relevance.features import Rows
from filter.relevance.pairs import PairLine, images_of

_ROUNDS = 20
"""A random text that turns out to be true is drawn again, at most so often."""
_MAX_HARD = 5000
"""Pairs for which the nearest wrong text is searched; every text is a candidate."""
_CHUNK = 512


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Paired:
    """Who belongs to whom in a set of true pairs."""

    image_of_M: Rows
    text_id_M: Rows
    """Equal for equal texts."""
    host_of_M: Rows
    """A number for every host; -1 = not known."""

    def is_true(self, images_P: Rows, texts_P: Rows) -> NDArray[np.bool_]:
        """Whether a text is, word for word, one of the image's own."""
        width = int(self.text_id_M.max()) + 1
        own = np.unique(self.image_of_M * width + self.text_id_M)
        return np.isin(images_P * width + self.text_id_M[texts_P], own)


def text_ids(texts: Sequence[str]) -> Rows:
    """A number for every text, equal for texts that differ in case and spacing only."""
    numbers: dict[str, int] = {}
    plain = (" ".join(text.lower().split()) for text in texts)
    return np.array([numbers.setdefault(text, len(numbers)) for text in plain], dtype=np.int64)


def paired_of(lines: Sequence[PairLine]) -> Paired:
    """Numbers for the images (in order of appearance), texts and hosts of a pairs file."""
    images = {name: row for row, name in enumerate(images_of(lines))}
    hosts: dict[str, int] = {}
    return Paired(
        image_of_M=np.array([images[line.name] for line in lines], dtype=np.int64),
        text_id_M=text_ids([line.text for line in lines]),
        host_of_M=np.array(
            [
                -1 if line.host is None else hosts.setdefault(line.host, len(hosts))
                for line in lines
            ],
            dtype=np.int64,
        ),
    )


def random_wrong(paired: Paired, per_pair: int, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """(images, texts) [P]: `per_pair` wrong texts for every pair, fewer where hardly any exist."""
    images_P = np.repeat(paired.image_of_M, per_pair)
    n_texts = len(paired.image_of_M)
    return _redraw(paired, images_P, lambda rows: rng.integers(n_texts, size=len(rows)))


def same_host_wrong(paired: Paired, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """(images, texts) [P]: for every pair of a known host a wrong text of that host."""
    order = np.argsort(paired.host_of_M, kind="stable")
    hosts = paired.host_of_M[order]
    known = np.flatnonzero(paired.host_of_M >= 0)
    first = np.searchsorted(hosts, paired.host_of_M[known], side="left")
    after = np.searchsorted(hosts, paired.host_of_M[known], side="right")
    return _redraw(
        paired,
        paired.image_of_M[known],
        lambda rows: order[rng.integers(first[rows], after[rows])],
    )


def hard_wrong(paired: Paired, texts_ME: Floats, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """(images, texts) [P]: for every pair the wrong text nearest to its own, by unit vectors."""
    n_texts = len(paired.image_of_M)
    chosen = np.arange(n_texts)
    if n_texts > _MAX_HARD:
        chosen = np.sort(rng.choice(n_texts, size=_MAX_HARD, replace=False))
    images, texts = [], []
    for start in range(0, len(chosen), _CHUNK):
        rows = chosen[start : start + _CHUNK]
        closeness = texts_ME[rows] @ texts_ME.T
        owners = np.repeat(paired.image_of_M[rows], n_texts)
        true = paired.is_true(owners, np.tile(np.arange(n_texts), len(rows)))
        closeness[true.reshape(closeness.shape)] = -np.inf
        nearest = closeness.argmax(axis=1)
        found = np.isfinite(closeness[np.arange(len(rows)), nearest])
        images.append(paired.image_of_M[rows][found])
        texts.append(nearest[found])
    return np.concatenate(images), np.concatenate(texts).astype(np.int64)


def _redraw(paired: Paired, images_P: Rows, draw: Callable[[Rows], Rows]) -> tuple[Rows, Rows]:
    texts_P = draw(np.arange(len(images_P)))
    for _ in range(_ROUNDS):
        wrong = ~paired.is_true(images_P, texts_P)
        if wrong.all():
            break
        again = np.flatnonzero(~wrong)
        texts_P[again] = draw(again)
    wrong = ~paired.is_true(images_P, texts_P)
    return images_P[wrong], texts_P[wrong]
