"""Of which shards, drops, inputs and sources does a manifest tell?"""

from dataclasses import dataclass

from shards.aside import FileInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardInfo:
    """One archive of the set and the files that share its stem."""

    name: str
    """Of the archive: `00000.tar`."""
    n_samples: int
    n_bytes: int
    sha256: str
    first_key: str
    """Keys rise strictly inside a shard and from shard to shard; empty when the shard is empty."""
    last_key: str
    companions: tuple[FileInfo, ...] = ()
    """The same-stem `.parquet` and `_stats.json`."""

    @property
    def stem(self) -> str:
        return self.name.removesuffix(".tar")


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelRow:
    """How many candidates one reason dropped."""

    stage: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InputInfo:
    """A file that the set was made from."""

    name: str
    n_bytes: int
    sha256: str | None = None
    """None where hashing the input was not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionsInfo:
    """What made a set of region features, and for which samples."""

    detector: str
    feature_dim: int
    class_names: tuple[str, ...]
    source_digest: str
    """`Manifest.digest` of the sample set whose keys the regions carry."""
    attribute_names: tuple[str, ...] = ()
    """What the columns of the attributes mean; empty where the detector knows none."""
    settings: tuple[tuple[str, str], ...] = ()
    """Name and value of all that the detector was told; its files are the set's `inputs`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """A shard set that another one was made from."""

    digest: str
    config_hash: str
    code_version: str
    n_samples: int
    tombstone_version: int
