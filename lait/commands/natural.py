"""How does a person train and judge the classifier of natural pictures?"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lait import screen

if TYPE_CHECKING:
    from filter.natural_train import Labelled, Report

TRAIN_EPILOG = """Example:

  lait natural train labels.jsonl --out natural.json

where each line is {"image": "1.jpg", "natural": true, "source": "example.org"}
"""
EVAL_EPILOG = """Examples:

  lait natural eval --labels held_out.jsonl

  lait natural eval natural.json --labels held_out.jsonl
"""

app = typer.Typer(help="Photographs against charts, logos and tables.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, not a table.")]


@app.command(epilog=TRAIN_EPILOG)
def train(
    labels: Annotated[Path, typer.Argument(help='Lines {"image", "natural", "source"}.')],
    out: Annotated[Path, typer.Option(help="The model, a readable JSON file.")],
    about: Annotated[str, typer.Option(help="What it was trained on, kept in the file.")] = "",
    as_json: AsJson = False,
) -> None:
    """Train on labelled pictures; judged on sources held out."""
    from filter.natural_model import write_model
    from filter.natural_train import cross_validate
    from filter.natural_train import train as fit

    labelled = _read(labels)
    report = cross_validate(labelled)
    write_model(out, fit(labelled, about))
    _show("Natural, every source judged by a model that has not seen it", report, as_json)
    screen.err.print(f"use it with --set filter.natural_model={out}", highlight=False)


@app.command("eval", epilog=EVAL_EPILOG)
def evaluate(
    labels: Annotated[Path, typer.Option(help='Lines {"image", "natural", "source"}.')],
    model: Annotated[str, typer.Argument(help="Of `train`; without, the packaged one.")] = "",
    as_json: AsJson = False,
) -> None:
    """Judge a finished model; nobody can tell whether it saw these pictures."""
    from filter.natural_model import load_model
    from filter.natural_train import judge, scores

    found = load_model(model)
    labelled = _read(labels)
    n_sources = len(set(labelled.source_N.tolist()))
    report = judge(scores(found, labelled), labelled, n_sources=n_sources)
    _show(f"Natural, {model or 'the packaged model'}", report, as_json)


def _read(labels: Path) -> "Labelled":
    from filter.natural_train import read_labelled

    if not labels.is_file():
        raise ValueError(f"{labels} is not a file of labelled pictures")
    with screen.meter("pictures looked at") as meter:
        labelled = read_labelled(labels, meter)
    if labelled.n_unreadable:
        screen.err.print(f"{labelled.n_unreadable:,} pictures could not be read", highlight=False)
    return labelled


def _show(title: str, report: "Report", as_json: bool) -> None:
    if as_json:
        screen.out.print_json(json.dumps(asdict(report)))
        return
    rows = [
        (row.threshold, row.photographs_dropped, row.others_caught, row.precision)
        for row in report.thresholds
    ]
    columns = ("#threshold", "#natural dropped", "#others caught", "#precision")
    note = (
        f"AUC {report.auc:.3f} over {report.n_natural:,} natural and {report.n_other:,} other "
        f"pictures of {report.n_sources:,} sources"
    )
    screen.out.print(screen.table(title, columns, rows, note=note))
