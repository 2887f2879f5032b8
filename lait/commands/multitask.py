"""How does a person train one network on several tasks at once?"""

from pathlib import Path
from typing import Annotated

import typer

from lait import screen
from lait.commands.training import settings, train

EPILOG = """Example:

  lait pretrain twelve_in_one --stage web=run --regions web=run/regions --out model

  lait multitask tasks.yaml --start model --out together --set stages.multitask.steps=5000

tasks.yaml names captions and questions; see docs/tasks.md.
"""


def register(app: typer.Typer) -> None:
    """Put `multitask` on the command line."""
    app.command(epilog=EPILOG)(multitask)


def multitask(
    tasks: Annotated[Path, typer.Argument(help="YAML of the data sets.")],
    out: Annotated[Path, typer.Option(help="Folder of checkpoints and metrics.")],
    start: Annotated[
        Path | None, typer.Option(help="Of `lait pretrain twelve_in_one`, or a checkpoint.")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="Without --start: whose network learns from nothing.")
    ] = None,
    shrink: Annotated[bool, typer.Option("--shrink", help="Its small version.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes of Ray Train.")] = 2,
    gpu: Annotated[bool, typer.Option(help="One GPU per worker.")] = False,
    seed: Annotated[int, typer.Option(help="Of every random decision.")] = 0,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="One field, e.g. stages.multitask.steps=9.")
    ] = None,
) -> None:
    """Train one network on several tasks in turn (12-in-1), on no image that any is tested on."""
    from lait.multitask import course, read_together
    from pretrain.recipe import load

    if (start is None) == (recipe is None):
        raise ValueError("give either --start, a pretrained model, or --recipe, for none")
    made = course(
        read_together(tasks),
        out,
        start=start,
        base=None if recipe is None else load(recipe, shrink=shrink),
        settings=settings(overrides or ()),
    )
    for name, n_read in made.n_read.items():
        screen.err.print(
            f"{name}: {made.n_clean[name]:,} of {n_read:,} training questions are about no test "
            "image",
            highlight=False,
        )
    train(made.recipe, [made.data], out, workers=workers, gpu=gpu, seed=seed)
