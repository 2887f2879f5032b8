"""How does a person crawl, and see what every host answered?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lait import screen

if TYPE_CHECKING:
    from crawl.serve import Progress
    from lait.crawl_report import Crawled
    from lait.crawl_settings import CrawlJobConfig

EPILOG = """Examples:

  lait crawl --pages urls.txt --out out/crawl --contact you@example.org

  lait crawl --archives out/cc/raw/*.warc.gz --out out/crawl --contact you@example.org

  lait crawl --pages urls.txt --out out/crawl --contact you@example.org --dry-run

  lait curate out/crawl/raw/*.warc.gz --out out/run --relevance none

The same command goes on where an earlier one stopped.
"""
_SHOWN_HOSTS = 15
Several = list[str] | None


def register(app: typer.Typer) -> None:
    """Put `crawl` on the command line."""
    # What follows `--` belongs to Beam: --runner and its flags pass through untouched.
    app.command(epilog=EPILOG)(crawl)


def crawl(
    out: Annotated[Path, typer.Option(help="Folder of the crawl; made, or taken up.")],
    more: Annotated[Several, typer.Argument(hidden=True)] = None,
    pages: Annotated[
        Several, typer.Option(help="List of page URLs: .txt, .csv, .jsonl, .parquet.")
    ] = None,
    column: Annotated[str, typer.Option(help="Column of the list that holds the URL.")] = "url",
    archives: Annotated[
        Several, typer.Option(help="WARC files or folders that hold the pages; more may follow.")
    ] = None,
    contact: Annotated[
        str, typer.Option(help="Mail address or page under which webmasters reach you.")
    ] = "",
    images: Annotated[
        str | None, typer.Option(help="Which images of a page: main (default), all, none.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML of the same fields as --set.")] = None,
    overrides: Annotated[
        Several, typer.Option("--set", help="One field, e.g. fetch.min_delay_s=5.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many pages.")] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Ask again for what failed and may succeed.")
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Visit everything again, if it has changed.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which hosts would be asked; ask nobody.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes on this machine.")] = 1,
    partitions: Annotated[
        int, typer.Option(min=1, help="Groups of hosts, each served by one worker.")
    ] = 1,
) -> None:
    """Fetch pages and the images they show: politely, resumably, every outcome accounted for."""
    from lait.crawl_settings import Source, load

    given = more or []
    files = [path for path in given if not path.startswith("--")]
    beam_args = [path for path in given if path.startswith("--")]
    if files and not archives:
        raise ValueError(f"{files[0]}: what is it? Lists are given by --pages, WARCs by --archives")
    source = Source(
        lists=tuple(pages or ()),
        column=column,
        archives=(*(archives or ()), *files),
        limit=limit,
    )
    settings = load(config, overrides or (), contact, images)
    if dry_run:
        from lait.crawl_plan import plan

        show_plan(plan(source, out, config=settings, beam_args=beam_args), source.lists, settings)
        return
    from lait.crawl import crawl as run

    with screen.meter("crawl") as meter:

        def tell(name: str, now: "Progress") -> None:
            refused = now.done - now.kept
            note = f"{name}: {now.kept:,} kept, {refused:,} not, {now.hosts:,} hosts left"
            meter(now.done, now.total, note)

        crawled = run(
            source,
            out,
            config=settings,
            workers=workers,
            partitions=partitions,
            retry_failed=retry_failed,
            refresh=refresh,
            beam_args=beam_args,
            tell=tell,
        )
        meter(crawled.n_asked, crawled.n_asked, "requests")
    show(crawled)
    screen.err.print(f"raw shards and ledger of requests: {out / 'raw'}", highlight=False)


def show(crawled: "Crawled") -> None:
    """Statuses and hosts; the statuses add up to what was asked."""
    note = f"asked {crawled.n_requests:,}, {crawled.n_asked:,} of them by this run"
    note += f"; {crawled.n_bytes:,} bytes kept"
    if crawled.n_bad_lines:
        note += f"; {crawled.n_bad_lines:,} lines name no page: see dead_letter"
    columns = ("kind", "status", "#requests")
    screen.out.print(screen.table("Requests", columns, crawled.statuses, note=note))
    shown = crawled.hosts[:_SHOWN_HOSTS]
    more = len(crawled.hosts) - len(shown)
    note = f"and {more:,} more hosts" if more else ""
    columns = ("host", "#requests", "#kept")
    screen.out.print(screen.table("Hosts", columns, shown, note=note))


def show_plan(
    hosts: tuple[tuple[str, int], ...], lists: tuple[str, ...], config: "CrawlJobConfig"
) -> None:
    """Which hosts would be asked how often, and how long that takes at least."""
    from lait.crawl_plan import at_least_s

    rows = [(host, n, round(at_least_s([n], config))) for host, n in hosts[:_SHOWN_HOSTS]]
    more = len(hosts) - len(rows)
    total = sum(n for _, n in hosts)
    note = f"{total:,} requests to {len(hosts):,} hosts"
    note += f", {more:,} of them not shown" if more else ""
    seconds = at_least_s([n for _, n in hosts], config)
    note += f"; at least {seconds:,.0f} s, more where hosts are slow or want longer delays"
    if lists and config.images != "none":
        note += "; the images of pages that are not fetched yet come on top"
    screen.out.print(
        screen.table("Plan", ("host", "#requests", "#seconds at least"), rows, note=note)
    )
