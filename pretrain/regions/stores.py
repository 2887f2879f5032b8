"""In which files do published region features come, and how is one image's found in them?

- A folder of `<name>.npz`, as UNITER (`norm_bb`, `features`, `soft_labels`), the PyTorch port of
  bottom-up attention (`bbox`, `x`, `image_w`, `image_h`) and lait itself name their arrays.
- A `.tsv` of bottom-up attention (Anderson et al. 2018), arrays in base64, or of LXMERT (Tan and
  Bansal 2019), with the labels of objects and attributes besides.
- An LMDB of ViLBERT and 12-in-1 (`pretrain.regions.lmdb_file`).
"""

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from pretrain.regions.detector import Settings, described
from pretrain.regions.imported import Imported, Store
from pretrain.regions.lmdb_file import LmdbFile
from pretrain.regions.npz import MAX_UNPACKED_BYTES, arrays_of
from pretrain.regions.rows import imported_of
from shards.manifest import InputInfo

BOTTOM_UP = ("image_id", "image_w", "image_h", "num_boxes", "boxes", "features")
LXMERT = (
    *("img_id", "img_h", "img_w", "objects_id", "objects_conf", "attrs_id", "attrs_conf"),
    *("num_boxes", "boxes", "features"),
)
_COLUMNS = {len(BOTTOM_UP): BOTTOM_UP, len(LXMERT): LXMERT}
_MAX_LINE_BYTES = 64 * 2**20
_NAMES = {
    "boxes": ("boxes", "bbox", "norm_bb"),
    "features": ("features", "x"),
    "probs": ("probs", "soft_labels", "cls_prob"),
    "attributes": ("attributes", "attr_prob"),
    "width": ("image_w",),
    "height": ("image_h",),
}


def open_store(features: Path, n_classes: int, n_attributes: int) -> Store:
    """The features in a folder of `.npz`, a `.tsv` or an LMDB.

    Raises:
        ValueError: none of them, or one that holds nothing of use.
    """
    if (features / "data.mdb").exists() or features.suffix in (".lmdb", ".mdb"):
        return LmdbFile(features)
    if features.is_dir():
        return NpzFolder(features)
    if features.suffix == ".tsv" and features.is_file():
        return TsvFile(features, n_classes, n_attributes)
    raise ValueError(
        f"--features {features} is neither a folder of .npz, nor a .tsv file, nor an LMDB"
    )


class NpzFolder:
    """One `.npz` an image."""

    def __init__(self, folder: Path) -> None:
        """Raises ValueError when it holds none."""
        self._sizes = {path.stem: path.stat().st_size for path in sorted(folder.glob("*.npz"))}
        if not self._sizes:
            raise ValueError(f"--features {folder} holds no .npz")
        self._folder = folder
        self.files: tuple[InputInfo, ...] = ()

    @cached_property
    def settings(self) -> Settings:
        """Names and sizes stand for the bytes, of which there may be terabytes."""
        listing = json.dumps(self._sizes, sort_keys=True).encode()
        return (("features_listing_sha256", hashlib.sha256(listing).hexdigest()),)

    def first(self) -> Imported:
        """See `Store.first`."""
        found = self.get(next(iter(self._sizes)))
        assert found is not None, self._folder
        return found

    def get(self, name: str) -> Imported | None:
        """See `Store.get`."""
        if name not in self._sizes:
            return None
        if self._sizes[name] > MAX_UNPACKED_BYTES:
            raise ValueError(f"{name}.npz has {self._sizes[name]} bytes")
        body = (self._folder / f"{name}.npz").read_bytes()
        wanted = tuple(name for names in _NAMES.values() for name in names)
        arrays = arrays_of(body, wanted)
        found = {
            what: next((arrays[name] for name in names if name in arrays), None)
            for what, names in _NAMES.items()
        }
        boxes, features = found["boxes"], found["features"]
        if boxes is None or features is None or features.ndim != 2 or boxes.ndim != 2:
            raise ValueError(f"{name}.npz has no matrix of boxes, or none of features")
        return Imported(
            # UNITER writes width, height and area beside the corners.
            boxes_R4=boxes[:, :4],
            features_RD=features,
            size_px=_size(found["width"], found["height"]),
            probs_RK=_matrix(name, found["probs"]),
            attributes_RA=_matrix(name, found["attributes"]),
        )


def _size(width: NDArray[Any] | None, height: NDArray[Any] | None) -> tuple[float, float] | None:
    if width is None or height is None:
        return None
    if width.size != 1 or height.size != 1:
        raise ValueError("its width or height is not one number")
    return float(width.item()), float(height.item())


def _matrix(name: str, array: NDArray[Any] | None) -> NDArray[Any] | None:
    if array is not None and array.ndim != 2:
        raise ValueError(f"{name}.npz has probabilities of shape {array.shape}")
    return array


class TsvFile:
    """One line an image; where each begins is found in one pass, when it is opened."""

    def __init__(self, file: Path, n_classes: int, n_attributes: int) -> None:
        """Raises ValueError for a line that is too long or has another number of columns."""
        self._file = file
        self._n = {"objects": n_classes, "attrs": n_attributes}
        self._places: dict[str, int] = {}
        self._columns: tuple[str, ...] = ()
        self.settings: Settings = ()
        with file.open("rb") as lines:
            at = 0
            while line := lines.readline(_MAX_LINE_BYTES):
                self._note(line, at)
                at += len(line)
        if not self._places:
            raise ValueError(f"--features {file} has no lines")

    def _note(self, line: bytes, at: int) -> None:
        n_columns = line.count(b"\t") + 1
        columns = _COLUMNS.get(n_columns, ())
        if not columns or (self._columns and columns != self._columns):
            known = " or ".join(str(n) for n in _COLUMNS)
            raise ValueError(
                f"--features {self._file}, byte {at}: {n_columns} columns; {known} are known, the "
                "same in every line"
            )
        if len(line) == _MAX_LINE_BYTES:
            raise ValueError(
                f"--features {self._file}, byte {at}: a line of over {len(line)} bytes"
            )
        self._columns = columns
        self._places[line[: line.index(b"\t")].decode("utf-8", "replace")] = at

    @cached_property
    def files(self) -> tuple[InputInfo, ...]:
        """See `Store.files`."""
        return (described("--features", self._file),)

    def first(self) -> Imported:
        """See `Store.first`."""
        found = self.get(next(iter(self._places)))
        assert found is not None, self._file
        return found

    def get(self, name: str) -> Imported | None:
        """See `Store.get`."""
        if name not in self._places:
            return None
        with self._file.open("rb") as lines:
            lines.seek(self._places[name])
            values = lines.readline(_MAX_LINE_BYTES).rstrip(b"\r\n").split(b"\t")
        return imported_of(dict(zip(self._columns, values, strict=True)), self._n)
