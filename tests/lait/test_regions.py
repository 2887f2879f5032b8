"""Are regions the same bytes whoever makes them, and however often they were killed?"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lait.regions import ray_workers
from lait.train import ray_session
from pretrain.regions.build import Choice, build
from pretrain.regions.write import write_regions
from tests.lait.test_cli import lait, refused
from tests.lait.test_train import ancestors, title
from tests.pretrain.helpers import packed

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


def test_wrong_options_are_refused_before_anything_is_written(shards: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    refused(lait("regions", shards, "--detector", "yolox", "--out", out), "--weights")
    refused(lait("regions", tmp_path, "--out", out), "manifest.json")
    assert not out.exists()
