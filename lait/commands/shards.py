"""How does a person make, check and look into shard sets?"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lait import screen
from lait.commands import purge, shard_sets

if TYPE_CHECKING:
    from shards.inspect import Histogram

PACK_EPILOG = """Examples:

  lait pack pairs.jsonl --out clean

where each line is {"image": "photos/1.jpg", "text": "A red boat on a lake"}
or {"image": ..., "texts": [..., ...]}; paths are relative to the file.

  lait pack dataset_flickr30k.json --images flickr30k-images --split test --out flickr-test

  lait pack captions_val2017.json --images val2017 --out coco-val
"""
VERIFY_EPILOG = """Example:

  lait shards verify run
"""
INSPECT_EPILOG = """Examples:

  lait shards inspect run

  lait shards inspect run --sheet pictures.jpg
"""


def register(app: typer.Typer) -> None:
    """Put `pack` and the group `shards` on the command line."""
    app.command(epilog=PACK_EPILOG)(pack)
    group = typer.Typer(help="What one does with finished shard sets.", no_args_is_help=True)
    group.command(epilog=VERIFY_EPILOG)(verify)
    group.command(epilog=INSPECT_EPILOG)(inspect)
    shard_sets.register(group)
    purge.register(group)
    app.add_typer(group, name="shards")


def pack(
    pairs: Annotated[Path, typer.Argument(help='Lines {"image", "text"} or {"image", "texts"}.')],
    out: Annotated[Path, typer.Option(help="Folder of the shards.")],
    images: Annotated[
        Path | None, typer.Option(help="PAIRS is a published caption file; its images lie here.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Of a Karpathy file, e.g. test.")] = None,
    samples_per_shard: Annotated[int, typer.Option(min=1)] = 10_000,
) -> None:
    """Shards of pairs you already have, in the same format as curated ones."""
    from shards.config import ShardsConfig
    from shards.pack import pack as pack_pairs

    manifest = pack_pairs(
        pairs, out, ShardsConfig(samples_per_shard=samples_per_shard), images=images, split=split
    )
    screen.err.print(
        f"{manifest.n_samples:,} samples in {len(manifest.shards)} shards: {out}", highlight=False
    )


def verify(folder: Annotated[Path, typer.Argument(help="A shard set or a run.")]) -> None:
    """Compare every byte with the manifest; exit 1 and name each file that differs."""
    from shards.verify import total_bytes
    from shards.verify import verify as compare

    total = total_bytes(folder)
    with screen.meter("bytes") as meter:
        problems = compare(folder, lambda n_bytes: meter(meter.done + n_bytes, total))
    for problem in problems:
        screen.out.print(screen.printable(problem.detail), markup=False, highlight=False)
    if problems:
        raise typer.Exit(1)
    screen.err.print(f"{folder}: {total:,} bytes are as the manifest says", highlight=False)


def inspect(
    folder: Annotated[Path, typer.Argument(help="A shard set or a run.")],
    sheet: Annotated[
        Path | None, typer.Option(help="Draw some pictures with their texts: a .jpg file.")
    ] = None,
) -> None:
    """Counts and histograms of a shard set."""
    from shards.inspect import inspect as look

    summary = look(folder)
    if sheet is not None:
        from shards.sheet import write_sheet

        n_shown = write_sheet(folder, sheet)
        screen.err.print(f"{n_shown} pictures: {sheet}", highlight=False)
    rows = [
        ("samples", summary.n_samples),
        ("shards", summary.n_shards),
        ("bytes", summary.n_bytes),
        *_counts("format", summary.extensions),
        *_counts("text from", summary.text_sources),
        *_counts("language", summary.languages),
    ]
    screen.out.print(screen.table(f"{folder}", ("", "#count"), rows))
    for title, histogram in (
        ("words", summary.words),
        ("width, px", summary.width_px),
        ("height, px", summary.height_px),
        ("image, bytes", summary.image_bytes),
        ("relevance", summary.relevance),
    ):
        if any(histogram.counts):
            _show_histogram(title, histogram)


def _counts(title: str, counts: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    return [(f"{title} {value}", count) for value, count in counts]


def _show_histogram(title: str, histogram: "Histogram") -> None:
    """A histogram as bars of text."""
    largest = max(histogram.counts)
    rows = [
        (f"{low:g} to {high:g}", count, "\N{FULL BLOCK}" * round(40 * count / largest))
        for low, high, count in zip(
            histogram.edges, histogram.edges[1:], histogram.counts, strict=False
        )
        if count
    ]
    note = f"{histogram.n_missing:,} without" if histogram.n_missing else ""
    screen.out.print(screen.table(title, ("", "#samples", ""), rows, note=note))
