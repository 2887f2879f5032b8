"""How does a person choose pages of Common Crawl and fetch them?"""

from pathlib import Path
from typing import Annotated, cast

import typer

from lait import screen

app = typer.Typer(
    help="Choose pages of Common Crawl by its index, and fetch those records alone.",
    no_args_is_help=True,
)
PATHS_EPILOG = """Examples:

  lait commoncrawl paths CC-MAIN-2024-51 --share 0.001

  lait commoncrawl paths CC-MAIN-2024-51 --kind wat --share 0.0001 --base s3://commoncrawl
"""
PICK_EPILOG = """Examples:

  lait commoncrawl pick CC-MAIN-2024-51 --domain example.org --out picks.parquet

  lait commoncrawl pick CC-MAIN-2024-51 --language en --tld org --limit 1000 --out a.parquet

The index of one crawl is hundreds of gigabytes; of each of its files only the parts that can match
are read. --domain, --host and --tld rule out most of them, --limit stops early.
"""
FETCH_EPILOG = """Examples:

  lait commoncrawl fetch picks.parquet --out out/cc

  lait curate out/cc/raw/*.warc.gz --out out/run --relevance none
"""
WAT_EPILOG = """Example:

  lait commoncrawl wat *.warc.wat.gz --out candidates.jsonl

A seventh of the bytes of whole pages, and the loss: no caption and no running text, no image that
is only in srcset or loaded lazily.
"""
BASE = "https://data.commoncrawl.org"
Crawl = Annotated[str, typer.Argument(help="Id of the crawl, e.g. CC-MAIN-2024-51.")]
Base = Annotated[str, typer.Option(help="Where its files lie: a URL, s3://commoncrawl, a folder.")]
Share = Annotated[float, typer.Option(help="Take this share, 0 to 1; larger ones hold smaller.")]
Seed = Annotated[int, typer.Option(help="Another seed, another share.")]
Several = list[str] | None


@app.command(epilog=PATHS_EPILOG)
def paths(
    crawl: Crawl,
    kind: Annotated[str, typer.Option(help="warc, wat or cc-index-table.")] = "warc",
    share: Share = 1.0,
    seed: Seed = 0,
    base: Base = BASE,
) -> None:
    """Print where the files of a crawl lie, or a share of them that stays the same."""
    from crawl.sources import commoncrawl

    if kind not in commoncrawl.KINDS:
        raise ValueError(f"--kind {kind} is none of {', '.join(commoncrawl.KINDS)}")
    found = commoncrawl.paths(crawl, cast(commoncrawl.Kind, kind), base)
    for path in commoncrawl.sample(found, share, seed):
        typer.echo(commoncrawl.join(base, path))


@app.command(epilog=PICK_EPILOG)
def pick(
    crawl: Crawl,
    out: Annotated[Path, typer.Option(help="The list: .parquet, or .jsonl for JSON lines.")],
    language: Annotated[Several, typer.Option(help="en or eng; may be repeated.")] = None,
    mime: Annotated[Several, typer.Option(help="As detected; HTML and XHTML if not given.")] = None,
    domain: Annotated[Several, typer.Option(help="Registered domain: all its hosts.")] = None,
    host: Annotated[Several, typer.Option(help="One host.")] = None,
    tld: Annotated[Several, typer.Option(help="Top-level domain.")] = None,
    share: Share = 1.0,
    seed: Seed = 0,
    limit: Annotated[int | None, typer.Option(help="Stop after so many.")] = None,
    per_host: Annotated[int | None, typer.Option(help="At most so many of one host.")] = None,
    base: Base = BASE,
) -> None:
    """Write the list of the records to fetch, from the columnar index."""
    from crawl.sources.columnar import HTML, Choice
    from crawl.sources.columnar import pick as run

    choice = Choice(
        languages=tuple(language or ()),
        mimes=tuple(mime) if mime else HTML,
        domains=tuple(domain or ()),
        hosts=tuple(host or ()),
        tlds=tuple(tld or ()),
        share=share,
        seed=seed,
        limit=limit,
        per_host=per_host,
    )
    with screen.meter("files of the index") as meter:
        n = run(crawl, choice, base, out, progress=meter)
    screen.err.print(f"{n:,} records picked: {out}", highlight=False)


@app.command(epilog=FETCH_EPILOG)
def fetch(
    picks: Annotated[Path, typer.Argument(help="A list of `lait commoncrawl pick`.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; made, or finished.")],
    base: Base = BASE,
    shard_records: Annotated[int, typer.Option(min=1, help="Records in one shard.")] = 1000,
    connections: Annotated[int, typer.Option(min=1, max=16, help="Requests at once.")] = 4,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Ask again for what could not be reached.")
    ] = False,
) -> None:
    """Fetch the picked records by their byte ranges and keep them as WARC shards."""
    from lait.commoncrawl import fetch as run

    with screen.meter("records") as meter:
        done = run(
            picks,
            out,
            base=base,
            shard_records=shard_records,
            connections=connections,
            retry_failed=retry_failed,
            progress=meter,
        )
    note = f"{done.n_asked:,} asked for by this run; {done.n_bytes:,} bytes of records"
    screen.out.print(screen.table("Records", ("status", "#picks"), done.statuses, note=note))
    screen.err.print(f"{done.n_shards} shards: {out / 'raw'}", highlight=False)


@app.command(epilog=WAT_EPILOG)
def wat(
    files: Annotated[list[str], typer.Argument(help="WAT files, local or remote.")],
    out: Annotated[Path, typer.Option(help="JSON lines, one image of one page each.")],
) -> None:
    """Write what Common Crawl's metadata knows of images: links and alt texts, no pages."""
    from lait.wat import write_candidates

    with screen.meter("images") as meter:
        n_images, n_damaged = write_candidates(files, out, progress=meter)
    screen.err.print(f"{n_images:,} images, {n_damaged:,} damaged places: {out}", highlight=False)
