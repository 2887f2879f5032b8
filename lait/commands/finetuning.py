"""How does a person fine-tune a pretrained model?"""

from pathlib import Path
from typing import Annotated

import typer

from lait.commands.training import settings, train

RETRIEVAL_EPILOG = """Examples:

  lait finetune retrieval --start model --shards clean --regions clean/regions --out tuned

  lait finetune retrieval --start model --shards clean --regions clean/regions --out tuned
  --loss triplet --set stages.retrieval.epochs=10

Then: lait evaluate tuned --shards held_out --regions held_out/regions
"""

app = typer.Typer(no_args_is_help=True, help="Fine-tune a pretrained model.")
LOSSES = ("binary", "multiclass", "triplet")


@app.callback()
def group() -> None:
    """Fine-tune a pretrained model."""


@app.command(epilog=RETRIEVAL_EPILOG)
def retrieval(
    start: Annotated[Path, typer.Option(help="Folder of `lait pretrain`, or a checkpoint.")],
    shards: Annotated[Path, typer.Option(help="Pairs to learn from.")],
    regions: Annotated[Path, typer.Option(help="Their regions.")],
    out: Annotated[Path, typer.Option(help="Folder of checkpoints and metrics.")],
    loss: Annotated[str, typer.Option(help=f"One of {', '.join(LOSSES)}.")] = "binary",
    wrong_texts: Annotated[int, typer.Option(min=0, help="Rival texts of each image.")] = 1,
    wrong_images: Annotated[int, typer.Option(min=0, help="Rival images of each text.")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Processes of Ray Train.")] = 2,
    gpu: Annotated[bool, typer.Option(help="One GPU per worker.")] = False,
    seed: Annotated[int, typer.Option(help="Of every random decision.")] = 0,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="One field, e.g. stages.retrieval.epochs=10.")
    ] = None,
) -> None:
    """Learn to rank true pairs above their rivals, from a pretrained model's weights."""
    from lait.train import StageData
    from pretrain.finetune import STAGE, for_retrieval
    from pretrain.recipe import with_settings

    if loss not in LOSSES:
        raise ValueError(f"--loss {loss}: choose one of {', '.join(LOSSES)}")
    recipe = for_retrieval(start, kind=loss, wrong_texts=wrong_texts, wrong_images=wrong_images)  # type: ignore[arg-type]
    recipe = with_settings(recipe, settings(overrides or ()))
    data = [StageData(name=STAGE, shards=shards, regions=regions)]
    train(recipe, data, out, workers=workers, gpu=gpu, seed=seed)
