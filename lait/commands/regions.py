"""How does a person get region features beside a shard set?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lait import screen

if TYPE_CHECKING:
    from pretrain.regions.build import Choice
    from pretrain.regions.detector import Detector
    from shards.manifest import Manifest

EPILOG = """Examples:

  lait regions run --detector grid --out run/regions

  lait regions run --detector yolox --weights yolox_nano.onnx --workers 8 --out run/regions

  lait regions run --detector torchvision:fasterrcnn_resnet50_fpn --weights frcnn.safetensors
  --out run/regions

  lait regions run --detector world --annotations world/annotations.jsonl --out run/regions

  lait regions coco --detector import --features trainval_36.tsv --ids number --out coco/regions

The same command again goes on where it stopped.
"""
DETECTORS = "grid, world, yolox, import, or torchvision:MODEL (any detection model of it)."


def register(app: typer.Typer) -> None:
    """Put `regions` on the command line."""
    app.command(epilog=EPILOG)(regions)


def regions(
    shards: Annotated[Path, typer.Argument(help="A finished shard set.")],
    out: Annotated[Path, typer.Option(help="Folder of the regions.")],
    detector: Annotated[str, typer.Option(help=DETECTORS)] = "grid",
    weights: Annotated[Path | None, typer.Option(help="Of yolox or torchvision.")] = None,
    classes: Annotated[
        Path | None, typer.Option(help="One name a line, for classes other than COCO's.")
    ] = None,
    annotations: Annotated[
        Path | None, typer.Option(help="annotations.jsonl of the world, for --detector world.")
    ] = None,
    features: Annotated[
        Path | None, typer.Option(help="To import: a folder of .npz, or a .tsv.")
    ] = None,
    ids: Annotated[
        Literal["name", "number", "key"],
        typer.Option(help="Of imported features: file name, the number ending it, or sample key."),
    ] = "name",
    attributes: Annotated[
        Path | None, typer.Option(help="One name a line, for imported features.")
    ] = None,
    max_regions: Annotated[int, typer.Option(help="The whole image among them.")] = 100,
    min_score: Annotated[float, typer.Option(help="Less confident boxes are left out.")] = 0.1,
    max_overlap: Annotated[float, typer.Option(help="IoU with a more confident box.")] = 0.5,
    workers: Annotated[int, typer.Option(min=1, help="Processes of Ray; 1: none, threads.")] = 1,
) -> None:
    """Region features for pretraining, as a companion set with the same keys."""
    from pretrain.regions.build import Choice, build
    from shards.manifest import read_manifest

    read_manifest(shards)
    choice = Choice(
        detector=detector,
        weights=weights and weights.resolve(),
        classes=classes and classes.resolve(),
        annotations=annotations and annotations.resolve(),
        features=features and features.resolve(),
        ids=ids,
        attributes=attributes and attributes.resolve(),
        max_regions=max_regions,
        min_score=min_score,
        max_overlap=max_overlap,
    )
    if detector == "import" and workers > 1:
        raise ValueError(f"--workers {workers}: features are only copied, by one process")
    show(written(shards, out, choice, build(choice), workers), out)


def written(
    shards: Path, out: Path, choice: "Choice", detector: "Detector", n_workers: int
) -> "Manifest":
    """The set of regions, made by threads or by processes of Ray."""
    from lait.regions import ray_workers
    from pretrain.regions.write import write_regions

    with screen.meter("images") as meter:
        if n_workers == 1:
            return write_regions(shards, out, detector=detector, progress=meter)
        with ray_workers(shards, choice, n_workers) as workers:
            return write_regions(shards, out, detector=detector, workers=workers, progress=meter)


def show(manifest: "Manifest", out: Path) -> None:
    """How many images have regions, and how many have not."""
    assert manifest.regions is not None, out
    screen.err.print(
        f"regions of {manifest.n_samples:,} images by {manifest.regions.detector}: {out}",
        highlight=False,
    )
    for row in manifest.funnel:
        screen.err.print(
            f"{row.count:,} images have none ({row.reason}); {out}/*_stats.json names them",
            highlight=False,
        )
