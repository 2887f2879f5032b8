"""How often does the main-image model find the right image on sites it has not learned from?"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from crawl.main_image import MainImageModel, choose, score
from crawl.main_image_fit import fit
from crawl.main_image_pages import LabelledPage, Version

N_FOLDS: Final = 10
CURVE: Final = (10, 20, 40, 80, 160)
"""Numbers of training sites at which the learning curve is measured, before all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model chose on one page."""

    page: LabelledPage
    is_blind: bool
    chosen: int | None

    @property
    def version(self) -> Version:
        """The version of the page that was asked about."""
        return self.page.blind if self.is_blind else self.page.full

    @property
    def is_right(self) -> bool:
        """The page's main image was chosen, or none where it has none."""
        if self.chosen is None:
            return self.page.main_image is None
        return self.version.right[self.chosen]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How many pages of one kind were answered rightly."""

    group: str
    is_blind: bool
    n_right: int
    n_pages: int
    n_none: int
    """Pages for which no image was chosen."""

    @property
    def share(self) -> float:
        """In 0..1."""
        return self.n_right / max(self.n_pages, 1)


def answer(model: MainImageModel, page: LabelledPage, *, is_blind: bool) -> Answer:
    """What a model makes of one page."""
    version = page.blind if is_blind else page.full
    chosen = choose([score(dom, model) for dom in version.doms])
    return Answer(page=page, is_blind=is_blind, chosen=chosen)


def answer_all(model: MainImageModel, pages: Sequence[LabelledPage]) -> list[Answer]:
    """Every page with its hints; those that show their main image, or have none, without too."""
    answers = []
    for page in pages:
        answers.append(answer(model, page, is_blind=False))
        if any(page.blind.right) or page.main_image is None:
            answers.append(answer(model, page, is_blind=True))
    return answers


def folds(
    pages: Sequence[LabelledPage], *, n_folds: int = N_FOLDS, seed: int = 0
) -> Iterator[tuple[list[LabelledPage], list[LabelledPage]]]:
    """(training, test) pages; a site is in the test pages of one fold and nowhere else.

    Raises:
        ValueError: There are fewer sites than two.
    """
    sites = sorted({page.site for page in pages})
    if len(sites) < 2:
        raise ValueError(f"{len(sites)} site: leaving sites out needs two at least")
    random.Random(seed).shuffle(sites)  # noqa: S311 - a split, no secret
    n_folds = min(n_folds, len(sites))
    fold_of = {site: index % n_folds for index, site in enumerate(sites)}
    for fold in range(n_folds):
        yield (
            [page for page in pages if fold_of[page.site] != fold],
            [page for page in pages if fold_of[page.site] == fold],
        )


def cross_validate(
    pages: Sequence[LabelledPage],
    *,
    penalty: float,
    seed: int = 0,
    n_sites: int | None = None,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Answer]:
    """Answers on every page by a model that was fitted, from the start, without its site.

    Args:
        pages: Of two sites at least.
        penalty: L2 penalty of each fit.
        seed: Of the split into folds.
        n_sites: Learn from so many sites of each fold's training pages only.
        tell: Called with (folds done, folds).
    """
    answers: list[Answer] = []
    split = list(folds(pages, seed=seed))
    for done, (training, test) in enumerate(split, start=1):
        if n_sites is not None:
            sites = sorted({page.site for page in training})
            chosen = set(random.Random(seed + done).sample(sites, min(n_sites, len(sites))))  # noqa: S311
            training = [page for page in training if page.site in chosen]
        answers += answer_all(fit(training, penalty=penalty, sources="cross-validation"), test)
        tell(done, len(split))
    return answers


def learning_curve(
    pages: Sequence[LabelledPage], *, penalty: float, seed: int = 0
) -> list[tuple[int, list[Answer]]]:
    """(training sites, answers) by cross-validation on growing numbers of sites."""
    n_all = len({page.site for page in pages})
    sizes = [n for n in CURVE if n < n_all * (N_FOLDS - 1) / N_FOLDS]
    curve = [(n, cross_validate(pages, penalty=penalty, seed=seed, n_sites=n)) for n in sizes]
    n_training = n_all - -(-n_all // N_FOLDS)
    return [*curve, (n_training, cross_validate(pages, penalty=penalty, seed=seed))]


def accuracies(answers: Iterable[Answer]) -> list[Accuracy]:
    """Accuracy of each group, with and without hints, in order of group."""
    found: dict[tuple[str, bool], list[Answer]] = {}
    for each in answers:
        found.setdefault((each.page.group, each.is_blind), []).append(each)
    return [
        Accuracy(
            group=group,
            is_blind=is_blind,
            n_right=sum(each.is_right for each in some),
            n_pages=len(some),
            n_none=sum(each.chosen is None for each in some),
        )
        for (group, is_blind), some in sorted(found.items())
    ]
