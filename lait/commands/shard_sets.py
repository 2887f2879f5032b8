"""How does a person compare, merge, draw from, recut and take down from finished shard sets?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lait import screen

if TYPE_CHECKING:
    from shards.manifest import Manifest

DIFF_EPILOG = """Example:

  lait shards diff before after
"""
MERGE_EPILOG = """Examples:

  lait shards merge spring autumn --out both

  lait shards merge spring autumn --out both --same-image refuse
"""
SAMPLE_EPILOG = """Examples:

  lait shards sample run --n 1000 --out small

  lait shards sample run --share 0.1 --seed 7 --out tenth
"""
RESHARD_EPILOG = """Example:

  lait shards reshard run --samples-per-shard 2000 --out recut
"""
FOLLOW_EPILOG = """Example:

  lait shards sample run --share 0.1 --out tenth

  lait shards follow tenth run/regions --out tenth-regions
"""
PUSH_EPILOG = """Example:

  lait shards push run s3://bucket/sets/first
"""

Set = Annotated[Path, typer.Argument(help="A shard set or a run.")]
Out = Annotated[Path, typer.Option(help="Folder of the new set; made, or finished, or refused.")]
PerShard = Annotated[int, typer.Option(min=1)]


def register(group: typer.Typer) -> None:
    """Put the commands into the group `shards`."""
    group.command(epilog=DIFF_EPILOG)(diff)
    group.command(epilog=MERGE_EPILOG)(merge)
    group.command(epilog=SAMPLE_EPILOG)(sample)
    group.command(epilog=RESHARD_EPILOG)(reshard)
    group.command(epilog=FOLLOW_EPILOG)(follow)
    group.command(epilog=PUSH_EPILOG)(push)


def diff(a: Set, b: Set) -> None:
    """Tell in what two sets differ; exit 1 when a sample does.

    Differences of settings, code and shard layout alone are told, and exit 0.
    """
    from shards.diff import diff as compare

    found = compare(a, b)
    rows = [
        ("in both, the same", found.same),
        ("only in A", found.only_a),
        ("only in B", found.only_b),
        ("in both, other text", found.other_text),
        ("in both, other record", found.other_record),
        *((f"  field {name}", count) for name, count in found.fields),
    ]
    screen.out.print(screen.table("Samples", ("", "#samples"), rows, note=f"A {a}, B {b}"))
    if found.facts:
        facts = [(fact.name, _short(fact.a), _short(fact.b)) for fact in found.facts]
        screen.out.print(screen.table("Sets", ("", "A", "B"), facts))
    if found.examples:
        shown = [(one.key, one.a, one.b) for one in found.examples]
        screen.out.print(screen.table("Examples", ("key", "A", "B"), shown))
    if not found.same_samples:
        raise typer.Exit(1)


def merge(
    sets: Annotated[list[Path], typer.Argument(help="Two or more shard sets or runs.")],
    out: Out,
    same_image: Annotated[
        Literal["best", "refuse"],
        typer.Option(help="An image with several texts: keep the most relevant, or refuse."),
    ] = "best",
    samples_per_shard: PerShard = 10_000,
) -> None:
    """One set of several, each image once; the order in which they are named does not matter."""
    from shards.config import MergeConfig
    from shards.merge import merge as run

    config = MergeConfig(samples_per_shard=samples_per_shard, same_image=same_image)
    with screen.meter("samples") as meter:
        made = run(sets, out, config, meter)
    _done(made, out)


def sample(
    folder: Set,
    out: Out,
    n: Annotated[int | None, typer.Option("--n", min=1, help="How many samples.")] = None,
    share: Annotated[float | None, typer.Option(help="Or which share, up to 1.")] = None,
    seed: Annotated[int, typer.Option(help="Another seed draws others.")] = 0,
    samples_per_shard: PerShard = 10_000,
) -> None:
    """A random part of a set; with one seed, a larger part contains the smaller ones."""
    from shards.config import DrawConfig
    from shards.draw import draw

    if share is not None and not 0 < share <= 1:
        raise ValueError(f"--share {share} must lie above 0 and not above 1")
    config = DrawConfig(n=n, share=share, seed=seed, samples_per_shard=samples_per_shard)
    with screen.meter("samples") as meter:
        made = draw(folder, out, config, meter)
    _done(made, out)


def reshard(
    folder: Set,
    out: Out,
    samples_per_shard: Annotated[int, typer.Option(min=1, help="About so many, in key order.")],
) -> None:
    """The same samples in shards of another size."""
    from shards.config import ShardsConfig
    from shards.reshard import reshard as run

    with screen.meter("samples") as meter:
        made = run(folder, out, ShardsConfig(samples_per_shard=samples_per_shard), meter)
    _done(made, out)


def follow(
    folder: Set,
    regions: Annotated[list[Path], typer.Argument(help="Sets of regions that hold its images.")],
    out: Out,
) -> None:
    """Regions for a set that was merged, drawn or cut anew, from those of the sets it came from."""
    from shards.follow import follow as run

    with screen.meter("samples") as meter:
        made = run(folder, regions, out, meter)
    _done(made, out)


def push(
    folder: Set,
    url: Annotated[str, typer.Argument(help="Folder in an object store, as s3://bucket/folder.")],
    replace: Annotated[bool, typer.Option(help="Another set may be there.")] = False,
) -> None:
    """Copy a set to an object store: every file is read back and compared, the manifest last."""
    from shards.push import push as run

    with screen.meter("bytes") as meter:
        made = run(folder, url, replace=replace, progress=meter)
    screen.err.print(f"{made.n_samples:,} samples: {url}", highlight=False)


def _short(value: str) -> str:
    """A hash by its first digits."""
    return value[:16] if len(value) == 64 and value.isalnum() else value


def _done(made: "Manifest", out: Path) -> None:
    screen.err.print(
        f"{made.n_samples:,} samples in {len(made.shards)} shards: {out}", highlight=False
    )
