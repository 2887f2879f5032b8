"""What is in a finished shard set, and how does anyone know that it is finished?"""

import hashlib
import json
import logging
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, TypeAdapter, ValidationError

from shards.aside import FileInfo, publish_bytes, sweep
from shards.facts import FunnelRow, InputInfo, RegionsInfo, ShardInfo, SourceInfo

__all__ = [
    "NAME",
    "SCHEMA_VERSION",
    "SHARD_FILE",
    "WAITING",
    "FunnelRow",
    "InputInfo",
    "Manifest",
    "RegionsInfo",
    "ShardInfo",
    "SourceInfo",
    "begin",
    "code_version",
    "config_hash",
    "current",
    "listed_files",
    "read_manifest",
    "shard_folder",
    "shard_stem",
    "write_manifest",
]

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 1
NAME = "manifest.json"
WAITING = ".takedown-"
"""Start of the name of a folder with the files of a takedown that is not finished."""
SHARD_FILE = re.compile(r"\d{5,}(\.tar|\.parquet|_stats\.json)|\.\d{5,}[._].*\.tmp")
"""Files that a shard writer makes; nothing else in a folder is ever touched."""


@dataclass(frozen=True, kw_only=True)  # not slotted: the digest is cached
class Manifest:
    """A finished shard set."""

    kind: Literal["samples", "regions"] = "samples"
    config_hash: str
    code_version: str
    shards: tuple[ShardInfo, ...]
    seen: int
    """Candidates that entered. `seen == kept + sum of the funnel's counts`, always."""
    kept: int
    funnel: tuple[FunnelRow, ...] = ()
    inputs: tuple[InputInfo, ...] = ()
    regions: RegionsInfo | None = None
    sources: tuple[SourceInfo, ...] = ()
    """Sets it was merged, drawn or cut anew from, in order of their digests."""
    tombstone_version: int = 0
    """Rises with every takedown."""
    schema_version: int = field(default=SCHEMA_VERSION)

    @property
    def n_samples(self) -> int:
        return sum(shard.n_samples for shard in self.shards)

    @cached_property
    def digest(self) -> str:
        """sha256 of what a reader sees: kind, archives in order, regions, tombstone version.

        Config hash, code version and input names stay out, so that the same data made on another
        machine keeps its sample order and accepts the other's loader positions.
        """
        data = {
            "kind": self.kind,
            "shards": [(shard.n_samples, shard.sha256) for shard in self.shards],
            "regions": asdict(self.regions) if self.regions else None,
            "tombstone_version": self.tombstone_version,
        }
        return hashlib.sha256(_canonical(data)).hexdigest()


_MANIFEST = TypeAdapter(Manifest)


def code_version() -> str:
    """The installed version of lait, as manifests record it."""
    return version("lait")


def config_hash(config: BaseModel) -> str:
    """sha256 of a resolved configuration, as manifests record it."""
    return hashlib.sha256(_canonical(config.model_dump(mode="json"))).hexdigest()


def shard_stem(index: int) -> str:
    """`00000`, `00001`, ...: the name that an archive and its companions share."""
    return f"{index:05d}"


def shard_folder(path: Path) -> Path:
    """The folder that holds `manifest.json`: `path` itself, or `path/shards` of a curation run.

    Raises ValueError when neither does: a set without its manifest is not finished.
    """
    if str(path).startswith("pipe:"):
        raise ValueError(f"{path}: pipe: URLs run programs and are never opened; give a folder")
    for folder in (path, path / "shards"):
        if (folder / NAME).is_file():
            return folder
    raise ValueError(
        f"{path} has no {NAME}: not a finished shard set; finish it by running the same command "
        f"again, or give --stage/SHARDS the folder that holds {NAME}"
    )


def read_manifest(path: Path) -> Manifest:
    """The manifest of OUT or OUT/shards. Raises ValueError when there is none, or a wrong one."""
    file = shard_folder(path) / NAME
    try:
        data = json.loads(file.read_bytes())
        schema = data["schema_version"]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{file} is not a manifest of lait: {error!r}") from error
    if schema != SCHEMA_VERSION:
        raise ValueError(
            f"{file} has schema version {schema}, this lait reads {SCHEMA_VERSION}: "
            "read it with the lait that wrote it, or make the set again"
        )
    try:
        manifest = _MANIFEST.validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{file} is not a manifest of lait: {place}: {first['msg']}") from error
    _check(manifest, str(file))
    return manifest


def begin(folder: Path) -> None:
    """Makes `folder` ready for a run: removes an earlier manifest, for it would soon be a lie, and
    what a killed run left aside."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NAME).unlink(missing_ok=True)
    sweep(folder)
    for waiting in folder.glob(f"{WAITING}*"):
        shutil.rmtree(waiting)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """The last act of a run: checks, sweeps and writes `folder/manifest.json` whole or not at all.

    Files of shards that the manifest does not list (left by killed or differently configured runs)
    are removed. Raises ValueError when the sums do not add up or a listed file is missing or has
    another size.
    """
    _check(manifest, str(folder / NAME))
    listed = {file.name: file.n_bytes for file in listed_files(manifest.shards)}
    for name, n_bytes in listed.items():
        path = current(folder, manifest, name)
        if not path.is_file() or path.stat().st_size != n_bytes:
            raise ValueError(f"{path} is not there with its {n_bytes} bytes: run the command again")
    for path in sorted(folder.iterdir()):
        if path.name not in listed and SHARD_FILE.fullmatch(path.name):
            logger.info("removing %s, left by an earlier run", path)
            path.unlink(missing_ok=True)
    publish_bytes(folder / NAME, json.dumps(asdict(manifest), indent=1).encode() + b"\n")


def current(folder: Path, manifest: Manifest, name: str) -> Path:
    """Where a file of the set lies: under its name, but for a moment of a takedown.

    A takedown puts its files into a folder of its own, and the manifest that lists them in the
    place of the old one; then they move to their names. Whenever that is interrupted, one whole set
    can be read: the old one before, the new one after.
    """
    if manifest.tombstone_version:
        path = folder / f"{WAITING}{manifest.tombstone_version}" / name
        if path.is_file():
            return path
    return folder / name


def listed_files(shards: Sequence[ShardInfo]) -> list[FileInfo]:
    """Every file the shards consist of, each archive before its companions."""
    return [
        file
        for shard in shards
        for file in (
            FileInfo(name=shard.name, n_bytes=shard.n_bytes, sha256=shard.sha256),
            *shard.companions,
        )
    ]


def _check(manifest: Manifest, where: str) -> None:
    dropped = sum(row.count for row in manifest.funnel)
    if manifest.kept + dropped != manifest.seen:
        raise ValueError(
            f"{where}: kept {manifest.kept} + dropped {dropped} is not seen {manifest.seen}"
        )
    # A takedown leaves the funnel of the run as it was and takes samples away.
    if manifest.n_samples > manifest.kept or (
        manifest.tombstone_version == 0 and manifest.n_samples != manifest.kept
    ):
        raise ValueError(f"{where}: kept {manifest.kept}, but {manifest.n_samples} lie in shards")
    for file in listed_files(manifest.shards):
        if not re.fullmatch(r"[A-Za-z0-9_-]+\.(tar|parquet|json)", file.name):
            raise ValueError(f"{where}: shard file name {file.name!r} is not a plain name")
    keys = [key for s in manifest.shards if s.n_samples for key in (s.first_key, s.last_key)]
    if keys != sorted(keys):
        raise ValueError(f"{where}: the keys of its shards do not rise")


def _canonical(data: object) -> bytes:
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()
