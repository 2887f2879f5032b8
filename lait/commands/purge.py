"""How does a person take something down, and learn who has seen it?"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lait import screen

if TYPE_CHECKING:
    from shards.purge import Purged
    from shards.takedown import Asked

EPILOG = """Examples:

  lait shards purge run --url https://example.com/a.jpg --reason "asked by the owner" --dry-run

  lait shards purge run --host example.com --reason "asked by the owner" --checkpoints models

  lait shards purge run --from asked.txt --reason "ticket 17" --regions more/regions --raw crawl

where each line of asked.txt is `url ...`, `host ...`, `sha256 ...`, `phash .../4` or `key ...`
"""
_MANY = 20
Several = list[str] | None


def register(group: typer.Typer) -> None:
    """Put `purge` into the group `shards`."""
    group.command(epilog=EPILOG)(purge)


def purge(
    folder: Annotated[Path, typer.Argument(help="A run or a shard set.")],
    reason: Annotated[str, typer.Option(help="Kept in the tombstones, without the address.")],
    url: Annotated[Several, typer.Option(help="Of a page or image; repeatable.")] = None,
    host: Annotated[Several, typer.Option(help="And all its subdomains; repeatable.")] = None,
    sha256: Annotated[Several, typer.Option(help="Of image bytes; repeatable.")] = None,
    phash: Annotated[
        Several, typer.Option(help="Perceptual hash, or hash/bits; repeatable.")
    ] = None,
    key: Annotated[Several, typer.Option(help="Of a sample; repeatable.")] = None,
    from_file: Annotated[Path | None, typer.Option("--from", help="A file of all these.")] = None,
    regions: Annotated[
        list[Path] | None, typer.Option(help="Companion set outside of RUN/regions; repeatable.")
    ] = None,
    raw: Annotated[
        list[Path] | None, typer.Option(help="Folder of `lait crawl` to forget it; repeatable.")
    ] = None,
    checkpoints: Annotated[
        Path | None, typer.Option(help="Tell which checkpoints below this folder saw a sample.")
    ] = None,
    date: Annotated[str | None, typer.Option(help="Of the tombstones; default: today.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Only show what would go.")] = False,
) -> None:
    """Take samples down: from archives, tables, thumbnails, ledger and regions, for good.

    Leaves tombstones.jsonl beside the manifest, which later runs and loaders obey.
    """
    from shards.purge import purge as run
    from shards.seen import checkpoints as look

    given = {"url": url, "host": host, "sha256": sha256, "phash": phash, "key": key}
    wanted = _wanted(given, from_file)
    if checkpoints is not None and not checkpoints.is_dir():
        raise ValueError(f"--checkpoints {checkpoints} is not a folder")
    with screen.meter("shards") as meter:
        found = run(
            folder,
            wanted,
            reason=reason,
            date=date or datetime.now(UTC).date().isoformat(),
            companions=regions or (),
            crawls=raw or (),
            dry_run=dry_run,
            progress=meter,
        )
    _show(found, dry_run)
    if checkpoints is not None:
        seen = look(checkpoints, found.stones)
        rows = [(one.path, one.stage, one.step, one.n_seen, one.n_held) for one in seen]
        columns = ("checkpoint", "stage", "#step", "#seen by it", "#in its set")
        screen.out.print(screen.table("Checkpoints", columns, rows))
    if not dry_run:
        _tell_what_is_left(found)


def _tell_what_is_left(found: "Purged") -> None:
    """What no command here can reach."""
    if found.before.inputs and not found.raw:
        names = ", ".join(one.name for one in found.before.inputs[:3])
        screen.err.print(
            f"the archives that the set was made from ({names}) are as they were: --raw CRAWL for "
            "those of `lait crawl`, by hand for others",
            highlight=False,
        )
    screen.err.print(
        f"copies elsewhere are as they were: push again (lait shards push --replace), and give "
        f"readers and runs --tombstones {found.folder}",
        highlight=False,
    )


def _wanted(given: dict[str, Several], from_file: Path | None) -> "list[Asked]":
    from filter.tombstones import VALUES
    from shards.takedown import asked, read_asked

    wanted = [asked(kind, value) for kind in VALUES for value in given[kind] or ()]
    wanted += read_asked(from_file) if from_file is not None else []
    if not wanted:
        raise ValueError("name what to take down: --url, --host, --sha256, --phash, --key, --from")
    return wanted


def _show(found: "Purged", dry_run: bool) -> None:
    gone = "would go" if dry_run else "gone"
    rows = [
        (f"samples {gone}", len(found.hits)),
        ("shards written again", found.n_shards),
        ("rows of the ledger blanked", found.forgotten.ledger_rows),
        (f"thumbnails {gone}", found.forgotten.thumbnails),
        (f"dead letters {gone}", found.forgotten.dead_letters),
        *((f"regions {gone} from {folder}", n) for folder, n in found.regions),
        *((f"requests {gone} from {folder}", n) for folder, n in found.raw),
        ("takedown version", found.after.tombstone_version + (dry_run and bool(found.hits))),
    ]
    screen.out.print(screen.table("Takedown", ("", "#count"), rows))
    if dry_run and found.hits:
        shards = found.before.shards
        shown = [
            (hit.key, shards[hit.shard].stem, hit.kind, hit.text[:60], hit.image_url[:80])
            for hit in found.hits[:_MANY]
        ]
        columns = ("key", "shard", "named by", "text", "image")
        note = f"{len(found.hits) - _MANY:,} more" if len(found.hits) > _MANY else ""
        screen.out.print(screen.table("Samples", columns, shown, note=note))
