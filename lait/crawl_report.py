"""What does the ledger of a crawl say, and when is the crawl finished?"""

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from crawl.asked import HAVE
from lait.crawl_settings import MANIFEST, CrawlJobConfig, Source, Surveyed, read_manifest
from lait.raw_folder import infos, latest, n_body_bytes
from shards.aside import publish_bytes
from shards.manifest import code_version, config_hash

SCHEMA_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawled:
    """What the ledger says. A request counts once, by its last outcome."""

    statuses: tuple[tuple[str, str, int], ...]
    """(kind, status, requests), sorted."""
    hosts: tuple[tuple[str, int, int], ...]
    """(host, requests, those with a body), most requests first."""
    n_asked: int
    """Rows that this run added."""
    n_requests: int
    n_bytes: int
    """Of all bodies, decoded."""
    n_bad_lines: int


def count(raw: Path, n_asked: int, n_bad_lines: int) -> Crawled:
    """Add up the ledger in `raw`.

    Raises RuntimeError when the statuses do not add up to the requests.
    """
    table = latest(raw, ["kind", "status", "host"])
    kinds, statuses, hosts = (table[name].to_pylist() for name in ("kind", "status", "host"))
    by_status = Counter(zip(kinds, statuses, strict=True))
    asked = Counter(hosts)
    good = Counter(host for host, status in zip(hosts, statuses, strict=True) if status in HAVE)
    if by_status.total() != len(table):
        raise RuntimeError(f"{by_status.total()} statuses of {len(table)} requests")
    return Crawled(
        statuses=tuple((*key, n) for key, n in sorted(by_status.items())),
        hosts=tuple(
            (host, n, good[host])
            for host, n in sorted(asked.items(), key=lambda one: (-one[1], one[0]))
        ),
        n_asked=n_asked,
        n_requests=len(table),
        n_bytes=n_body_bytes(raw),
        n_bad_lines=n_bad_lines,
    )


def write_manifest(
    out: Path,
    crawled: Crawled,
    config: CrawlJobConfig,
    visit: int,
    inputs: dict[str, Any],
) -> None:
    """Write `crawl.json`: the crawl is finished."""
    statuses: dict[str, dict[str, int]] = {}
    for kind, status, n in crawled.statuses:
        statuses.setdefault(kind, {})[status] = n
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "visit": visit,
        "config": config.model_dump(mode="json"),
        "config_hash": config_hash(config),
        "code_version": code_version(),
        "inputs": inputs,
        "bad_lines": crawled.n_bad_lines,
        "requests": crawled.n_requests,
        "statuses": statuses,
        "bytes": crawled.n_bytes,
        "shards": [asdict(shard) for shard in infos(out / "raw")],
    }
    publish_bytes(out / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True).encode() + b"\n")


def inputs_of(source: Source, found: Surveyed) -> dict[str, Any]:
    """What a manifest says of the source."""
    files = [{"name": name, "n_bytes": n_bytes} for name, n_bytes in found.names]
    return {"files": files, "limit": source.limit}


def is_of(out: Path, visit: int, inputs: dict[str, Any]) -> bool:
    """Whether `out` is finished, and a crawl of this very source."""
    manifest = read_manifest(out)
    return manifest is not None and (manifest["visit"], manifest["inputs"]) == (visit, inputs)
