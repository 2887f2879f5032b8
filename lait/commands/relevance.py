"""How does a person train, judge and use the weak relevance model?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lait import screen

if TYPE_CHECKING:
    from filter.relevance.report import Report

app = typer.Typer(
    help="LAIT's weak image-text relevance model: train on few pairs, apply to all.",
    no_args_is_help=True,
)
TRAIN_EPILOG = """Example:

  lait relevance train pairs.jsonl --out model

where each line is {"image": "photos/1.jpg", "text": "A red boat on a lake", "host": "a.example"};
paths are relative to the file, and no host is in both training and test.
"""
EVAL_EPILOG = """Example:

  lait relevance eval model --pairs held_out.jsonl --report held_out.html
"""
SCORE_EPILOG = """Example:

  lait relevance score model --pairs pairs.jsonl --out scored.jsonl
"""
Pairs = Annotated[Path, typer.Option(help='Lines {"image", "text"}, image relative to the file.')]
Model = Annotated[Path, typer.Argument(help="Folder of `lait relevance train`.")]


@app.command(epilog=TRAIN_EPILOG)
def train(
    pairs: Annotated[Path, typer.Argument(help='Lines {"image", "text", "host"}: true pairs.')],
    out: Annotated[Path, typer.Option(help="Folder of the model.")],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="One field, e.g. epochs=40.")
    ] = None,
) -> None:
    """Train an open_clip model and its calibration on a small supervised set."""
    from filter.relevance.config import RelevanceConfig
    from filter.relevance.folder import REPORT
    from filter.relevance.train import train as run
    from lait.config import overridden

    config = overridden(RelevanceConfig, overrides=overrides or ())
    with screen.meter("relevance") as meter:
        report = run(pairs, out, config=config, progress=meter)
    show_report(report)
    screen.err.print(f"model: {out}, its plots: {out / REPORT}", highlight=False)


@app.command("eval", epilog=EVAL_EPILOG)
def evaluate(
    model: Model,
    pairs: Pairs,
    page: Annotated[
        Path | None, typer.Option("--report", help="Write the report with plots: an .html file.")
    ] = None,
) -> None:
    """Judge a model on pairs it was not trained on."""
    from filter.relevance.evaluate import evaluate as run
    from filter.relevance.page import write_page

    if page is not None and (page.suffix != ".html" or not page.parent.is_dir()):
        raise ValueError(f"--report {page} must be an .html file in a folder that exists")

    with screen.meter("pairs") as meter:
        report = run(model, pairs, progress=meter)
    show_report(report)
    if page is not None:
        write_page(page, report)
        screen.err.print(f"plots: {page}", highlight=False)


@app.command(epilog=SCORE_EPILOG)
def score(
    model: Model,
    pairs: Pairs,
    out: Annotated[Path, typer.Option(help='The same lines with "score" in 0..1.')],
) -> None:
    """Score pairs: how likely is it that the text describes the image?"""
    from filter.relevance.score import score_pairs

    with screen.meter("pairs") as meter:
        summary = score_pairs(model, pairs, out, progress=meter)
    if summary.missing_line:
        screen.err.print(screen.printable(summary.missing_line), markup=False, highlight=False)
    screen.err.print(f"{summary.scored:,} pairs scored: {out}", highlight=False)


def show_report(report: "Report") -> None:
    """A judgement of the model: how it separates, what a threshold costs, how honest it is."""
    rows: list[tuple[str, float | None]] = [
        ("AUC, random wrong texts", report.auc_random),
        ("AUC, nearest wrong texts", report.auc_hard),
        ("AUC, wrong texts of the same host", report.auc_same_host),
        ("threshold", report.threshold),
        ("precision at the threshold", report.precision),
        ("recall at the threshold", report.recall),
        ("Brier score (0.25 knows nothing)", report.brier),
    ]
    split = f"{report.folds} parts split by {report.split}" if report.folds > 1 else "as given"
    title = f"Relevance, {report.images:,} images, {report.pairs:,} pairs, {split}"
    screen.out.print(screen.table(title, ("", "#"), [row for row in rows if row[1] is not None]))
    at = [(point.recall, point.precision, point.threshold) for point in report.precision_at_recall]
    screen.out.print(
        screen.table("Precision at recall", ("#recall", "#precision", "#threshold"), at)
    )
    bins = [
        (f"{each.low:.1f} to {each.high:.1f}", each.pairs, each.mean_score, each.true_share)
        for each in report.calibration
    ]
    columns = ("score", "#pairs", "#mean score", "#share true")
    screen.out.print(screen.table("Calibration", columns, bins))
    told = [(each.feature, each.coefficient, each.auc_lost) for each in report.importance]
    screen.out.print(screen.table("Features", ("feature", "#coefficient", "#AUC lost"), told))
