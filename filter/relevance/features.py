"""What does the score know of a pair, beyond how close its picture and its text lie?

Plain numpy, row by row: a pair's features depend on that pair alone. A new feature is one name
and one column here; a stored model names the features it was fitted on.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from filter.relevance.colour import Floats, log_colours, named_colours
from filter.relevance.preprocess import Pixels

Rows: TypeAlias = NDArray[np.int64]

FEATURES: Final = (
    "cosine",
    "image_commonness",
    "text_commonness",
    "log_words",
    "colours_shown",
    "scarcest_colour",
    "colours_named",
)
"""In the order of the columns of `pair_features`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """Pictures, as far as the score looks at them."""

    vectors_NE: Floats
    """Unit vectors."""
    colours_NK: Floats
    """`log_colours` of each."""

    def take(self, rows: Rows) -> "Seen":
        """The pictures of some rows, in that order."""
        return Seen(vectors_NE=self.vectors_NE[rows], colours_NK=self.colours_NK[rows])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Said:
    """Texts, as far as the score looks at them."""

    vectors_ME: Floats
    """Unit vectors."""
    texts: tuple[str, ...]

    def take(self, rows: Rows) -> "Said":
        """The texts of some rows, in that order."""
        return Said(
            vectors_ME=self.vectors_ME[rows], texts=tuple(self.texts[row] for row in rows.tolist())
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bank:
    """The centre of the training pairs, which tells what is common."""

    image_E: Floats
    """Mean of the training images' unit vectors."""
    text_E: Floats
    """Mean of the training texts' unit vectors."""
    colours_K: Floats
    """Mean of the training images' `log_colours`."""


def bank_of(images: Seen, texts: Said) -> Bank:
    """The centre of some images and texts."""
    return Bank(
        image_E=images.vectors_NE.mean(axis=0),
        text_E=texts.vectors_ME.mean(axis=0),
        colours_K=images.colours_NK.mean(axis=0),
    )


def colours_of(pixels: list[Pixels]) -> Floats:
    """[N, K] of uint8 [S, S, 3] pictures."""
    return np.array([log_colours(picture) for picture in pixels])


def pair_features(images_P: Seen, texts_P: Said, bank: Bank) -> Floats:
    """[P, F] in the order of `FEATURES`; row p of both inputs is pair p.

    `cosine` is cross-modal. `image_commonness` (mean cosine of the image with the training texts)
    and `text_commonness` (of the text with the training images) correct for hubs: pictures and
    texts that lie close to everything. `log_words` says how much the text tells at all. Of the
    colours that the text names, `colours_shown` is the mean and `scarcest_colour` the least
    logarithm of what the picture has more of than usual; both are 0 when it names none.
    """
    seen_PE, said_PE = images_P.vectors_NE, texts_P.vectors_ME
    words_P = np.array([len(text.split()) for text in texts_P.texts], dtype=np.float64)
    return np.concatenate(
        [
            (seen_PE * said_PE).sum(axis=-1, keepdims=True),
            (seen_PE * bank.text_E).sum(axis=-1, keepdims=True),
            (said_PE * bank.image_E).sum(axis=-1, keepdims=True),
            np.log1p(words_P)[:, None],
            _colour_features(images_P.colours_NK - bank.colours_K, texts_P.texts),
        ],
        axis=-1,
    )


def _colour_features(excess_PK: Floats, texts: tuple[str, ...]) -> Floats:
    features_P3 = np.zeros((len(texts), 3))
    for row, (excess_K, text) in enumerate(zip(excess_PK, texts, strict=True)):
        named = list(named_colours(text))
        if named:
            shown = excess_K[named]
            features_P3[row] = shown.mean(), shown.min(), len(named)
    return features_P3
