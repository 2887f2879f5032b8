"""How does a person curate archives, and look at what came of it?"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lait import screen

if TYPE_CHECKING:
    from filter.funnel import Funnel
    from lait.world.judge import Judgement

EPILOG = """Examples:

  lait curate crawl/*.warc.gz --out run --relevance model

  lait curate a.warc.gz --out run --relevance none --set filter.min_side_px=400

  lait curate crawl/*.warc.gz --out run --relevance model --workers 2

  lait curate gs://b/a.warc.gz --out gs://b/run --relevance model -- --runner=FlinkRunner
"""


HASHES_EPILOG = """Examples:

  lait hashes flickr-test coco-val --out eval.parquet

  lait curate crawl/*.warc.gz --out run --relevance model --eval-set eval.parquet
"""
GOLD_EPILOG = """Example:

  lait gold out/demo/curated --world out/demo/world
"""


def register(app: typer.Typer) -> None:
    """Put `curate`, `gold` and `hashes` on the command line."""
    # What follows `--` belongs to Beam: --runner and its flags pass through untouched.
    app.command(epilog=EPILOG)(curate)
    app.command(epilog=GOLD_EPILOG)(gold)
    app.command(epilog=HASHES_EPILOG)(hashes)


def curate(
    archives: Annotated[list[str], typer.Argument(help="WARC files or folders of saved pages.")],
    out: Annotated[str, typer.Option(help="Folder or URL of the run; made, finished or refused.")],
    relevance: Annotated[
        str, typer.Option(help="Folder of `lait relevance train`, or `none` to do without.")
    ],
    config: Annotated[Path | None, typer.Option(help="YAML of the same fields as --set.")] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="One field, e.g. filter.min_side_px=400.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes on this machine.")] = 1,
    eval_sets: Annotated[
        list[str] | None,
        typer.Option("--eval-set", help="Hashes or shards of images to leave out; repeatable."),
    ] = None,
    not_in: Annotated[
        list[str] | None, typer.Option(help="Earlier run, whose images to leave out; repeatable.")
    ] = None,
    tombstones: Annotated[
        list[str] | None, typer.Option(help="Purged set, whose takedowns to obey; repeatable.")
    ] = None,
) -> None:
    """From web archives to shards: crawl, filter and shards as one Beam graph."""
    from lait.config import load_config
    from lait.curate import curate as run

    files = [archive for archive in archives if not archive.startswith("--")]
    beam_args = [archive for archive in archives if archive.startswith("--")]
    funnel = run(
        files,
        out,
        config=load_config(config, [*(overrides or ()), *_lists(eval_sets, not_in, tombstones)]),
        relevance=None if relevance == "none" else Path(relevance),
        workers=workers,
        beam_args=beam_args,
    )
    show_funnel(funnel)
    screen.err.print(f"shards, ledger and funnel: {out}", highlight=False)


def _lists(
    eval_sets: list[str] | None, not_in: list[str] | None, tombstones: list[str] | None
) -> list[str]:
    """The options as the settings they stand for; paths must mean the same on every worker."""
    given = {
        "filter.eval_sets": eval_sets,
        "filter.not_in": not_in,
        "filter.tombstones": tombstones,
    }
    return [
        f"{name}={json.dumps([str(Path(path).absolute()) for path in paths])}"
        for name, paths in given.items()
        if paths
    ]


def hashes(
    sources: Annotated[list[Path], typer.Argument(help="Shards, folders of pictures, or files.")],
    out: Annotated[Path, typer.Option(help="The list, a .parquet file.")],
) -> None:
    """List the hashes of images not to train on, for --eval-set and filter.known_bad."""
    from lait.hashes import write_hashes

    if out.suffix != ".parquet":
        raise ValueError(f"--out {out} must end in .parquet")
    with screen.meter("pictures hashed") as meter:
        found = write_hashes(sources, out, meter)
    screen.err.print(
        f"{found.n_images:,} images, {found.n_undecodable:,} of them by their bytes alone: {out}",
        highlight=False,
    )


def show_funnel(funnel: "Funnel") -> None:
    """The funnel as a table: what each step saw, dropped and passed on."""
    rows = [(row.stage, row.reason, row.seen, row.dropped, row.kept) for row in funnel.rows]
    columns = ("stage", "reason", "#seen", "#dropped", "#left")
    note = f"seen {funnel.seen:,} = kept {funnel.kept:,} + dropped {funnel.dropped:,}"
    screen.out.print(screen.table("Funnel", columns, rows, note=note))


def gold(
    run: Annotated[Path, typer.Argument(help="A finished run of `lait curate`.")],
    world: Annotated[Path, typer.Option(help="The world whose archives it curated.")],
) -> None:
    """Judge a run over the demo world: precision and recall of every filter against the gold."""
    from lait.world.judge import judge

    show_judgement(judge(run, world))


def show_judgement(judgement: "Judgement") -> None:
    """Precision and recall of every filter, and the main-image accuracy."""
    columns = ("#in gold", "#decided", "#precision", "#recall")
    note = (
        f"main image right on {judgement.main_right:,} of {judgement.pages:,} pages "
        f"({judgement.main_right / max(judgement.pages, 1):.3f})"
    )
    for title, first, qualities, below in (
        ("Against the gold", "filter", judgement.filters, note),
        ("Text by text", "text filter", judgement.texts, ""),
    ):
        rows = [(row.reason, row.gold, row.decided, row.precision, row.recall) for row in qualities]
        screen.out.print(screen.table(title, (first, *columns), rows, note=below))
