"""How often is the right answer among the first K?

Shapes: I images, T texts.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

CUTS = (1, 5, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """Shares of queries whose right answer is among the first 1, 5, 10."""

    r1: float
    r5: float
    r10: float

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


def text_retrieval(scores_IT: NDArray[np.floating], owner_T: NDArray[np.integer]) -> Recall:
    """Image to text: the rank of the best of the image's own texts (usually five).

    Args:
        scores_IT: Higher = fits better.
        owner_T: The image that each text belongs to.
    """
    own_IT = owner_T[None, :] == np.arange(len(scores_IT))[:, None]
    best_I = np.where(own_IT, scores_IT, -np.inf).max(axis=1)
    # A tie counts against us: equal scores must not look like knowledge.
    return _recall(((scores_IT >= best_I[:, None]) & ~own_IT).sum(axis=1))


def image_retrieval(scores_IT: NDArray[np.floating], owner_T: NDArray[np.integer]) -> Recall:
    """Text to image: the rank of the one image that the text belongs to."""
    own_T = scores_IT[owner_T, np.arange(len(owner_T))]
    ahead_IT = scores_IT >= own_T[None, :]
    ahead_IT[owner_T, np.arange(len(owner_T))] = False
    return _recall(ahead_IT.sum(axis=0))


def chance(owner_T: NDArray[np.integer], n_images: int) -> tuple[Recall, Recall]:
    """Expected (text retrieval, image retrieval) of scores drawn at random, without ties."""
    n_texts = len(owner_T)
    texts_I = np.bincount(owner_T, minlength=n_images)
    by_text = [float(np.mean([_hit(n_texts, int(own), k) for own in texts_I])) for k in CUTS]
    by_image = [_hit(n_images, 1, k) for k in CUTS]
    return Recall(r1=by_text[0], r5=by_text[1], r10=by_text[2]), Recall(
        r1=by_image[0], r5=by_image[1], r10=by_image[2]
    )


def mean(recalls: Sequence[Recall]) -> Recall:
    """Of several folds, each counting the same."""
    r1, r5, r10 = (fmean(getattr(recall, cut) for recall in recalls) for cut in ("r1", "r5", "r10"))
    return Recall(r1=r1, r5=r5, r10=r10)


def _recall(ranks: NDArray[np.integer]) -> Recall:
    r1, r5, r10 = (float((ranks < k).mean()) for k in CUTS)
    return Recall(r1=r1, r5=r5, r10=r10)


def _hit(n: int, own: int, k: int) -> float:
    """Probability that one of `own` of `n` is among the first `k` of a random order."""
    missed = 1.0
    for i in range(min(k, n)):
        missed *= max(0.0, (n - own - i) / (n - i))
    return 1.0 - missed
