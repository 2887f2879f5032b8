"""Are the shards the same wherever the archives lie, and however they are cut?"""

import gzip
from pathlib import Path

import pytest

from lait.inputs import read_funnel
from shards.manifest import read_manifest
from tests.crawl.sources.server import serving
from tests.lait.test_curate import SETTINGS, bytes_of, cases, record, run


@pytest.fixture
def archives(tmp_path: Path) -> list[Path]:
    """One of plain records, one of gzip members; pages and their images in different ones."""
    records: tuple[list[bytes], list[bytes]] = ([], [])
    for number, (name, html, kind, body) in enumerate(cases()):
        url = f"https://site{number % 3}.example/{name}"
        records[number % 2].append(record(2 * number, f"{url}.html", "text/html", html))
        if body is not None:
            there = (number + 1) % 2
            records[there].append(record(2 * number + 1, f"{url}.jpg", kind, body))
    paths = [tmp_path / "a.warc", tmp_path / "b.warc.gz"]
    paths[0].write_bytes(b"".join(records[0]))
    paths[1].write_bytes(b"".join(gzip.compress(each, mtime=0) for each in records[1]))
    return paths


def test_remote_archives_in_parts_give_the_same_shards(
    archives: list[Path], tmp_path: Path
) -> None:
    near, far = tmp_path / "near", tmp_path / "far"
    run([str(path) for path in archives], near)
    settings = [*SETTINGS, "crawl.part_bytes=5000"]
    with serving(tmp_path) as server:
        run([f"{server.base}/{path.name}" for path in archives], far, settings=settings)
    assert all(path.stat().st_size > 3 * 5_000 for path in archives)
    assert read_funnel(far) == read_funnel(near)
    assert read_funnel(far).kept >= 10
    assert read_manifest(far).inputs == read_manifest(near).inputs
    assert read_manifest(far).shards == read_manifest(near).shards
    shards = {name: sha for name, sha in bytes_of(near).items() if name.endswith(".tar")}
    assert shards.items() <= bytes_of(far).items()
    assert len(shards) >= 3
