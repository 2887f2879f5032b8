"""Does a crawl's folder forget what was taken down, and keep all the rest as it was?"""

import gzip
import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from crawl.raw import entries
from filter.tombstones import Tombstone, Tombstones, url_hash
from shards.purge import purge
from shards.purge_raw import purge_raw
from shards.takedown import Asked
from tests.lait.test_crawl import finished as finished

WHY = {"reason": "asked for", "date": "2026-01-31"}


@pytest.fixture
def crawl(finished, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished.out, tmp_path / "crawl"))


def rows(crawl: Path) -> dict[str, dict]:
    tables = [pq.read_table(path) for path in sorted((crawl / "raw").glob("*.parquet"))]
    return {row["url"]: row for table in tables for row in table.to_pylist()}


def said(crawl: Path) -> bytes:
    archives = sorted((crawl / "raw").glob("*.warc.gz"))
    return b"".join(gzip.decompress(path.read_bytes()) for path in archives)


def an_image(crawl: Path) -> dict:
    return next(row for row in rows(crawl).values() if row["kind"] == "image" and row["sha256"])


@pytest.mark.parametrize("kind", ["url", "sha256", "addresses"])
def test_nothing_is_left_of_an_image_and_its_page(crawl: Path, kind: str) -> None:
    before, gone = rows(crawl), an_image(crawl)
    value = url_hash(gone["url"]) if kind == "url" else gone["sha256"]
    named = [] if kind == "addresses" else [Tombstone(kind=kind, value=value, **WHY)]
    addresses = frozenset([gone["page"], gone["url"]] if kind == "addresses" else [gone["page"]])
    went = {
        url for url, row in before.items()
        if {row["url"], row["page"], row["final_url"]} & {gone["page"], gone["url"]}
        or (kind == "sha256" and row["sha256"] == gone["sha256"])
    }  # fmt: skip
    assert purge_raw(crawl, Tombstones(named), addresses, dry_run=True) == len(went)
    assert rows(crawl) == before
    assert purge_raw(crawl, Tombstones(named), addresses, dry_run=False) == len(went)
    after = rows(crawl)
    assert after.keys() == before.keys() - went
    places = {"offset", "shard"}
    for url, row in after.items():
        assert {k: v for k, v in row.items() if k not in places} == {
            k: v for k, v in before[url].items() if k not in places
        }
    for word in (gone["url"], gone["page"], gone["sha256"]):
        assert word.encode() not in said(crawl)
    assert purge_raw(crawl, Tombstones(named), addresses, dry_run=False) == 0
    told = json.loads((crawl / "crawl.json").read_bytes())
    assert told["taken_down"] == len(went)
    for shard in told["shards"]:
        for part in ("warc", "table"):
            data = (crawl / "raw" / shard[part]["name"]).read_bytes()
            assert shard[part]["sha256"] == hashlib.sha256(data).hexdigest()


def test_a_takedown_reaches_the_crawl_of_the_set(
    crawl: Path, tmp_path: Path, make_samples, make_set
) -> None:
    """Asked for by key, the sample knows its addresses, and the crawl forgets both."""
    gone = an_image(crawl)
    samples = make_samples(4)
    record = json.loads(samples[0].record)
    record |= {"image_url": gone["url"], "page_url": gone["page"]}
    samples[0] = replace(samples[0], record=json.dumps(record))
    make_set(tmp_path / "set", samples)
    asked = [Asked(kind="key", value=samples[0].key)]
    found = purge(tmp_path / "set", asked, **WHY, crawls=[crawl])
    assert found.raw[0][0] == crawl
    assert found.raw[0][1] >= 2
    assert gone["page"].encode() not in said(crawl)


def test_a_lost_table_is_made_again(crawl: Path) -> None:
    """A kill between the two files leaves an archive without its table."""
    before = rows(crawl)
    table = next((crawl / "raw").glob("*.parquet"))
    table.unlink()
    assert purge_raw(crawl, Tombstones([]), frozenset(), dry_run=False) == 0
    assert rows(crawl) == before


def test_archives_of_others_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no archives of `lait crawl`"):
        purge_raw(tmp_path, Tombstones([]), frozenset(), dry_run=False)
    (tmp_path / "a.warc.gz").write_bytes(gzip.compress(b"WARC/1.0\r\n\r\n"))
    with pytest.raises(ValueError, match="take it away by hand"):
        purge_raw(tmp_path, Tombstones([]), frozenset(), dry_run=False)
    assert list(entries(tmp_path / "a.warc.gz")) == []
