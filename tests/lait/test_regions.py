"""Are regions the same bytes whoever makes them, and however often they were killed?"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from lait.commands import regions as regions_commands
from lait.commands import shards as shards_commands
from lait.regions import ray_workers
from lait.train import ray_session
from pretrain.regions.build import Choice, build
from pretrain.regions.write import write_regions
from shards.config import ShardsConfig
from shards.manifest import read_manifest
from shards.pack import pack
from tests.lait.test_cli import lait, refused
from tests.lait.test_train import ancestors, title
from tests.pretrain.helpers import packed, picture

GRID = Choice(detector="grid")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 pictures in 6 shards."""
    return packed(tmp_path_factory.mktemp("regions") / "shards", 60, samples_per_shard=10)


@pytest.fixture(scope="module")
def undisturbed(shards: Path) -> dict[str, bytes]:
    """Every file of the set that threads made."""
    out = shards.with_name("undisturbed")
    write_regions(shards, out, detector=build(GRID))
    return files(out)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def worker_ids() -> list[int]:
    """Detecting processes that descend from this one."""
    ids = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return [i for i in sorted(ids) if b"ray::_Worker" in title(i) and os.getpid() in ancestors(i)]


def test_processes_of_ray_give_the_bytes_of_threads_though_one_is_killed(
    shards: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    killed: list[int] = []

    def kill_one(done: int, _total: int) -> None:
        if done >= 16 and not killed:
            killed.extend(worker_ids()[:1])
            os.kill(killed[0], signal.SIGKILL)

    with ray_session(2):
        with ray_workers(shards, GRID, 2) as workers:
            write_regions(
                shards, tmp_path / "two", detector=build(GRID), workers=workers, progress=kill_one
            )
        assert killed
        assert files(tmp_path / "two") == undisturbed


def test_a_killed_command_goes_on_to_the_same_bytes(
    shards: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "regions"
    arguments = ["regions", str(shards), "--out", str(out)]
    code = "from lait.cli import main; main()"
    running = subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.DEVNULL)
    while running.poll() is None and not (out / "00001.tar").exists():
        time.sleep(0.01)
    running.kill()
    running.wait()
    assert not (out / "manifest.json").exists()
    kept = (out / "00000.tar").stat().st_mtime_ns
    done = lait(*arguments)
    assert done.returncode == 0, done.stderr
    assert "regions of 60 images by grid-3x3" in done.stderr
    assert files(out) == undisturbed
    assert (out / "00000.tar").stat().st_mtime_ns == kept


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    made = typer.Typer()
    shards_commands.register(made)
    regions_commands.register(made)
    return made


def test_a_set_with_damaged_images_goes_through_every_command(
    app: typer.Typer, tmp_path: Path
) -> None:
    """Merge, sample, reshard, follow, purge; then `lait regions` finds nothing left to do."""

    def done(*arguments: object) -> str:
        ran = CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "300"})
        assert ran.exit_code == 0, ran.output
        return ran.output

    for name, numbers in (("spring", range(8)), ("autumn", range(6, 14))):
        folder = tmp_path / f"{name}-files"
        folder.mkdir()
        for i in numbers:
            body = picture(i, (96, 72))
            # The header of every third is whole: it is packed, and cannot be decoded.
            (folder / f"{i}.png").write_bytes(body[: len(body) // 2] if i % 3 == 0 else body)
        lines = [json.dumps({"image": f"{i}.png", "text": f"number {i}"}) for i in numbers]
        (folder / "pairs.jsonl").write_text("\n".join(lines))
        pack(folder / "pairs.jsonl", tmp_path / name, ShardsConfig(samples_per_shard=4))
    spring, autumn, both, some, cut = (
        tmp_path / name for name in ("spring", "autumn", "both", "some", "cut")
    )
    told = done("regions", spring, "--out", spring / "regions")
    assert "3 images have none (damaged)" in told
    done("regions", autumn, "--out", autumn / "regions")
    done("shards", "merge", spring, autumn, "--out", both)
    done("shards", "sample", both, "--n", 10, "--out", some)
    done("shards", "reshard", both, "--samples-per-shard", 5, "--out", cut)
    for one in (both, some, cut):
        regions = one / "regions"
        done("shards", "follow", one, spring / "regions", autumn / "regions", "--out", regions)
        done("shards", "verify", regions)
    made = read_manifest(cut / "regions")
    assert (made.seen, made.kept, len(made.shards)) == (14, 9, 3)
    assert [(row.reason, row.count) for row in made.funnel] == [("damaged", 5)]
    gone = hashlib.sha256((tmp_path / "autumn-files" / "9.png").read_bytes()).hexdigest()
    done(
        *("shards", "purge", cut, "--sha256", gone, "--reason", "asked by the owner"),
        *("--regions", cut / "regions"),
    )
    assert read_manifest(cut / "regions").seen == 13
    assert gone[:32].encode() not in b"".join(files(cut / "regions").values())
    for one in (both, some, cut):
        before = files(one / "regions")
        done("regions", one, "--out", one / "regions")
        assert files(one / "regions") == before
        write_regions(one, tmp_path / f"{one.name}-anew", detector=build(GRID))
        anew = files(tmp_path / f"{one.name}-anew")
        assert {**anew, "manifest.json": b""} == {**before, "manifest.json": b""}


def test_wrong_options_are_refused_before_anything_is_written(shards: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    refused(lait("regions", shards, "--detector", "yolox", "--out", out), "--weights")
    refused(lait("regions", tmp_path, "--out", out), "manifest.json")
    assert not out.exists()
