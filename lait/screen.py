"""What does a person see while a job runs, and when it is done?"""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console, Group
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

out = Console()
"""Results: tables and JSON that another program may read."""
err = Console(stderr=True)
"""Progress, notes and errors."""

LOG_EVERY_S = 10.0
"""How often plain progress lines appear where no terminal is attached."""


class Meter:
    """Progress of one task: `meter(done, total, note)` may be called as often as you like.

    A bar on a terminal; elsewhere one line every `LOG_EVERY_S` seconds and one at the end, so that
    a log stays readable.
    """

    def __init__(self, title: str, progress: Progress | None) -> None:
        self._title = title
        self._progress = progress
        self._task = progress.add_task(title, total=None) if progress else None
        self._started = self._last = time.monotonic()
        self.done = 0

    def __call__(self, done: int, total: int | None = None, note: str = "") -> None:
        self.done = done
        title = f"{self._title}, {note}" if note else self._title
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done, total=total, description=title)
            return
        now = time.monotonic()
        if now - self._last >= LOG_EVERY_S:
            self._last = now
            of = f"/{total}" if total else ""
            err.print(f"{title}: {done}{of}, {now - self._started:.0f} s", highlight=False)

    def close(self) -> None:
        if self._progress is None:
            seconds = time.monotonic() - self._started
            err.print(f"{self._title}: {self.done} in {seconds:.0f} s", highlight=False)


@contextmanager
def meter(title: str) -> Iterator[Meter]:
    """A progress meter that shows itself while the block runs."""
    if not err.is_terminal:
        plain = Meter(title, None)
        yield plain
        plain.close()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=err) as progress:
        yield Meter(title, progress)


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, note: str = ""
) -> Group:
    """A titled table whose numbers are aligned on the right; print it with `out.print`.

    Columns whose name starts with '#' hold numbers. Text is shown literally: crawled strings may
    look like markup. Title and note stand outside, so that a narrow table does not fold them.
    """
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        numeric = column.startswith("#")
        made.add_column(column.lstrip("#"), justify="right" if numeric else "left")
    for row in rows:
        made.add_row(*(cell(value) for value in row))
    return Group(
        Text(f"\n{title}", style="bold"), made, *([Text(note, style="dim")] if note else ())
    )


def cell(value: object) -> str:
    """One value as a table shows it: escaped, thousands apart, three digits of a fraction."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3f}"
    return printable(str(value)).replace("[", r"\[")


def printable(text: str) -> str:
    """Crawled text with control characters shown, not obeyed: no escape reaches a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def fail(message: str) -> None:
    """The one line that a person reads when something they gave cannot be used."""
    line = " ".join(printable(message.replace("\n", " ")).split())
    sys.stderr.write(f"lait: {line}\n")
