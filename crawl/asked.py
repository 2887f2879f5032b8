"""What became of one request of a crawl?"""

from dataclasses import asdict, dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import pyarrow as pa

from crawl.fetch.outcome import Kind, Status

Key: TypeAlias = tuple[str, str]
"""Kind and URL: what is asked for once."""
HAVE: Final = (Status.OK, Status.NOT_MODIFIED)
"""Statuses after which the body is kept, from this visit or an earlier one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One row of the request ledger: every request has one, whatever came of it."""

    url: str
    """As it was asked for, normalised."""
    kind: Kind
    page: str
    """The page it is needed for; of a page its own URL. Of several, the first by name."""
    host: str
    status: Status
    http_status: int
    """0 where no response came."""
    final_url: str
    """Where redirects led; '' where no response came."""
    n_bytes: int
    """Of the body that is kept, decoded; 0 when none is."""
    sha256: str
    """Of the same, hex; '' when none is."""
    fetched_at: str
    """ISO 8601, UTC; '' when the host was not asked."""
    n_attempts: int
    """0 when the host was not asked: robots.txt or the page forbade it."""
    opt_out: tuple[str, ...]
    """Signals of the response, or of the page that shows the image."""
    by_page: bool
    """The signals are those of the page: the host was spared the request."""
    retryable: bool
    """Another day may end otherwise."""
    etag: str
    last_modified: str
    """For a conditional request at the next visit."""
    detail: str
    visit: int
    """1 for the first crawl, 2 for the first refresh, and so on."""
    shard: str = ""
    """Stem of the raw shard that holds the row."""
    offset: int = -1
    """Of the response's record in the shard; -1 when there is none."""

    @property
    def key(self) -> Key:
        return self.kind, self.url

    @property
    def shard_number(self) -> int:
        """Place of the shard among those of its crawl."""
        return int(self.shard.rpartition("-")[2])


SCHEMA: Final = pa.schema(
    {
        "url": pa.string(),
        "kind": pa.string(),
        "page": pa.string(),
        "host": pa.string(),
        "status": pa.string(),
        "http_status": pa.int32(),
        "final_url": pa.string(),
        "n_bytes": pa.int64(),
        "sha256": pa.string(),
        "fetched_at": pa.string(),
        "n_attempts": pa.int32(),
        "opt_out": pa.list_(pa.string()),
        "by_page": pa.bool_(),
        "retryable": pa.bool_(),
        "etag": pa.string(),
        "last_modified": pa.string(),
        "detail": pa.string(),
        "visit": pa.int32(),
        "shard": pa.string(),
        "offset": pa.int64(),
    }
)
"""Of `raw/*.parquet`."""


def to_row(asked: Asked) -> dict[str, Any]:
    """As JSON and Parquet hold it."""
    return asdict(asked) | {"opt_out": list(asked.opt_out), "status": str(asked.status)}


def from_row(row: dict[str, Any]) -> Asked:
    """The inverse of `to_row`. Raises TypeError or ValueError for anything else."""
    values = row | {"opt_out": tuple(row["opt_out"]), "status": Status(row["status"])}
    return Asked(**values)


def host_of(url: str) -> str:
    """The host of a normalised URL, without port."""
    return urlsplit(url).hostname or ""
