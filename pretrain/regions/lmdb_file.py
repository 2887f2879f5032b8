"""How are the region features of ViLBERT's and 12-in-1's LMDBs read?

Lu et al. 2019: under an image's name lies a pickle of a dictionary with bottom-up attention's
columns, arrays in base64. Only plain data is unpickled (`pretrain.plain_pickle`). The database
itself is read by LMDB's own library, which trusts its pages: a file that was tampered with can end
the process.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from pretrain.plain_pickle import plain_data
from pretrain.regions.detector import Settings, described
from pretrain.regions.imported import Imported
from pretrain.regions.npz import MAX_UNPACKED_BYTES
from pretrain.regions.rows import imported_of
from shards.manifest import InputInfo

_COLUMNS: Final = ("image_w", "image_h", "num_boxes", "boxes", "features")
_LISTING: Final = b"keys"
"""The record that lists the names of all others."""


class LmdbFile:
    """One record an image. Opened for every look, so that workers may be processes."""

    def __init__(self, path: Path) -> None:
        """Raises ValueError when it is no LMDB, or holds no image."""
        self._path = path
        self.settings: Settings = ()
        first = self._first_name()
        if first is None:
            raise ValueError(f"--features {path} holds no images")
        self._first = first

    @cached_property
    def files(self) -> tuple[InputInfo, ...]:
        """See `Store.files`."""
        file = self._path / "data.mdb" if self._path.is_dir() else self._path
        return (described("--features", file),)

    def first(self) -> Imported:
        """See `Store.first`."""
        found = self.get(self._first)
        assert found is not None, self._path
        return found

    def get(self, name: str) -> Imported | None:
        """See `Store.get`."""
        with self._opened() as opened, opened.begin(buffers=True) as records:
            key = name.encode()
            view = records.get(key) if 0 < len(key) <= opened.max_key_size() else None
            if view is None:
                return None
            if len(view) > MAX_UNPACKED_BYTES:
                raise ValueError(f"the record {name} has {len(view)} bytes")
            body = bytes(view)
        return imported_of(_row(plain_data(body, f"the record {name}"), name), _NO_LABELS)

    def _first_name(self) -> str | None:
        with self._opened() as opened, opened.begin() as records:
            for key in records.cursor().iternext(values=False):
                name: str = key.decode("utf-8", "replace")
                # Nobody can ask for a name that is no text.
                if key != _LISTING and name.encode() == key:
                    return name
        return None

    def _opened(self) -> AbstractContextManager[Any]:
        try:
            import lmdb
        except ImportError as error:
            raise ValueError(
                f"--features {self._path} is an LMDB: pip install 'lait[detect]' to read it"
            ) from error
        try:
            opened: AbstractContextManager[Any] = lmdb.open(
                str(self._path),
                subdir=self._path.is_dir(),
                readonly=True,
                lock=False,
                readahead=False,
            )
        except lmdb.Error as error:
            raise ValueError(f"--features {self._path} is no whole LMDB: {error}") from error
        return opened


_NO_LABELS: Final = {"objects": 0, "attrs": 0}


def _row(record: object, name: str) -> Mapping[str, bytes]:
    missing = [c for c in _COLUMNS if not isinstance(record, dict) or c not in record]
    if missing or not isinstance(record, dict):
        raise ValueError(f"the record {name} has no {', '.join(missing)}")
    return {column: _text(record[column], column) for column in _COLUMNS}


def _text(value: object, column: str) -> bytes:
    """As a line of bottom-up attention would write it."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str | int | float):
        return str(value).encode()
    raise ValueError(f"its {column} is neither a number nor base64")
