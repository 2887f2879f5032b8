"""Are picked records fetched once, kept as they are, and never asked for again?"""

import gzip
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result
from warcio.archiveiterator import ArchiveIterator

from crawl.page import Page
from crawl.sources import storage
from crawl.sources.ranges import Asking
from crawl.sources.warc import read_archive
from lait.commands.commoncrawl import app
from lait.commoncrawl import Fetched, fetch
from lait.range_shard import SCHEMA, Row, read_rows
from tests.crawl.small_crawl import CRAWL, Asked, build, picks_json, serve
from tests.crawl.small_crawl import Row as Indexed
from tests.crawl.sources.test_wat import GOOD, record

EXACT = Asking(max_gap_bytes=0)
SHARD = 25


@pytest.fixture(scope="module")
def crawl_folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Indexed]]:
    root = tmp_path_factory.mktemp("common-crawl")
    return root, build(root)


@pytest.fixture
def rows(crawl_folder: tuple[Path, list[Indexed]]) -> list[Indexed]:
    return crawl_folder[1]


@pytest.fixture
def asked(
    crawl_folder: tuple[Path, list[Indexed]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Asked]:
    monkeypatch.setattr(storage, "_WAIT_S", 0.001)
    with serve(crawl_folder[0]) as server:
        yield server


@pytest.fixture
def picks(tmp_path: Path, rows: list[Indexed]) -> Path:
    path = tmp_path / "picks.jsonl"
    path.write_text(picks_json(rows))
    return path


def run(picks: Path, out: Path, asked: Asked, **more: bool) -> Fetched:
    return fetch(picks, out, base=asked.base, shard_records=SHARD, asking=EXACT, **more)


def tree(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


def table(out: Path) -> list[Row]:
    return [row for path in sorted((out / "raw").glob("*.parquet")) for row in read_rows(path)]


def test_records_are_kept_as_they_are(
    asked: Asked, picks: Path, tmp_path: Path, rows: list[Indexed],
    crawl_folder: tuple[Path, list[Indexed]],
) -> None:  # fmt: skip
    out = tmp_path / "out"
    done = run(picks, out, asked)
    assert done.statuses == (("ok", 60),)
    assert (done.n_asked, done.n_shards) == (60, 3)
    assert done.n_bytes == sum(row.length for row in rows) == asked.n_bytes()
    assert sorted(tree(out)) == ["commoncrawl.json"] + [
        f"raw/{n:05d}.{end}" for n in range(3) for end in ("parquet", "warc.gz")
    ]
    found = table(out)
    assert [(r.source_file, r.source_offset) for r in found] == [(r.file, r.offset) for r in rows]
    for n, row in enumerate(found):
        shard = (out / f"raw/{n // SHARD:05d}.warc.gz").read_bytes()
        source = (crawl_folder[0] / row.source_file).read_bytes()
        kept = shard[row.offset : row.offset + row.length]
        assert kept == source[row.source_offset : row.source_offset + row.source_length]
    assert pq.read_schema(out / "raw/00000.parquet").equals(SCHEMA)


def test_shards_are_archives_for_everybody(
    asked: Asked, picks: Path, tmp_path: Path, rows: list[Indexed]
) -> None:
    out = tmp_path / "out"
    run(picks, out, asked)
    urls, pages = [], []
    for path in sorted((out / "raw").glob("*.warc.gz")):
        with path.open("rb") as file:
            urls += [r.rec_headers.get_header("WARC-Target-URI") for r in ArchiveIterator(file)]
        pages += list(read_archive(str(path), max_page_bytes=10**6, max_image_bytes=10**6))
    assert urls == [row.url for row in rows]
    assert [page.url for page in pages if isinstance(page, Page)] == urls
    assert [page.offset for page in pages if isinstance(page, Page)] == [
        row.offset for row in table(out)
    ]


def test_nothing_is_asked_for_twice(asked: Asked, picks: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(picks, out, asked)
    before = tree(out)
    asked.ranges.clear()
    again = run(picks, out, asked)
    assert not asked.ranges
    assert (again.n_asked, again.statuses) == (0, (("ok", 60),))
    assert tree(out) == before


def test_what_cannot_be_had_has_a_row(asked: Asked, tmp_path: Path, rows: list[Indexed]) -> None:
    lines = [json.loads(line) for line in picks_json(rows[:30]).splitlines()]
    lines[3]["length"] -= 5
    lines[7]["url"] = "https://elsewhere.org/"
    lines[29]["file"] = "gone.warc.gz"
    picks = tmp_path / "p.jsonl"
    picks.write_text("".join(json.dumps(line) + "\n" for line in [*lines, lines[0]]))
    out = tmp_path / "out"
    done = fetch(picks, out, base=asked.base, shard_records=100, asking=EXACT)
    assert dict(done.statuses) == {"ok": 27, "bad_gzip": 1, "other_record": 1, "not_found": 1}
    lost = [row for row in table(out) if row.status != "ok"]
    assert {(row.offset, row.length) for row in lost} == {(-1, 0)}
    assert all(row.detail for row in lost)
    (shard,) = (out / "raw").glob("*.warc.gz")
    assert len(list(read_archive(str(shard), max_page_bytes=10**6, max_image_bytes=1))) == 27


def test_a_shard_of_failures_is_no_archive(
    asked: Asked, picks: Path, tmp_path: Path, rows: list[Indexed]
) -> None:
    for row in rows:
        asked.fail["/" + row.file] = 10**6
    out = tmp_path / "out"
    assert run(picks, out, asked).statuses == (("unreachable", 60),)
    assert not list((out / "raw").glob("*.warc.gz"))
    assert len(list((out / "raw").glob("*.parquet"))) == 3
    asked.ranges.clear()
    assert run(picks, out, asked).n_asked == 0
    assert not asked.ranges


def test_only_what_failed_is_tried_again(
    asked: Asked, picks: Path, tmp_path: Path, rows: list[Indexed]
) -> None:
    out = tmp_path / "out"
    bad = "/" + rows[25].file
    asked.fail[bad] = 10**6
    assert dict(run(picks, out, asked).statuses) == {"ok": 40, "unreachable": 20}
    asked.fail.clear()
    asked.ranges.clear()
    done = run(picks, out, asked, retry_failed=True)
    assert (done.statuses, done.n_asked) == ((("ok", 60),), 20)
    assert {path for path, _, _ in asked.ranges} == {bad}
    assert asked.n_bytes() == sum(row.length for row in rows if "/" + row.file == bad)
    read_back(out, rows)
    assert run(picks, out, asked, retry_failed=True).n_asked == 0


def read_back(out: Path, rows: list[Indexed]) -> None:
    """Every record is there once, where its row says, and nothing is left lying about."""
    found = table(out)
    assert sorted(row.source_offset for row in found) == sorted(row.offset for row in rows)
    for path in (out / "raw").glob("*.parquet"):
        warc = path.with_suffix(".warc.gz").read_bytes()
        end = 0
        for row in read_rows(path):
            member = gzip.decompress(warc[row.offset : row.offset + row.length])
            assert f"WARC-Target-URI: {row.url}\r\n".encode() in member
            assert row.offset == end
            end += row.length
        assert end == len(warc)
    assert not [path for path in (out / "raw").iterdir() if path.name.startswith(".")]


KILLED = """
import sys
from pathlib import Path
from crawl.sources.ranges import Asking
from lait.commands.commoncrawl import app
from lait.commoncrawl import fetch
fetch(Path(sys.argv[1]), Path(sys.argv[2]), base=sys.argv[3], shard_records=25, connections=2,
      asking=Asking(max_gap_bytes=0))
"""


def test_a_kill_loses_nothing_that_came(
    asked: Asked, picks: Path, tmp_path: Path, rows: list[Indexed]
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    run(picks, whole, asked)
    asked.ranges.clear()
    asked.delay_s = 0.01
    n_kills = 0
    for _ in range(20):
        before = len(asked.ranges)
        process = subprocess.Popen([sys.executable, "-c", KILLED, picks, out, asked.base])
        deadline = time.monotonic() + 60
        while len(asked.ranges) < before + 18 and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        process.kill()
        if process.wait() == 0:
            break
        n_kills += 1
        # Under its name a shard is whole or not there.
        assert not [p for p in (out / "raw").glob("*.warc.gz") if not readable(p)]
    asked.delay_s = 0
    run(picks, out, asked)
    read_back(out, rows)
    assert tree(out) == tree(whole)
    # What was under way when a kill came is all that may be asked for again: 4 at most.
    assert n_kills >= 2
    assert len(asked.ranges) <= len(rows) + 4 * n_kills
    assert {start for _, start, _ in asked.ranges} == {row.offset for row in rows}


def readable(path: Path) -> bool:
    items = list(read_archive(str(path), max_page_bytes=10**6, max_image_bytes=1))
    return len(items) == SHARD or path.name == "00002.warc.gz"


@pytest.mark.parametrize("hurt", ["torn row", "no bytes", "hole", "more bytes", "no part"])
def test_what_a_crash_left_is_looked_at(
    asked: Asked, picks: Path, tmp_path: Path, rows: list[Indexed], hurt: str
) -> None:
    out = tmp_path / "out"
    asked.fail["/" + rows[0].file] = 0
    with pytest.raises(KeyboardInterrupt):
        fetch(picks, out, base=asked.base, shard_records=60, connections=1, asking=EXACT,
              progress=stop_at(30))  # fmt: skip
    part, journal = out / "raw/.00000.part", out / "raw/.00000.rows"
    data = part.read_bytes()
    assert len(journal.read_text().splitlines()) == 30
    if hurt == "torn row":
        journal.write_bytes(journal.read_bytes()[:-9])
    elif hurt == "no bytes":
        part.write_bytes(data[:-9])
    elif hurt == "hole":
        part.write_bytes(data[:2000] + bytes(3000) + data[5000:])
    elif hurt == "more bytes":
        part.write_bytes(data + b"half a member")
    else:
        part.unlink()
    asked.ranges.clear()
    fetch(picks, out, base=asked.base, shard_records=60, asking=EXACT)
    read_back(out, rows)
    n_kept = {"torn row": 29, "no bytes": 29, "more bytes": 30, "no part": 0}.get(hurt)
    if n_kept is None:
        n_kept = sum(
            1 for row in rows[:30] if sum(r.length for r in rows[: rows.index(row) + 1]) <= 2000
        )
        assert n_kept > 1
    assert len(asked.ranges) == 60 - n_kept


def stop_at(n: int):  # type: ignore[no-untyped-def]
    def progress(done: int, _total: int, _note: str) -> None:
        if done == n:
            raise KeyboardInterrupt

    return progress


def test_another_list_is_refused(asked: Asked, picks: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(picks, out, asked)
    with pytest.raises(ValueError, match="another shard_records"):
        fetch(picks, out, base=asked.base, shard_records=7)
    picks.write_text(picks.read_text() + picks.read_text().splitlines()[0] + "\n")
    with pytest.raises(ValueError, match="another picks_sha256"):
        run(picks, out, asked)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").write_text("x")
    with pytest.raises(ValueError, match="is not empty and not a run"):
        run(picks, tmp_path / "mine", asked)


def test_a_list_without_picks(asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text("")
    with pytest.raises(ValueError, match="holds no picks"):
        run(tmp_path / "p.jsonl", tmp_path / "out", asked)
    assert not (tmp_path / "out").exists()


def test_a_server_without_ranges_is_told_at_once(asked: Asked, picks: Path, tmp_path: Path) -> None:
    asked.ignore_ranges = True
    with pytest.raises(ValueError, match="ignores ranges"):
        run(picks, tmp_path / "out", asked)
    asked.ignore_ranges = False
    assert run(picks, tmp_path / "out", asked).statuses == (("ok", 60),)


def lait(*arguments: object) -> Result:
    """The command in this process, so that a test takes no seconds to begin."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_from_the_command_line(asked: Asked, tmp_path: Path) -> None:
    base = ("--base", asked.base)
    listed = lait("paths", CRAWL, "--share", "0.4", *base)
    assert listed.exit_code == 0, listed.output
    assert 0 < len(listed.stdout.splitlines()) < 3
    assert all(line.startswith(asked.base + "/crawl-data") for line in listed.stdout.splitlines())
    picks = tmp_path / "p.parquet"
    picked = lait("pick", CRAWL, "--language", "en", "--tld", "org", "--mime", "text/html",
                  "--limit", "10", "--out", picks, *base)  # fmt: skip
    assert picked.exit_code == 0, picked.output
    fetched = lait("fetch", picks, "--out", tmp_path / "out", *base)
    assert fetched.exit_code == 0, fetched.output
    warc = tmp_path / "out/raw/00000.warc.gz"
    assert len(list(read_archive(str(warc), max_page_bytes=10**6, max_image_bytes=1))) == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("paths", "2024-51"), "one looks like CC-MAIN-2024-51"),
        (("paths", CRAWL, "--kind", "wet"), "--kind wet"),
        (("paths", CRAWL, "--base", "/nowhere"), "does not exist"),
        (("pick", CRAWL, "--language", "xx", "--out", "/nowhere/p"), "--language 'xx'"),
        (("fetch", "/nowhere/p.parquet", "--out", "/nowhere/out"), "lait commoncrawl pick"),
    ],
)
def test_what_cannot_be_used_is_one_line(arguments: tuple[str, ...], message: str) -> None:
    done = lait(*arguments)
    assert isinstance(done.exception, ValueError | OSError)
    assert message in str(done.exception)
    assert "\n" not in str(done.exception)
    assert not done.stdout


def test_images_of_wat_files(tmp_path: Path) -> None:
    wat = tmp_path / "a.wat.gz"
    wat.write_bytes(GOOD + record(b"{") + GOOD)
    out = tmp_path / "c.jsonl"
    done = lait("wat", wat, "--out", out)
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(lines) == 6
    assert lines[0]["image_url"] == "https://cdn.example.org/story/a.jpg"
    assert lines[3]["page_offset"] == len(GOOD + record(b"{"))
    assert isinstance(lait("wat", wat, tmp_path / "no", "--out", out).exception, FileNotFoundError)
    assert len(out.read_text().splitlines()) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wat.gz", "c.jsonl"]


@pytest.mark.parametrize("command", ["paths", "pick", "fetch", "wat"])
def test_help_has_examples(command: str) -> None:
    done = lait(command, "--help")
    assert done.exit_code == 0
    assert f"lait commoncrawl {command} " in done.stdout
