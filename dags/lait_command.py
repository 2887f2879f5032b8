"""How do the DAGs call `lait`, and which folder belongs to which run?"""

import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from glob import glob
from typing import Protocol

RAW, SHARDS, MODEL = "lait_raw", "lait_shards", "lait_model"
"""Names of the assets, in the order in which one makes the next due."""

BAD_INPUT = 2
"""Exit code by which `lait` says that its input cannot be used."""


def lait(*arguments: str) -> None:
    """Run one `lait` command; its output goes to the task's log.

    The worker's LAIT_BIN names the program (default: `lait` on PATH). It is not a Param: whoever
    may trigger a run must not thereby choose what is executed. No shell reads the arguments, and
    Airflow's own settings and secrets are kept from a program that opens crawled pages.

    Raises:
        ValueError: `lait` is not there or refused its input; trying again cannot help.
        subprocess.CalledProcessError: it failed otherwise; the same command goes on where it was.
    """
    command = [os.environ.get("LAIT_BIN", "lait"), *arguments]
    kept = {name: value for name, value in os.environ.items() if "AIRFLOW_" not in name}
    try:
        done = subprocess.run(command, env=kept, check=False)  # noqa: S603 (a list, no shell)
    except FileNotFoundError:
        raise ValueError(f"no program {command[0]!r}: set LAIT_BIN for this worker") from None
    if done.returncode == BAD_INPUT:
        raise ValueError(f"lait refused its input, see the line above: {command}")
    done.check_returncode()


def run_name(run_id: str, interval_start: datetime | None) -> str:
    """The folder of a run: the start of its data interval, or its id where it has no interval.

    Clearing a run and running it again names the same folder, so `lait` resumes or finds its work
    done; two runs never share one.
    """
    if interval_start is not None:
        return interval_start.strftime("%Y%m%dT%H%M%S%f")
    return "run-" + re.sub(r"[^A-Za-z0-9_-]", "_", run_id)


def find_archives(patterns: Iterable[str]) -> list[str]:
    """Expand globs to a sorted list of distinct files; a URL with a scheme stays as it is.

    Raises:
        ValueError: a pattern matches nothing, or a name would be read as an option.
    """
    found: set[str] = set()
    for pattern in patterns:
        matches = [pattern] if "://" in pattern else glob(pattern, recursive=True)
        if not matches:
            raise ValueError(f"archives={pattern!r} matches no file: change the Param `archives`")
        found.update(matches)
    return [no_option(name) for name in sorted(found)]


def no_option(name: str) -> str:
    """A file or folder that a command cannot take for one of its options.

    Raises:
        ValueError: `name` begins with a dash.
    """
    if name.startswith("-"):
        raise ValueError(f"{name!r} would be read as an option: write ./{name}")
    return name


class Event(Protocol):
    """What we read of an Airflow asset event."""

    @property
    def timestamp(self) -> datetime: ...
    @property
    def extra(self) -> Mapping[str, object] | None: ...


def announced(events: Mapping[object, Sequence[Event]], key: str) -> list[str]:
    """What the asset events that triggered a run say under `key`, oldest first, without repeats.

    A run keeps its events for good, so running it again sees the same data: never "the latest".
    """
    in_time = sorted((event for each in events.values() for event in each), key=_timestamp)
    extras = [event.extra or {} for event in in_time]
    return list(dict.fromkeys(no_option(str(extra[key])) for extra in extras if key in extra))


def _timestamp(event: Event) -> datetime:
    return event.timestamp
