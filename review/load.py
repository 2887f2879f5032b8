"""What does a finished curation run hold, for a person who wants to look at it?"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds

from shards.manifest import NAME, Manifest, read_manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A finished run: its manifest, its ledger, its thresholds. Rows are read when asked for."""

    folder: Path
    manifest: Manifest
    ledger: ds.Dataset
    """One row per candidate, kept or not."""
    bounds: dict[str, float]
    """Numeric fields of the filter configuration, for example `min_relevance`."""

    def rows(self, candidate_ids: Collection[str]) -> dict[str, dict[str, object]]:
        """Whole ledger rows by candidate id."""
        return {str(row["candidate_id"]): row for row in _select(self.ledger, candidate_ids)}

    def thumbnail_ids(self) -> frozenset[str]:
        """Candidates of which the run kept a thumbnail."""
        thumbnails = self._thumbnails()
        if thumbnails is None:
            return frozenset()
        return frozenset(thumbnails.to_table(columns=["candidate_id"])["candidate_id"].to_pylist())

    def thumbnails(self, candidate_ids: Collection[str]) -> dict[str, bytes]:
        """Small JPEGs by candidate id, as far as the run kept them."""
        thumbnails = self._thumbnails()
        if thumbnails is None:
            return {}
        found = _select(thumbnails, candidate_ids, columns=["candidate_id", "thumbnail"])
        return {
            str(row["candidate_id"]): row["thumbnail"]
            for row in found
            if isinstance(row["thumbnail"], bytes)
        }

    def _thumbnails(self) -> ds.Dataset | None:
        return _dataset(self.folder / "thumbnails")


def open_run(out: str | Path) -> Run:
    """Open the folder of a finished `lait curate` run (its `shards` folder does as well).

    Raises:
        ValueError: the run is not finished, has no ledger or no settings, or its ledger does not
            have as many rows as the manifest has counted.
    """
    folder = Path(out)
    if (folder / NAME).is_file() and folder.name == "shards":
        folder = folder.parent
    if not (folder / "shards" / NAME).is_file():
        raise ValueError(
            f"{folder.resolve()} is not a finished run (no shards/{NAME}): run the same "
            "`lait curate` command again to finish it, or set RUN (LAIT_RUN) to another folder"
        )
    manifest = read_manifest(folder)
    ledger = _dataset(folder / "ledger")
    if ledger is None:
        raise ValueError(f"{folder.resolve()} has no ledger/*.parquet: set RUN to a curation run")
    counted = (ledger.count_rows(), ledger.count_rows(filter=ds.field("kept")))
    if counted != (manifest.seen, manifest.kept):
        raise ValueError(
            f"{folder.resolve()}: the ledger has (rows, kept) = {counted}, the manifest "
            f"{(manifest.seen, manifest.kept)}: they are not of one run, curate again"
        )
    bounds = _bounds(folder / "config.json")
    return Run(folder=folder, manifest=manifest, ledger=ledger, bounds=bounds)


def _dataset(folder: Path) -> ds.Dataset | None:
    files = sorted(str(file) for file in folder.glob("*.parquet"))
    return ds.dataset(files, format="parquet") if files else None


def _select(
    dataset: ds.Dataset, candidate_ids: Collection[str], columns: list[str] | None = None
) -> list[dict[str, object]]:
    wanted = ds.field("candidate_id").isin(pa.array(sorted(candidate_ids), pa.string()))
    rows: list[dict[str, object]] = dataset.to_table(columns=columns, filter=wanted).to_pylist()
    return rows


def _bounds(file: Path) -> dict[str, float]:
    """The numeric fields of the filter settings, as the run has resolved them."""
    try:
        fields = json.loads(file.read_bytes())["config"]["filter"]
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{file.resolve()} holds no filter settings: curate again") from error
    return {
        name: float(value)
        for name, value in fields.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
