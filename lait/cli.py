"""What can a person type? Every command, its options, its errors and its exit codes.

Exit codes: 0 done; 1 the command ran and found a problem (a failed verification); 2 the input
cannot be used, said in one line; 130 interrupted.
"""

import logging
import os
import sys
from typing import Annotated

import typer

from lait import __version__, screen
from lait.commands import (
    commoncrawl,
    crawling,
    curation,
    demo,
    extraction,
    finetuning,
    house,
    ledger,
    main_image,
    multitask,
    natural,
    regions,
    relevance,
    shards,
    study,
    tasks,
    training,
)

ROOMS = ("crawl", "filter", "shards", "pretrain", "review", "lait")

app = typer.Typer(
    name="lait",
    help="From a web crawl to image-text pairs worth training on, and training on them.",
    epilog="Start with: lait demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

for group in (
    demo,
    crawling,
    curation,
    ledger,
    extraction,
    shards,
    regions,
    training,
    tasks,
    multitask,
    study,
    house,
):
    group.register(app)
main_image.register(app)
app.add_typer(commoncrawl.app, name="commoncrawl")
app.add_typer(natural.app, name="natural")
app.add_typer(relevance.app, name="relevance")
app.add_typer(finetuning.app, name="finetune")


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what happens.")] = False,
) -> None:
    _log(verbose)
    if version:
        screen.out.print(f"lait {__version__}", highlight=False)
        raise typer.Exit


def _log(verbose: bool) -> None:
    """Our own warnings, and everybody's errors; with --verbose all there is to say.

    Beam and Ray warn of packages that nobody here asked for.
    """
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    if not verbose:
        for handler in logging.getLogger().handlers:
            handler.addFilter(_ours_or_error)


def _ours_or_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR or record.name.split(".")[0] in ROOMS


def main() -> None:
    """Run the command line; the only boundary where an error becomes a line and an exit code."""
    # Nothing here may ask a model hub: packaged weights and local folders are all there is, unless
    # the user has said otherwise.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        app()
    except (ValueError, OSError) as error:
        if os.environ.get("LAIT_TRACEBACK"):
            raise
        screen.fail(str(error))
        sys.exit(2)
    except KeyboardInterrupt:
        screen.fail("interrupted; run the same command again to go on")
        sys.exit(130)
