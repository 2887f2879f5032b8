"""How does a person ask a finished run why, and what if?"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lait import screen

if TYPE_CHECKING:
    import pyarrow as pa

    from lait.replay import Replay

REPLAY_EPILOG = """Examples:

  lait replay run --set filter.min_side_px=400

  lait replay run --set filter.min_relevance=0.7 --out replayed.parquet
"""
QUERY_EPILOG = """Examples:

  lait ledger query run "select reason, count(*) n from ledger group by 1 order by n desc"

  lait ledger query run "describe ledger"

  lait ledger query run "select text from ledger where kept" --out texts.csv
"""
WHY_EPILOG = """Example:

  lait ledger why run https://example.org/story.html
"""
HOST_EPILOG = """Example:

  lait ledger host run example.org
"""
DROPS_EPILOG = """Example:

  lait ledger drops run --by host
"""
Run = Annotated[Path, typer.Argument(help="A finished run of `lait curate`.")]
Out = Annotated[Path | None, typer.Option(help="Write it there: .parquet or .csv.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, not a table.")]
Limit = Annotated[int, typer.Option(min=1, help="Rows to show.")]


def register(app: typer.Typer) -> None:
    """Put `replay` and the group `ledger` on the command line."""
    app.command(epilog=REPLAY_EPILOG)(replay)
    group = typer.Typer(help="Ask the ledger of a run.", no_args_is_help=True)
    group.command(epilog=QUERY_EPILOG)(query)
    group.command(epilog=WHY_EPILOG)(why)
    group.command(epilog=HOST_EPILOG)(host)
    group.command(epilog=DROPS_EPILOG)(drops)
    app.add_typer(group, name="ledger")


def replay(
    run: Run,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="One field, e.g. filter.min_side_px=400.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Parquet: kept or why not, of every candidate.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What would other thresholds have kept? From the ledger alone: no fetching, no scoring."""
    from lait.replay import replay as run_replay

    if out is not None and out.suffix != ".parquet":
        raise ValueError(f"--out {out} must end in .parquet")
    with screen.meter("candidates judged again") as meter:
        found = run_replay(run, overrides or (), out=out, progress=meter)
    if as_json:
        screen.out.print_json(json.dumps(_replay_record(found)))
    else:
        _show_replay(found)


def _replay_record(found: "Replay") -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "funnel": asdict(found.funnel),
        "before": asdict(found.before),
        "not_decoded": found.not_decoded,
        "not_scored": found.not_scored,
        "settings": found.settings.model_dump(mode="json"),
    }


def _show_replay(found: "Replay") -> None:
    from lait.replay import side_by_side

    before = {(row.stage, row.reason): row.dropped for row in found.before.rows}
    rows = []
    for row in side_by_side(found):
        then = before.get((row.stage, row.reason), 0)
        rows.append((row.stage, row.reason, row.seen, row.dropped, then, row.kept))
    columns = ("stage", "reason", "#seen", "#dropped", "#in the run", "#left")
    note = (
        f"seen {found.funnel.seen:,}: kept {found.funnel.kept:,} (the run {found.before.kept:,}), "
        f"cannot be judged {found.unjudged:,}"
    )
    if found.unjudged:
        note += (
            f": the image of {found.not_decoded:,} was never decoded, a text of "
            f"{found.not_scored:,} never scored; curate again to know"
        )
    screen.out.print(screen.table("Replay", columns, rows, note=note))


def query(
    run: Run,
    sql: Annotated[str, typer.Argument(help="One SELECT; its table is `ledger`.")],
    as_json: AsJson = False,
    out: Out = None,
    limit: Limit = 50,
) -> None:
    """Ask the ledger anything, in SQL. Reads the ledger's files and nothing else."""
    from filter.ask import ask

    _answer("Ledger", ask(run, sql), as_json=as_json, out=out, limit=limit)


def why(
    run: Run,
    url: Annotated[str, typer.Argument(help="URL of a page or of an image.")],
    as_json: AsJson = False,
    out: Out = None,
    limit: Limit = 20,
) -> None:
    """Why was this URL dropped? Every candidate of a page or image, and all its texts."""
    from filter.ask import why as ask_why

    found = ask_why(run, url)
    if not len(found):
        raise ValueError(f"{url} is in no row of {run}: no page or image of this URL was seen")
    if as_json or out is not None:
        _answer("Why", found, as_json=as_json, out=out, limit=limit)
        return
    for row in found.slice(0, limit).to_pylist():
        _show_candidate(row)
    if len(found) > limit:
        screen.out.print(f"{len(found) - limit:,} more: --limit, --json, --out", highlight=False)


def _show_candidate(row: dict[str, Any]) -> None:
    fate = "kept" if row["kept"] else f"dropped at {row['stage']}: {row['reason']}"
    if row["value"] is not None:
        bound = "" if row["threshold"] is None else f" (threshold {screen.cell(row['threshold'])})"
        fate += f", {screen.cell(row['value'])}{bound}"
    if row["detail"]:
        fate += f", {row['detail']}"
    texts = [(text["source"], text["score"], text["drop"], text["text"]) for text in row["texts"]]
    image, page = (screen.printable(str(row[name])) for name in ("image_url", "page_url"))
    note = screen.printable(f"{fate}; {'main' if row['is_main'] else 'not the main'} image")
    if row["kept"]:
        note += f"; shard {row['shard']}, key {row['key']}, text from {row['text_source']}"
    columns = ("source", "#score", "refused as", "text")
    screen.out.print(screen.table(f"{image}\n  on {page}", columns, texts, note=note))


def host(
    run: Run,
    name: Annotated[str, typer.Argument(metavar="HOST", help="For example example.org.")],
    as_json: AsJson = False,
    out: Out = None,
    limit: Limit = 50,
) -> None:
    """What did this host, with its subdomains, yield?"""
    from filter.ask import host as ask_host

    found = ask_host(run, name)
    if not len(found):
        raise ValueError(f"{name}: no page of this host is in the ledger of {run}")
    _answer(f"Host {name}", found, as_json=as_json, out=out, limit=limit)


def drops(
    run: Run,
    by: Annotated[
        Literal["reason", "host", "format", "language"],
        typer.Option(help="Counted apart for each of these."),
    ] = "reason",
    as_json: AsJson = False,
    out: Out = None,
    limit: Limit = 50,
) -> None:
    """Which filter drops most?"""
    from filter.ask import drops as ask_drops

    found = ask_drops(run, by, limit)
    if by == "reason":
        found = found.drop_columns("by")
    _answer("Drops", found, as_json=as_json, out=out, limit=limit)


def _answer(title: str, found: "pa.Table", *, as_json: bool, out: Path | None, limit: int) -> None:
    """A table on screen, as JSON, or in a file."""
    if out is not None:
        from lait.export import export

        export(found, out)
        screen.err.print(f"{len(found):,} rows: {out}", highlight=False)
    elif as_json:
        screen.out.print_json(json.dumps(found.to_pylist(), default=str))
    else:
        numeric = [str(field.type) in _NUMBERS for field in found.schema]
        names = [
            f"#{n}" if right else n for n, right in zip(found.column_names, numeric, strict=True)
        ]
        rows = [tuple(row.values()) for row in found.slice(0, limit).to_pylist()]
        more = f"{len(found):,} rows" + (f", {limit} shown" if len(found) > limit else "")
        screen.out.print(screen.table(title, names, rows, note=more))


_NUMBERS = ("int32", "int64", "double", "float", "decimal128(38, 0)")
