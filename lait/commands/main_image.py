"""How does a person teach and test which image a page is about?"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lait import screen

if TYPE_CHECKING:
    from crawl.main_image_eval import Answer
    from crawl.main_image_pages import LabelledPage

EPILOG = """FILES

--pages: a line for each saved page, files relative to it, as `lait extract --pages` takes them:
{"file": "a.html", "url": "https://example.org/a"}

--gold: a line for each answer; of files only the names count:
{"file": "a.html", "main_image": "https://example.org/a.jpg"}
main_image is null for a page that is about none of its images. Optional: "site" (default: the
registered domain of the page's URL), "group" (accuracy is told for each), "weight" (default 1).

Every page is asked twice: as it is, and `blind`, without what its head says about images.
A site is never learned from and tested on at once.

Examples:

  lait main-image eval --pages pages.jsonl --gold gold.jsonl

  lait main-image eval --pages pages.jsonl --gold gold.jsonl --weights weights.json

  lait main-image train --pages pages.jsonl --gold gold.jsonl --out weights.json
"""

Pages = Annotated[Path, typer.Option(help="Saved pages, JSONL.")]
Gold = Annotated[Path, typer.Option(help="Their main images, JSONL.")]
Penalty = Annotated[float, typer.Option(min=0.01, help="L2 penalty on the weights.")]
Seed = Annotated[int, typer.Option(help="Of the split of sites into folds.")]


def register(app: typer.Typer) -> None:
    """Put `main-image` on the command line."""
    group = typer.Typer(help="Teach and test which image a page is about.", no_args_is_help=True)
    group.command(epilog=EPILOG)(train)
    group.command("eval", epilog=EPILOG)(evaluate)
    app.add_typer(group, name="main-image")


def train(
    pages: Pages,
    gold: Gold,
    out: Annotated[Path, typer.Option(help="Where the weights go, as JSON.")],
    sources: Annotated[str, typer.Option(help="Where the pages came from, in words.")] = "",
    penalty: Penalty = 3.0,
    seed: Seed = 0,
) -> None:
    """Learn weights from saved pages; show their accuracy by cross-validation over sites."""
    from crawl.main_image import write_model
    from crawl.main_image_eval import answer_all, cross_validate
    from crawl.main_image_fit import fit

    labelled = _labelled(pages, gold)
    with screen.meter("folds") as meter:
        answers = cross_validate(labelled, penalty=penalty, seed=seed, tell=meter)
    model = fit(labelled, penalty=penalty, sources=sources or f"{pages.name}, {gold.name}")
    write_model(out, model)
    _show("Cross-validation over sites", answers)
    _show("On the pages learned from: no measure of anything", answer_all(model, labelled))
    screen.out.print(f"{out}: {len(model.weights)} weights")


def evaluate(
    pages: Pages,
    gold: Gold,
    weights: Annotated[
        Path | None, typer.Option(help="Test these weights instead of cross-validating.")
    ] = None,
    penalty: Penalty = 3.0,
    seed: Seed = 0,
    curve: Annotated[bool, typer.Option(help="Show the learning curve.")] = True,
    out: Annotated[Path | None, typer.Option(help="Every answer, JSONL.")] = None,
) -> None:
    """Measure by cross-validation over sites, with the learning curve; or test given weights."""
    from crawl.main_image import read_model
    from crawl.main_image_eval import answer_all, learning_curve

    labelled = _labelled(pages, gold)
    if weights is not None:
        answers = answer_all(read_model(weights), labelled)
        _show(f"Weights of {weights}", answers)
    else:
        points = learning_curve(labelled, penalty=penalty, seed=seed) if curve else []
        answers = points[-1][1] if points else _cross_validate(labelled, penalty, seed)
        _show("Cross-validation over sites", answers)
        if points:
            _show_curve(points)
    if out is not None:
        _write(out, answers)


def _cross_validate(labelled: "list[LabelledPage]", penalty: float, seed: int) -> "list[Answer]":
    from crawl.main_image_eval import cross_validate

    with screen.meter("folds") as meter:
        return cross_validate(labelled, penalty=penalty, seed=seed, tell=meter)


def _labelled(pages: Path, gold: Path) -> "list[LabelledPage]":
    from crawl.config import CrawlConfig
    from crawl.main_image_pages import read_labelled

    with screen.meter("pages") as meter:
        return read_labelled(pages, gold, CrawlConfig(), meter)


def _show(title: str, answers: "Iterable[Answer]") -> None:
    from crawl.main_image_eval import accuracies

    rows = [
        (
            each.group,
            "no" if each.is_blind else "yes",
            each.n_pages,
            each.n_right,
            f"{each.share:.3f}",
            each.n_none,
        )
        for each in accuracies(answers)
    ]
    columns = ("group", "hints", "#pages", "#right", "#accuracy", "#none chosen")
    screen.out.print(screen.table(title, columns, rows))


def _show_curve(points: "list[tuple[int, list[Answer]]]") -> None:
    rows = []
    for n_sites, answers in points:
        shares = []
        for is_blind in (True, False):
            some = [a.is_right for a in answers if a.is_blind == is_blind]
            shares.append(f"{sum(some) / max(len(some), 1):.3f}")
        rows.append((n_sites, *shares))
    columns = ("#training sites", "#without hints", "#with hints")
    screen.out.print(screen.table("Learning curve, all groups", columns, rows))


def _write(out: Path, answers: "Iterable[Answer]") -> None:
    with out.open("w", encoding="utf-8") as lines:
        for each in answers:
            chosen = None if each.chosen is None else each.version.urls[each.chosen][0]
            record = {
                "file": each.page.file,
                "blind": each.is_blind,
                "main_image": chosen,
                "expected": each.page.main_image,
                "right": each.is_right,
            }
            lines.write(json.dumps(record, ensure_ascii=False) + "\n")
