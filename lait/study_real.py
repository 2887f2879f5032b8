"""Which data sets does the study of the curriculum on real pairs need?

Figures of OpenStax textbooks, as one line of JSON each: `image` (a path beside the file), `repo`
(the book), `alt` (what a person wrote for readers who cannot see the figure: it says what is to be
seen) and `caption` (it says what the figure means to the chapter, and is long and loose as a
description). Books, never figures, are dealt out, so no set shares a figure, an author or a
chapter with another.
"""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lait.study_data import Picture, make_set
from lait.train import StageData
from pretrain.collate import Inputs
from pretrain.recipe import Recipe, load
from pretrain.regions.grid import GridDetector

HELD_OUT_BOOK: Final = "openstax/osbooks-psychology"
IN_DOMAIN_BOOKS: Final = (
    "openstax/osbooks-introduction-anthropology",
    "openstax/osbooks-introduction-philosophy",
    "openstax/osbooks-introduction-sociology",
)
"""The nearest to the held-out book: their alt texts are the clean, in-domain set. The captions of
all other books are the noisy, out-of-domain set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RealSets:
    """The sets of the study."""

    captions: StageData
    """Out-of-domain."""
    alts: StageData
    """In-domain."""
    union: StageData
    held_out: StageData


def real_recipe() -> Recipe:
    """ImageBERT's small version, for texts of real length and regions of a grid."""
    recipe = load("imagebert", shrink=True)
    return dataclasses.replace(
        recipe,
        inputs=Inputs(max_length=48, max_regions=10),
        stages=tuple(dataclasses.replace(stage, epochs=12.0) for stage in recipe.stages),
    )


def real_sets(captions: Path, folder: Path) -> RealSets:
    """The sets of `captions`, made under `folder`; what an earlier call finished is kept.

    Args:
        captions: The folder of `train.jsonl` and its images.
        folder: Where the sets go.

    Raises:
        ValueError: no such file, or a book of the study is missing in it.
    """
    figures = _read(captions / "train.jsonl")
    detector = GridDetector()

    def made(name: str, pictures: Sequence[Picture]) -> StageData:
        return make_set(folder / name, name, pictures, detector=detector)

    noisy = list(_pictures(captions, figures, out_of_domain_books(figures), "caption"))
    clean = list(_pictures(captions, figures, IN_DOMAIN_BOOKS, "alt"))
    held_out = list(_pictures(captions, figures, (HELD_OUT_BOOK,), "alt"))
    return RealSets(
        captions=made("captions", noisy),
        alts=made("alts", clean),
        union=made("union", noisy + clean),
        held_out=made("held_out", held_out),
    )


def out_of_domain_books(figures: Sequence[dict[str, str]]) -> tuple[str, ...]:
    """All books but the in-domain ones and the held-out one."""
    taken = {HELD_OUT_BOOK, *IN_DOMAIN_BOOKS}
    return tuple(sorted({figure["repo"] for figure in figures} - taken))


def _read(file: Path) -> list[dict[str, str]]:
    if not file.is_file():
        raise ValueError(f"--captions {file.parent} has no {file.name}")
    figures = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    books = {figure["repo"] for figure in figures}
    for book in (HELD_OUT_BOOK, *IN_DOMAIN_BOOKS):
        if book not in books:
            raise ValueError(f"{file} has no figure of {book}, which the study needs")
    return figures


def _pictures(
    root: Path, figures: Sequence[dict[str, str]], books: Sequence[str], text: str
) -> Iterator[Picture]:
    """The figures of `books` that have a `text`, and it."""
    for figure in figures:
        words = " ".join(figure[text].split())
        if figure["repo"] in books and words:
            yield (root / figure["image"]).read_bytes(), (words,)
