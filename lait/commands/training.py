"""How does a person pretrain a recipe and see how well it retrieves?"""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from lait import screen

if TYPE_CHECKING:
    from lait.train import Progress, Result, StageData
    from pretrain.evaluate.retrieval import RetrievalReport
    from pretrain.recipe import Recipe

PRETRAIN_EPILOG = """Examples:

  lait pretrain imagebert --shrink --stage web=run --regions web=run/regions --stage clean=clean
  --regions clean=clean/regions --out model

  lait pretrain imagebert --stage laion=a --regions laion=a/regions --out model
  --set stages.laion.epochs=3

The stages run in the order given, each from the weights of the one before. The same command
again goes on where it stopped.
"""
EVALUATE_EPILOG = """Example:

  lait evaluate model --shards held_out --regions held_out/regions --out report.json
  --plot report.svg
"""
EXPORT_EPILOG = """Example:

  lait pretrain clip --stage pairs=run --out model

  lait export model --out towers

  lait relevance train pairs.jsonl --out judge --set backbone=open_clip:local-dir:towers
"""
SPARKS = "\N{LOWER ONE EIGHTH BLOCK}▂▃▄▅▆▇█"


def register(app: typer.Typer) -> None:
    """Put `pretrain` and `evaluate` on the command line."""
    app.command(epilog=PRETRAIN_EPILOG)(pretrain)
    app.command(epilog=EVALUATE_EPILOG)(evaluate)
    app.command(epilog=EXPORT_EPILOG)(export)


def pretrain(
    recipe: Annotated[str, typer.Argument(help="A file of pretrain/recipes, or your module.")],
    stage: Annotated[list[str], typer.Option(help="NAME=SHARDS; several, in order.")],
    out: Annotated[Path, typer.Option(help="Folder of checkpoints and metrics.")],
    regions: Annotated[list[str] | None, typer.Option(help="NAME=REGIONS for each stage.")] = None,
    text: Annotated[
        list[str] | None, typer.Option(help="NAME=FILE: running text that a stage mixes in.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes of Ray Train.")] = 2,
    gpu: Annotated[bool, typer.Option(help="One GPU per worker.")] = False,
    shrink: Annotated[bool, typer.Option("--shrink", help="The recipe's small version.")] = False,
    seed: Annotated[int, typer.Option(help="Of every random decision.")] = 0,
    track: Annotated[
        list[str] | None, typer.Option(help="wandb or mlflow beside TensorBoard; NAME=WHERE.")
    ] = None,
    tombstones: Annotated[
        list[Path] | None, typer.Option(help="Samples that these files name are not read.")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="One field, e.g. encoder.dropout=0.")
    ] = None,
) -> None:
    """Pretrain a model in stages on shards and their regions, under Ray Train."""
    from lait.train import StageData
    from pretrain.recipe import load, staged, with_settings

    chosen = load(recipe, shrink=shrink)
    stages = named("--stage", stage)
    beside = named("--regions", regions or ())
    texts = named("--text", text or ())
    for option, given in (("--regions", beside), ("--text", texts)):
        if unknown := sorted(given.keys() - stages.keys()):
            raise ValueError(f"{option} {unknown[0]} is no --stage; those are {', '.join(stages)}")
    chosen = with_settings(staged(chosen, tuple(stages)), settings(overrides or ()))
    data = [
        StageData(name=name, shards=shards, regions=beside.get(name), text=texts.get(name))
        for name, shards in stages.items()
    ]
    train(
        chosen,
        data,
        out,
        workers=workers,
        gpu=gpu,
        seed=seed,
        tombstones=tombstones or (),
        track=track or (),
    )


def train(
    recipe: "Recipe",
    data: "Sequence[StageData]",
    out: Path,
    *,
    workers: int,
    gpu: bool,
    seed: int,
    tombstones: Sequence[Path] = (),
    track: Sequence[str] = (),
) -> None:
    """`lait.train.pretrain` before a person's eyes: progress, then losses and where they lie."""
    from lait.train import pretrain

    with screen.meter("steps") as meter:
        result = pretrain(
            recipe,
            data,
            out,
            workers=workers,
            use_gpu=gpu,
            seed=seed,
            tombstones=tombstones,
            track=track,
            progress=StepMeter(meter),
        )
    show_losses(result)
    screen.err.print(f"checkpoints and metrics: {out}", highlight=False)


class StepMeter:
    """Progress of a whole run of stages as one row of steps, with the loss beside it."""

    def __init__(self, meter: screen.Meter) -> None:
        self._meter = meter

    def __call__(self, at: "Progress") -> None:
        self._meter(at.step, at.total_steps, note_of(at))


