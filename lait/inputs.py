"""May this run start? Its archives, its relevance model, its output folder."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from crawl.config import CrawlConfig
from crawl.sources import storage
from crawl.sources.saved import digest_saved, is_saved_folder
from crawl.sources.warc import check_archive
from filter.fetch import file_name
from filter.funnel import Funnel, FunnelRow
from filter.relevance import folder
from filter.scorer import load_scorer
from lait.config import NO_RELEVANCE, CurateConfig, digest
from shards.aside import publish_bytes
from shards.manifest import NAME, InputInfo, begin, read_manifest

CONFIG: Final = "config.json"
FUNNEL: Final = "funnel.json"
REPORT: Final = ".report.json"
"""What workers tell the driver; gone when the run is finished."""
PARTS: Final = ("shards", "ledger", "dead_letter", "thumbnails")
"""Folders of a run; an unfinished run's are made anew."""
_PIECE_BYTES: Final = 8 * 2**20
"""Of an archive, at a time: one request, where it is remote."""

Progress = Callable[[str, int], None]
"""Called with the name of a step and how much of it is done."""


def expanded(archives: Sequence[str]) -> list[str]:
    """Patterns like `s3://bucket/*.warc.gz` as what they match. Raises ValueError for no match."""
    try:
        return [path for pattern in archives for path in storage.expand(pattern)]
    except OSError as error:
        raise ValueError(str(error)) from error


def check_archives(
    archives: Sequence[str], progress: Progress, config: CrawlConfig
) -> tuple[InputInfo, ...]:
    """What the archives are, sorted by name. Raises ValueError for one that cannot be used.

    Each is read whole, a remote one over the network, for a manifest that names its inputs by their
    bytes is the same wherever they lie.
    """
    if not archives:
        raise ValueError("no archive was given; name WARC or ARC files, or a folder of pages")
    for archive in archives:
        if is_saved_folder(archive):
            continue
        try:
            check_archive(archive)
        except OSError as error:
            raise ValueError(str(error)) from error
    by_name = {file_name(archive.rstrip("/")): archive for archive in archives}
    if len(by_name) < len(archives):
        twice = sorted(set(archives) - set(by_name.values())) or sorted(archives)
        raise ValueError(
            f"two archives are named {file_name(twice[0])}: candidates are known by the name of "
            "their archive; give each once, and rename one if they differ"
        )
    found = []
    for name, archive in sorted(by_name.items()):
        try:
            found.append(_input_info(archive, name, config))
        except OSError as error:
            raise ValueError(str(error)) from error
        progress("archives checked", len(found))
    return tuple(found)


def _input_info(archive: str, name: str, config: CrawlConfig) -> InputInfo:
    if is_saved_folder(archive):
        n_bytes, digest_of_pages = digest_saved(
            archive, guess_urls=config.guess_urls, max_page_bytes=config.max_page_bytes
        )
        return InputInfo(name=name, n_bytes=n_bytes, sha256=digest_of_pages)
    sha256 = hashlib.sha256()
    n_bytes = 0
    with storage.open_binary(archive) as file:
        while piece := file.read(_PIECE_BYTES):
            sha256.update(piece)
            n_bytes += len(piece)
    return InputInfo(name=name, n_bytes=n_bytes, sha256=sha256.hexdigest())


def with_relevance(config: CurateConfig, relevance: Path | None) -> CurateConfig:
    """The settings, with the digest of the model. Raises ValueError when it cannot be used."""
    if relevance is None:
        return config.model_copy(update={"relevance_digest": NO_RELEVANCE})
    try:
        # Loaded whole, for a model that cannot be used must stop the run before it begins; the
        # local runner's workers in this process find it loaded.
        load_scorer(relevance.absolute())
        found = folder.digest(relevance)
    except (OSError, ValueError) as error:
        raise ValueError(f"--relevance {relevance} cannot be used: {error}") from error
    return config.model_copy(update={"relevance_digest": found})


def earlier_run(out: Path, config: CurateConfig, inputs: Sequence[InputInfo]) -> Funnel | None:
    """The funnel of a finished run in `out` that is this very run; None when it is to be made.

    Raises ValueError when `out` cannot be written, holds another finished run, or somebody's files.
    """
    _check_writable(out)
    if not out.exists():
        return None
    if (out / "shards" / NAME).is_file():
        manifest = read_manifest(out)
        if manifest.config_hash != digest(config):
            raise ValueError(
                f"--out {out} holds a finished run with other settings ({_difference(out, config)})"
                "; give another --out, or delete it"
            )
        if manifest.inputs != tuple(inputs):
            raise ValueError(
                f"--out {out} holds a finished run over other archives; give another --out, or "
                "delete it"
            )
        return read_funnel(out)
    foreign = [path.name for path in sorted(out.iterdir()) if not path.name.startswith(".")]
    if foreign and CONFIG not in foreign:
        raise ValueError(
            f"--out {out} is not empty and not a run of lait (it holds {foreign[0]}); give another "
            "--out"
        )
    return None


def start(out: Path, config: CurateConfig) -> None:
    """Makes `out` ready: an unfinished run's files go, the resolved settings are written."""
    begin(out / "shards")
    for part in PARTS:
        shutil.rmtree(out / part, ignore_errors=True)
        (out / part).mkdir()
    (out / FUNNEL).unlink(missing_ok=True)
    settings = {"config": config.model_dump(mode="json"), "config_hash": digest(config)}
    publish_bytes(out / CONFIG, json.dumps(settings, indent=1, sort_keys=True).encode() + b"\n")


def write_funnel(out: Path, funnel: Funnel) -> None:
    """Writes `funnel.json`."""
    publish_bytes(out / FUNNEL, json.dumps(asdict(funnel), indent=1).encode() + b"\n")


def read_funnel(out: Path) -> Funnel:
    """The funnel of a finished run."""
    content = json.loads((out / FUNNEL).read_bytes())
    rows = tuple(FunnelRow(**row) for row in content.pop("rows"))
    return Funnel(rows=rows, **content)


def _check_writable(out: Path) -> None:
    there = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not there.is_dir():
        raise ValueError(f"--out {out} cannot be written: {there} is not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(f"--out {out} cannot be written: no permission to write in {there}")


def _difference(out: Path, config: CurateConfig) -> str:
    """The first setting in which the run in `out` differs."""
    try:
        before = json.loads((out / CONFIG).read_bytes())["config"]
    except (OSError, ValueError, KeyError):
        return f"its {CONFIG} cannot be read"
    now = config.model_dump(mode="json")
    for group, value in now.items():
        if isinstance(value, dict):
            for name, inner in value.items():
                was = before.get(group, {}).get(name)
                if was != inner:
                    return f"{group}.{name} was {was}, is {inner}"
        elif before.get(group) != value:
            return f"{group} was {before.get(group)}, is {value}"
    return "it was made by another version"
