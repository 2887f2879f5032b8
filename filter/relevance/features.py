"""What does the score know of a pair, beyond how close its picture and its text lie?

Plain numpy, row by row: a pair's features depend on that pair alone. A new feature is one name
and one column here; a stored model names the features it was fitted on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

FEATURES: Final = ("cosine", "image_commonness", "text_commonness", "log_words")
"""In the order of the columns of `pair_features`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bank:
    """The centre of the training pairs, which tells how common a picture or a text looks."""

    image_E: Floats
    """Mean of the training images' unit vectors."""
    text_E: Floats
    """Mean of the training texts' unit vectors."""


def pair_features(images_PE: Floats, texts_PE: Floats, texts: Sequence[str], bank: Bank) -> Floats:
    """[P, F] in the order of `FEATURES`; both inputs hold unit vectors, row p is pair p.

    `cosine` is cross-modal. `image_commonness` (mean cosine of the image with the training texts)
    and `text_commonness` (of the text with the training images) correct for hubs: pictures and
    texts that lie close to everything. `log_words` says how much the text tells at all.
    """
    return np.stack(
        [
            (images_PE * texts_PE).sum(axis=-1),
            (images_PE * bank.text_E).sum(axis=-1),
            (texts_PE * bank.image_E).sum(axis=-1),
            np.log1p([float(len(text.split())) for text in texts]),
        ],
        axis=-1,
    )
