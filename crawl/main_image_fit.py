"""How are the weights of the main-image model learned from labelled pages?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from crawl.main_image import MainImageModel, Training
from crawl.main_image_pages import LabelledPage, Version
from crawl.signals import BY_HAND, HINTS, SIGNS, head_only, signals

PENALTY: Final = 3.0
"""L2 penalty on the weights of standardised signals."""
HEAD_ONLY_WEIGHT: Final = 0.2
"""What a page counts whose main image only its head names: nobody looked at the image, the label
repeats the head. Counted in full, such pages teach that the head is never wrong."""
HAND_WEIGHTS: Final = {"site_wide": -1.0, "template": -6.0}
"""Set by hand: single pages do not tell what other pages of their site show."""
_MAX_LOGIT: Final = 50.0
_FREE_PENALTY: Final = 1e-3

Array = npt.NDArray[np.float64]
_NAMES: Final = tuple(SIGNS)
_BODY: Final = tuple(name for name in SIGNS if name not in (*HINTS, *BY_HAND))


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The images of many pages, one row each.

    n_images I, n_pages P, n_signals S.
    """

    values_IS: Array
    alone_IS: Array
    """The same as if the head alone named the image; equal to `values_IS` for all others."""
    right_I: npt.NDArray[np.bool_]
    page_I: npt.NDArray[np.int64]
    weight_P: Array


def fit(pages: Sequence[LabelledPage], *, penalty: float, sources: str) -> MainImageModel:
    """Learns all weights, in two steps.

    First what the body says, from pages without hints; then, with these weights held, what the
    head's word adds. Learned at once, the head explains away what the body shows, because most
    labels repeat it; then the body could never overrule a site-wide og:image.

    Args:
        pages: At least one with a main image.
        penalty: L2 penalty, see `PENALTY`.
        sources: What the weights file says about where the pages came from.

    Raises:
        ValueError: No page has a main image among its candidates.
    """
    if not any(any(page.blind.right) for page in pages):
        raise ValueError("no page shows its main image in its body: nothing to learn from")
    blind = table([(page.blind, page.weight) for page in pages if _teaches(page, page.blind)])
    body = _fit(blind, _BODY, penalty, np.zeros(len(blind.right_I)))
    full = table([(page.full, _head_weight(page)) for page in pages if any(page.full.right)])
    weights_S = np.array([body.get(name, 0.0) for name in _NAMES])
    shown_I = np.maximum(full.values_IS @ weights_S, full.alone_IS @ weights_S)
    head = _fit(full, HINTS, penalty / 3, shown_I)
    found = head | HAND_WEIGHTS | body
    return MainImageModel(
        # What counts nothing need not be read.
        weights={name: round(found[name], 3) for name in SIGNS if round(found[name], 3)},
        training=Training(
            n_pages=len(pages),
            n_sites=len({page.site for page in pages}),
            n_without=sum(page.main_image is None for page in pages),
            penalty=penalty,
            sources=sources,
        ),
    )


def _teaches(page: LabelledPage, version: Version) -> bool:
    # A page whose main image is not among the candidates would teach that there is none.
    return any(version.right) or (page.main_image is None and len(version.doms) > 0)


def _head_weight(page: LabelledPage) -> float:
    return page.weight if any(page.blind.right) else page.weight * HEAD_ONLY_WEIGHT


def table(versions: Sequence[tuple[Version, float]]) -> Table:
    """Signals of all images of some pages; pages without images are left out."""
    kept = [(version, weight) for version, weight in versions if version.doms]
    doms = [dom for version, _ in kept for dom in version.doms]
    values = [list(signals(dom).values()) for dom in doms]
    alone = [
        list(signals(head_only(dom)).values()) if dom.is_meta and dom.depth else row
        for dom, row in zip(doms, values, strict=True)
    ]
    sizes = [len(version.doms) for version, _ in kept]
    return Table(
        values_IS=np.array(values, dtype=np.float64).reshape(-1, len(_NAMES)),
        alone_IS=np.array(alone, dtype=np.float64).reshape(-1, len(_NAMES)),
        right_I=np.array([right for version, _ in kept for right in version.right], dtype=bool),
        page_I=np.repeat(np.arange(len(kept)), sizes),
        weight_P=np.array([weight for _, weight in kept], dtype=np.float64),
    )


def _fit(data: Table, names: Sequence[str], penalty: float, offset_I: Array) -> dict[str, float]:
    """Weights of some signals that maximise the penalised likelihood, within their signs."""
    from scipy.optimize import minimize  # type: ignore[import-untyped]  # comes with scikit-learn

    columns = [_NAMES.index(name) for name in names]
    values_IS = data.values_IS[:, columns]
    scale_S = values_IS.std(axis=0) if len(values_IS) else np.zeros(len(columns))
    scale_S[scale_S == 0] = 1.0
    values_IS = values_IS / scale_S
    penalty_S = np.array([_FREE_PENALTY if name == "bias" else penalty for name in names])

    def loss(weights_S: Array) -> tuple[float, Array]:
        likelihood, gradient_S = _likelihood(data, values_IS, weights_S, offset_I)
        return (
            0.5 * float(penalty_S @ weights_S**2) - likelihood,
            penalty_S * weights_S - gradient_S,
        )

    bounds = [_BOUNDS[SIGNS[name]] for name in names]
    found: Any = minimize(
        loss, np.zeros(len(columns)), jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": 1000},
    )  # fmt: skip
    return {name: float(w) for name, w in zip(names, found.x / scale_S, strict=True)}


_BOUNDS: Final = {0: (None, None), 1: (0.0, None), -1: (None, 0.0)}


def _likelihood(
    data: Table, values_IS: Array, weights_S: Array, offset_I: Array
) -> tuple[float, Array]:
    """Log-likelihood of a conditional logit with an outside option, and its gradient."""
    n_pages, page_I = len(data.weight_P), data.page_I
    logit_I = np.clip(values_IS @ weights_S + offset_I, -_MAX_LOGIT, _MAX_LOGIT)
    odds_I = np.exp(logit_I)
    all_P = 1 + np.bincount(page_I, odds_I, n_pages)
    right_P = np.bincount(page_I, odds_I * data.right_I, n_pages)
    answered_P = right_P > 0
    right_P = np.where(answered_P, right_P, 1.0)  # the outside option is the right one
    likelihood = float(data.weight_P @ (np.log(right_P) - np.log(all_P)))
    given_right_I = np.where(data.right_I, odds_I / right_P[page_I], 0.0)
    pull_I = (given_right_I - odds_I / all_P[page_I]) * data.weight_P[page_I]
    return likelihood, values_IS.T @ pull_I
