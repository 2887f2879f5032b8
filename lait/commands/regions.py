"""How does a person get region features beside a shard set?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lait import screen

if TYPE_CHECKING:
    from shards.manifest import Manifest

EPILOG = """Examples:

  lait regions run --detector grid --out run/regions

  lait regions run --detector world --annotations world/annotations.jsonl --out run/regions
"""


def register(app: typer.Typer) -> None:
    """Put `regions` on the command line."""
    app.command(epilog=EPILOG)(regions)


def regions(
    shards: Annotated[Path, typer.Argument(help="A finished shard set.")],
    out: Annotated[Path, typer.Option(help="Folder of the regions.")],
    detector: Annotated[
        Literal["grid", "world"],
        typer.Option(help="grid: cells of any image; world: the demo world's own boxes."),
    ] = "grid",
    annotations: Annotated[
        Path | None, typer.Option(help="annotations.jsonl of the world, for --detector world.")
    ] = None,
) -> None:
    """Region features for pretraining, as a companion set with the same keys."""
    from pretrain.regions.grid import GridDetector
    from pretrain.regions.world import WorldDetector
    from pretrain.regions.write import write_regions
    from shards.manifest import read_manifest

    read_manifest(shards)
    if detector == "world":
        if annotations is None:
            raise ValueError("--detector world needs --annotations WORLD/annotations.jsonl")
        found: GridDetector | WorldDetector = WorldDetector(annotations)
    else:
        found = GridDetector()
    with screen.meter("images") as meter:
        manifest = write_regions(shards, out, detector=found, progress=meter)
    show(manifest, out)


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
