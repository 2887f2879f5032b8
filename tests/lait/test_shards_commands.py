"""Do the commands on finished shard sets do to a real run what they say, and refuse in one line?"""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from filter.known import read_known
from lait.commands import shards
from lait.config import load_config
from lait.curate import curate
from lait.replay import replay
from review.load import open_run
from shards.manifest import read_manifest
from shards.read import ShardReader
from shards.verify import verify


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    made = typer.Typer()
    shards.register(made)
    return made


def call(app: typer.Typer, *arguments: object):
    return CliRunner().invoke(app, ["shards", *map(str, arguments)], env={"COLUMNS": "300"})


@pytest.fixture
def run(strict_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(strict_run, tmp_path / "run"))


def rows_of(file: Path) -> list[dict[str, object]]:
    return pq.read_table(file).to_pylist()


def everything(run: Path) -> dict[Path, str]:
    """All that the files of a run say, tables decompressed."""
    return {
        path: str(rows_of(path))
        if path.suffix == ".parquet"
        else path.read_bytes().decode("latin-1")
        for path in sorted(run.rglob("*"))
        if path.is_file()
    }


def kept_row(run: Path) -> dict[str, object]:
    """The ledger's row of a kept pair with a thumbnail, whose text stands nowhere else."""
    ledger = [row for file in sorted((run / "ledger").iterdir()) for row in rows_of(file)]
    shown = {row["candidate_id"] for row in rows_of(run / "thumbnails" / "00000.parquet")}
    words = [str(row["texts"]) for row in ledger]
    for row in ledger:
        alone = sum(str(row["text"]) in text for text in words) == 1
        if row["kept"] and row["candidate_id"] in shown and alone:
            return row
    raise AssertionError("no such row")


@pytest.mark.parametrize("kind", ["page_url", "image_url", "sha256", "key", "phash"])
def test_a_purged_run_says_nothing_of_the_sample(app, run: Path, kind: str) -> None:
    gone = kept_row(run)
    before = everything(run)
    others = {row["key"] for row in rows_of(run / "shards" / "00000.parquet")} - {gone["key"]}
    thumbnail = next(
        row["thumbnail"]
        for row in rows_of(run / "thumbnails" / "00000.parquet")
        if row["candidate_id"] == gone["candidate_id"]
    )
    with ShardReader(run) as reader:
        image = reader.sample(reader.find(str(gone["key"])) or 0).image
    option = {"page_url": "--url", "image_url": "--url"}.get(kind, f"--{kind}")
    done = call(app, "purge", run, option, gone[kind], "--reason", "asked for", "--dry-run")
    assert done.exit_code == 0, done.output
    assert everything(run) == before
    done = call(app, "purge", run, option, gone[kind], "--reason", "asked for")
    assert done.exit_code == 0, done.output
    words = [str(gone[name]) for name in ("image_url", "text", "sha256", "phash")]
    words += [image.decode("latin-1"), str(thumbnail)]
    words += [str(gone["page_url"])] if kind == "page_url" else []
    for path, said in everything(run).items():
        for word in words:
            # What was asked for by a hash is known by it.
            known = path.name == "tombstones.jsonl" and word == gone.get(kind)
            assert known or word not in said, (path, word[:80])
    left = {row["key"] for row in rows_of(run / "shards" / "00000.parquet")}
    assert left <= others
    if kind in ("sha256", "key"):
        assert left == others
    assert verify(run) == []
    assert str(gone["text"]) not in done.output


def test_candidates_of_the_same_picture_are_forgotten_too(app, run: Path) -> None:
    """One that fell before its image was looked at has nothing but the address in common."""
    gone = kept_row(run)
    file = run / "ledger" / "00000.parquet"
    table = pq.read_table(file)
    before = {"kept": False, "key": None, "sha256": None, "phash": None, "phash_crops": None}
    twin = gone | before | {"candidate_id": "f" * 32, "page_url": "https://else.example/"}
    rows = [*table.to_pylist(), twin]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), file)
    done = call(app, "purge", run, "--key", gone["key"], "--reason", "asked for")
    assert done.exit_code == 0, done.output
    assert str(gone["image_url"]) not in str(rows_of(file))
    assert rows_of(file)[-1]["candidate_id"] == "f" * 32


def test_a_purged_run_is_still_a_run(app, run: Path, strict_run: Path) -> None:
    gone = kept_row(run)
    done = call(app, "purge", run, "--key", gone["key"], "--reason", "asked for")
    assert done.exit_code == 0, done.output
    opened = open_run(run)
    assert opened.ledger.count_rows() == opened.manifest.seen
    found = replay(run)
    assert found.funnel.seen == found.before.seen
    # Blanked, it cannot pass again.
    assert found.funnel.kept == found.before.kept - 1
    assert {one.sha256 for one in read_known(str(run))} == {
        one.sha256 for one in read_known(str(strict_run)) if one.sha256 != gone["sha256"]
    } | {""}
    candidates = {row["candidate_id"]: row for row in rows_of(run / "ledger" / "00000.parquet")}
    for row in rows_of(strict_run / "ledger" / "00000.parquet"):
        if candidates[row["candidate_id"]]["detail"] != "takedown":
            assert candidates[row["candidate_id"]] == row
    blank = candidates[gone["candidate_id"]]
    assert (blank["kept"], blank["page_url"], blank["texts"], blank["key"]) == (True, "", [], None)