def note_of(at: "Progress") -> str:
    """Stage, loss and speeds in a few words."""
    words = [f"{at.stage}: loss {at.metrics['loss']:.2f}"]
    words += [f"{at.metrics[f'{unit}_per_s']:,.0f} {unit}/s" for unit in ("pairs", "tokens")]
    if "mfu" in at.metrics:
        words.append(f"MFU {at.metrics['mfu']:.0%}")
    return ", ".join(words)


def named(option: str, entries: Sequence[str]) -> dict[str, Path]:
    """NAME=FOLDER entries in their order.

    Raises:
        ValueError: an entry of another form, or a name given twice.
    """
    found: dict[str, Path] = {}
    for entry in entries:
        name, equals, folder = entry.partition("=")
        if not (name and equals and folder):
            raise ValueError(f"{option} {entry}: expected NAME=FOLDER")
        if name in found:
            raise ValueError(f"{option} {name} is given twice")
        found[name] = Path(folder)
    return found


def settings(overrides: Sequence[str]) -> dict[str, Any]:
    """FIELD=VALUE entries; values are read as YAML.

    Raises:
        ValueError: an entry of another form.
    """
    found: dict[str, Any] = {}
    for override in overrides:
        field, equals, value = override.partition("=")
        if not (field and equals):
            raise ValueError(f"--set {override}: expected FIELD=VALUE")
        found[field] = yaml.safe_load(value)
    return found


def sparkline(values: Sequence[float], width: int = 28) -> str:
    """A line of bars, the mean of each of `width` stretches of `values`."""
    if not values:
        return ""
    width = min(width, len(values))
    edges = [len(values) * i // width for i in range(width + 1)]
    means = [sum(values[low:high]) / (high - low) for low, high in pairwise(edges)]
    low, high = min(means), max(means)
    scale = (len(SPARKS) - 1) / ((high - low) or 1.0)
    return "".join(SPARKS[round((mean - low) * scale)] for mean in means)


def show_losses(result: "Result") -> None:
    """The losses of every stage: first, last, and the way between."""
    from pretrain.journal import SPEEDS

    rows: list[tuple[object, ...]] = []
    for stage in result.stages:
        names = sorted({name for at in stage.history for name in at.metrics})
        for name in (name for name in names if name not in ("lr", *SPEEDS)):
            values = [at.metrics[name] for at in stage.history if name in at.metrics]
            rows.append((stage.name, name, values[0], values[-1], sparkline(values)))
    screen.out.print(screen.table("Training", ("stage", "", "#first", "#last", ""), rows))


def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="Folder of `lait pretrain`, or a checkpoint.")],
    shards: Annotated[Path, typer.Option(help="Held-out shards, several texts an image.")],
    regions: Annotated[
        Path | None, typer.Option(help="Their regions; a dual encoder needs none.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="JSON of the report.")] = None,
    plot: Annotated[Path | None, typer.Option(help="SVG of the report.")] = None,
    folds: Annotated[int, typer.Option(min=1, help="5 for COCO 1k: the mean of five folds.")] = 1,
    averaged: Annotated[
        bool, typer.Option("--averaged", help="The average of the weights, where it was kept.")
    ] = False,
) -> None:
    """Retrieval in both directions: recall at 1, 5 and 10, beside chance."""
    from pretrain.evaluate.plot import retrieval_plot
    from pretrain.evaluate.retrieval import evaluate as run

    with screen.meter("pairs") as meter:
        report = run(checkpoint, shards, regions, progress=meter, folds=folds, averaged=averaged)
    if out is not None:
        out.write_text(json.dumps(report.as_dict(), indent=1) + "\n", encoding="utf-8")
    if plot is not None:
        plot.write_text(retrieval_plot(report), encoding="utf-8")
    show_retrieval(report)


def export(
    checkpoint: Annotated[Path, typer.Argument(help="Folder of `lait pretrain`, or a checkpoint.")],
    out: Annotated[Path, typer.Option(help="Folder of the open_clip model.")],
) -> None:
    """Write a trained dual encoder as an open_clip model, for `lait relevance` or anybody."""
    from pretrain.export import export as run

    run(checkpoint, out)
    screen.err.print(f"open_clip model: local-dir:{out}", highlight=False)


def show_retrieval(report: "RetrievalReport") -> None:
    """Recall of both directions beside that of scores drawn at random."""
    directions = (
        ("image to text", report.text_retrieval, report.chance_text_retrieval),
        ("text to image", report.image_retrieval, report.chance_image_retrieval),
    )
    rows = [
        (name if which == "model" else "", which, recall.r1, recall.r5, recall.r10)
        for name, ours, chance in directions
        for which, recall in (("model", ours), ("chance", chance))
    ]
    title = f"Retrieval, {report.n_images:,} images, {report.n_texts:,} texts"
    if report.folds > 1:
        title += f", mean of {report.folds} folds"
    screen.out.print(screen.table(title, ("", "", "#R@1", "#R@5", "#R@10"), rows))
