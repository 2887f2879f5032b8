"""Where does a run's driver look at its files, when the run lies in an object store?"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from crawl.sources import sending, storage
from lait.inputs import CONFIG, FUNNEL, PARTS, REPORT
from shards.manifest import NAME

_MANIFEST: Final = f"shards/{NAME}"
_HANDED_IN: Final = ("shards/README.md", "shards/croissant.json", FUNNEL, _MANIFEST)
"""What the driver makes, the manifest last."""


class Desk(Protocol):
    """A run as its driver sees it."""

    @property
    def path(self) -> Path:
        """The run's folder, or a likeness of it."""
        ...

    @property
    def target(self) -> str:
        """Where workers write."""
        ...

    def clear(self) -> None:
        """What an unfinished run left where workers write goes."""
        ...

    def begun(self) -> None:
        """The settings of the run stand at `path`."""
        ...

    def fetch(self) -> None:
        """What workers wrote is seen at `path`."""
        ...

    def hand_in(self) -> None:
        """The driver's own files go where the workers' are, the manifest last."""
        ...


@contextmanager
def desk_of(out: Path | str) -> Iterator[Desk]:
    """The desk of a run in a folder or at a URL.

    Raises OSError when the store cannot be read or written.
    """
    if not storage.is_remote(str(out)):
        yield _Folder(path=Path(storage.local_path(str(out))))
        return
    with tempfile.TemporaryDirectory(prefix="lait-run-") as name:
        made = _Store(path=Path(name) / "run", target=str(out).rstrip("/"))
        made.look()
        yield made


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folder:
    """Driver and workers see one folder."""

    path: Path

    @property
    def target(self) -> str:
        return str(self.path.absolute())

    def clear(self) -> None:
        """`start` does."""

    def begun(self) -> None:
        """Nothing to send."""

    def fetch(self) -> None:
        """Nothing to fetch."""

    def hand_in(self) -> None:
        """All is where it belongs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Store:
    """A likeness of a run in an object store: small files as they are, archives by their sizes."""

    path: Path
    target: str

    def look(self) -> None:
        """What tells whether the run is finished, and the names of all the rest."""
        self._likeness({_MANIFEST, CONFIG, FUNNEL})

    def clear(self) -> None:
        # The manifest first: what is half removed must not be taken for a set.
        sending.remove(f"{self.target}/{_MANIFEST}")
        for name in sending.listed(self.target):
            if name.partition("/")[0] in (*PARTS, FUNNEL, REPORT):
                sending.remove(f"{self.target}/{name}")

    def begun(self) -> None:
        sending.send(self.path / CONFIG, f"{self.target}/{CONFIG}")

    def fetch(self) -> None:
        names = sending.listed(self.target)
        # The funnel is counted from the ledger, the card from the tables of the shards.
        tables = {name for name in names if name.partition("/")[0] in ("ledger", "shards")}
        self._likeness({REPORT, *(name for name in tables if name.endswith(".parquet"))})

    def hand_in(self) -> None:
        sending.remove(f"{self.target}/{REPORT}")
        for name in _HANDED_IN:
            sending.send(self.path / name, f"{self.target}/{name}")

    def _likeness(self, wanted: set[str]) -> None:
        for name, n_bytes in sending.listed(self.target).items():
            copy = self.path / name
            if ".." in copy.parts:
                raise OSError(f"{self.target}/{name} has a name that no run gives: remove it")
            copy.parent.mkdir(parents=True, exist_ok=True)
            with copy.open("wb") as file:
                if name in wanted:
                    with storage.open_binary(f"{self.target}/{name}") as source:
                        shutil.copyfileobj(source, file)
                else:
                    file.truncate(n_bytes)