def test_later_runs_obey_the_tombstones(
    app, run: Path, strict_run: Path, some_archives: list[str], tmp_path: Path
) -> None:
    """What was taken down falls by address or bytes; its row says nothing; all else stays."""
    gone = kept_row(run)
    call(app, "purge", run, "--url", gone["image_url"], "--reason", "asked for")
    stones = run / "shards" / "tombstones.jsonl"
    config = load_config(None, [f"filter.tombstones=[{stones}]"])
    again = tmp_path / "again"
    funnel = curate(some_archives, again, config=config, relevance=None)
    before = {row["candidate_id"]: row for row in rows_of(strict_run / "ledger" / "00000.parquet")}
    after = {row["candidate_id"]: row for row in rows_of(again / "ledger" / "00000.parquet")}
    named = {one for one, row in before.items() if gone["image_url"] in str(row)}
    fell = {one for one, row in after.items() if row["reason"] == "takedown"}
    assert gone["candidate_id"] in named
    assert fell == named
    assert {one.reason: one.dropped for one in funnel.rows}["takedown"] == len(fell)
    for said in everything(again).values():
        assert str(gone["image_url"]) not in said
        assert str(gone["sha256"]) not in said
    keys = {row["key"] for row in rows_of(again / "shards" / "00000.parquet")}
    assert keys == {row["key"] for row in rows_of(run / "shards" / "00000.parquet")}
    stones.write_bytes(stones.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(ValueError, match="tombstones_digest was"):
        curate(some_archives, again, config=config, relevance=None)


def test_the_commands_make_sets_and_compare_them(app, run: Path, tmp_path: Path) -> None:
    half, rest = tmp_path / "half", tmp_path / "all"
    done = call(app, "sample", run, "--share", "0.5", "--out", half)
    assert done.exit_code == 0, done.output
    n_samples = read_manifest(run).n_samples
    assert read_manifest(half).n_samples == round(n_samples / 2)
    assert call(app, "merge", half, run, "--out", rest).exit_code == 0
    same = call(app, "diff", run, rest)
    assert same.exit_code == 0, same.output
    assert "made from" in same.output
    other = call(app, "diff", half, run)
    assert other.exit_code == 1
    assert "only in B" in other.output
    recut = call(app, "reshard", run, "--samples-per-shard", "5", "--out", tmp_path / "recut")
    assert recut.exit_code == 0
    assert len(read_manifest(tmp_path / "recut").shards) == -(-n_samples // 5)
    for made in (half, rest, tmp_path / "recut"):
        assert call(app, "verify", made).exit_code == 0


def test_a_sheet_of_pictures(app, run: Path, tmp_path: Path) -> None:
    from PIL import Image

    out = tmp_path / "sheet.jpg"
    done = call(app, "inspect", run, "--sheet", out)
    assert done.exit_code == 0, done.output
    with Image.open(out) as sheet:
        assert sheet.format == "JPEG"
        assert sheet.width > 600


@pytest.mark.parametrize(
    ("arguments", "needle"),
    [
        (("diff", "RUN", "/nowhere"), "/nowhere"),
        (("merge", "RUN", "RUN", "--out", "OUT"), "that differ"),
        (("sample", "RUN", "--out", "OUT"), "--n or --share"),
        (("sample", "RUN", "--share", "1.5", "--out", "OUT"), "--share 1.5"),
        (("reshard", "RUN", "--samples-per-shard", "5", "--out", "RUN"), "give another --out"),
        (("purge", "RUN", "--reason", "r"), "--url, --host"),
        (("purge", "RUN", "--reason", "r", "--url", "x"), "no http or https address"),
        (("purge", "RUN", "--reason", "r", "--key", "a", "--checkpoints", "/nowhere"), "/nowhere"),
        (("inspect", "RUN", "--sheet", "sheet.gif"), "sheet.gif"),
    ],
)
def test_refusals_are_one_line(app, strict_run, tmp_path, arguments, needle) -> None:
    names = {"RUN": str(strict_run), "OUT": str(tmp_path / "out")}
    done = call(app, *(names.get(one, one) for one in arguments))
    assert isinstance(done.exception, ValueError), done.output
    assert needle in str(done.exception)
    assert "\n" not in str(done.exception)
    assert not (tmp_path / "out").exists()
