"""May this crawl start or go on: its settings, its sources, its folder?"""

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crawl.config import CrawlConfig
from crawl.damage import Damage
from crawl.fetch.config import FetchConfig
from crawl.sources import storage
from crawl.sources.saved import digest_saved, is_saved_folder
from crawl.sources.urls import read_urls
from crawl.sources.warc import check_archive
from crawl.wishes import Images
from lait.config import overridden
from lait.known_bad import ListedBytes
from shards.aside import publish_bytes
from shards.manifest import config_hash

SETTINGS: Final = "crawl-settings.json"
MANIFEST: Final = "crawl.json"


class CrawlJobConfig(BaseModel):
    """Everything that decides what a crawl asks for, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fetch: FetchConfig = FetchConfig()
    crawl: CrawlConfig = CrawlConfig()
    images: Images = "main"
    """Of the images that a page shows, which to ask for: what it is about, all, or none."""
    known_bad: tuple[str, ...] = ()
    """Lists of images that are not even stored, by sha256: as `filter.known_bad`."""
    max_versions: int = Field(default=2, ge=1, le=20)
    """URLs of one picture that are tried, the next one when a better one is gone for good."""
    shard_bytes: int = Field(default=256 * 2**20, gt=0)
    """A raw shard that has so many is closed and another one begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the pages come from: lists of URLs to fetch, or archives that hold them."""

    lists: tuple[str, ...] = ()
    column: str = "url"
    archives: tuple[str, ...] = ()
    limit: int | None = None
    """At most so many pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surveyed:
    """What a source holds, found out before anything is asked for."""

    names: tuple[tuple[str, int], ...]
    """Name and bytes of every list or archive."""
    n_urls: int
    """Of the lists, repetitions included."""
    damage: tuple[Damage, ...]
    """Lines that name no page."""


def load(
    file: Path | None, overrides: Sequence[str], contact: str, images: str | None
) -> CrawlJobConfig:
    """The settings of a crawl; raises ValueError in one line for any that cannot be used."""
    config = overridden(CrawlJobConfig, file, overrides)
    try:
        if contact:
            fetch = FetchConfig.model_validate(config.fetch.model_dump() | {"contact": contact})
            config = config.model_copy(update={"fetch": fetch})
        if images is not None:
            config = CrawlJobConfig.model_validate(config.model_dump() | {"images": images})
    except ValidationError as error:
        first = error.errors()[0]
        given = f"--images {images}" if first["loc"] == ("images",) else f"--contact {contact}"
        raise ValueError(f"{given}: {first['msg']}") from error
    if not config.fetch.contact.strip():
        raise ValueError(
            "--contact is missing: name the mail address or page under which the webmasters of "
            "the hosts that you ask can reach you"
        )
    ListedBytes(sources=config.known_bad).check()
    return config


def survey(source: Source, config: CrawlConfig) -> Surveyed:
    """Looks at every list and archive. Raises ValueError or OSError for one that cannot be used."""
    if bool(source.lists) == bool(source.archives):
        raise ValueError("give either --pages with lists of URLs or --archives, one of the two")
    if source.limit is not None and source.limit < 1:
        raise ValueError(f"--limit {source.limit}: there must be at least one page")
    paths = source.lists or source.archives
    twice = [path for path in paths if paths.count(path) > 1]
    if twice:
        raise ValueError(f"{twice[0]} is given twice")
    for path in source.archives:
        if not is_saved_folder(path):
            check_archive(path)
    n_urls = 0
    damage: list[Damage] = []
    for path in source.lists:
        for item in read_urls(path, source.column):
            n_urls += isinstance(item, str)
            if isinstance(item, Damage):
                damage.append(item)
    if source.lists and not n_urls:
        told = f"; {damage[0].detail}" if damage else ""
        raise ValueError(f"{', '.join(source.lists)} holds no URL that could be asked for{told}")
    names = tuple((path.rstrip("/").rsplit("/", 1)[-1], _n_bytes(path, config)) for path in paths)
    return Surveyed(names=names, n_urls=n_urls, damage=tuple(damage))


def _n_bytes(path: str, config: CrawlConfig) -> int:
    """Of a list or archive that can be used."""
    if is_saved_folder(path):
        return digest_saved(
            path, guess_urls=config.guess_urls, max_page_bytes=config.max_page_bytes
        )[0]
    return storage.size(path)


def list_urls(source: Source) -> Iterator[str]:
    """The pages of all lists, the first `limit` of them."""
    left = source.limit
    for path in source.lists:
        for item in read_urls(path, source.column):
            if left == 0:
                return
            if isinstance(item, str):
                yield item
                left = None if left is None else left - 1


@contextmanager
def claimed(out: Path, config: CrawlJobConfig, *, refresh: bool) -> Iterator[int]:
    """Makes `out` the folder of this crawl, or takes it up again; nobody else can meanwhile.

    Args:
        refresh: Begin another visit, if the last one is finished.

    Yields:
        The number of the visit.

    Raises:
        ValueError: `out` is somebody else's, a crawl with other settings, or in use.
    """
    visit = check_folder(out, config)
    (out / "raw").mkdir(parents=True, exist_ok=True)
    with (out / "raw" / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(f"--out {out}: another `lait crawl` is at work there") from error
        if refresh and finished_visit(out) == visit:
            visit += 1
        _write_settings(out, config, visit)
        yield visit


def check_folder(out: Path, config: CrawlJobConfig) -> int:
    """The visit that is or was under way in `out`; raises ValueError as `claimed`."""
    before = read_settings(out)
    if before is not None:
        _check_same(out, before["config"], config)
        return int(before["visit"])
    there = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not there.is_dir():
        raise ValueError(f"--out {out} cannot be written: {there} is not a folder")
    foreign = sorted(path.name for path in out.iterdir()) if out.is_dir() else []
    if foreign:
        raise ValueError(
            f"--out {out} is not empty and no crawl (it holds {foreign[0]}); give another --out"
        )
    return 1


def read_settings(out: Path) -> dict[str, Any] | None:
    """What an earlier run was told; None when there was none."""
    try:
        found: dict[str, Any] = json.loads((out / SETTINGS).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise ValueError(f"--out {out}: its {SETTINGS} cannot be read: {error}") from error
    return found


def read_manifest(out: Path) -> dict[str, Any] | None:
    """The manifest of a finished crawl, or None."""
    try:
        found: dict[str, Any] = json.loads((out / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    return found


def finished_visit(out: Path) -> int:
    """The visit that the manifest tells of; 0 without one."""
    manifest = read_manifest(out)
    return 0 if manifest is None else int(manifest["visit"])


def _write_settings(out: Path, config: CrawlJobConfig, visit: int) -> None:
    settings = {
        "config": config.model_dump(mode="json"),
        "config_hash": config_hash(config),
        "visit": visit,
    }
    publish_bytes(out / SETTINGS, json.dumps(settings, indent=1, sort_keys=True).encode() + b"\n")


def _check_same(out: Path, before: dict[str, Any], config: CrawlJobConfig) -> None:
    was, now = (dict(_flat(one)) for one in (before, config.model_dump(mode="json")))
    for name, value in now.items():
        if was.get(name) != value:
            raise ValueError(
                f"--out {out} holds a crawl with other settings ({name} was {was.get(name)}, is "
                f"{value}); give another --out, or the same settings to go on"
            )


def _flat(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
