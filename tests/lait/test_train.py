"""Does Ray run the stages, survive a killed worker, and refuse bad input before it starts?"""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from lait.train import Progress, Result, StageData, pretrain, ray_session
from pretrain import checkpoint
from pretrain.collate import Inputs
from pretrain.encoders.sublayers import single
from pretrain.journal import SPEEDS, read_journal
from pretrain.plan import Plan, plan_to_plain, prepare
from pretrain.recipe import Recipe, load, staged
from pretrain.regions.write import write_regions
from pretrain.run import run_stages
from pretrain.workers import Workers
from tests.pretrain.helpers import CountingDetector, packed

# Ray's own modules still set options that Ray itself deprecates.
pytestmark = [
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:ray\..*"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> list[StageData]:
    root = tmp_path_factory.mktemp("data")
    stages = []
    for name, n, first in (("web", 32, 0), ("clean", 24, 100)):
        shards = packed(root / name, n, first=first)
        write_regions(shards, root / f"{name}-regions", detector=CountingDetector())
        stages.append(StageData(name=name, shards=shards, regions=root / f"{name}-regions"))
    return stages


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """16 steps, then 12, in shares of the network; a checkpoint every 2."""
    vocabulary = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    words = "ball bird boat car cat cup fish flower house star tree rocket and".split()  # noqa: SIM905
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]))
    recipe = load("imagebert", shrink=True)
    stage = dataclasses.replace(
        recipe.stages[0], epochs=8.0, batch_pairs=16, log_every=2, checkpoint_every=2
    )
    return dataclasses.replace(
        recipe,
        vocabulary=str(vocabulary),
        inputs=Inputs(max_length=32, max_regions=8),
        encoder=dataclasses.replace(
            recipe.encoder, sublayers=single(1), hidden=32, feed_forward=64
        ),
        stages=(
            dataclasses.replace(stage, name="web"),
            dataclasses.replace(stage, name="clean", parallel="fsdp"),
        ),
    )


@pytest.fixture(scope="module")
def ray() -> Iterator[None]:
    """One session for all tests of this file."""
    with ray_session(2):
        yield


class Killer:
    """Kills one worker process as soon as some steps are through."""

    def __init__(self) -> None:
        self.killed: list[int] = []
        self.seen: list[Progress] = []

    def __call__(self, at: Progress) -> None:
        self.seen.append(at)
        if not self.killed and at.step >= 4:
            self.killed = worker_ids()[:1]
            os.kill(self.killed[0], signal.SIGKILL)


def worker_ids() -> list[int]:
    """Training processes that descend from this one."""
    ids = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return [i for i in sorted(ids) if b"RayTrainWorker" in title(i) and os.getpid() in ancestors(i)]


def title(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:  # it has just ended
        return b""


def ancestors(process: int) -> list[int]:
    found = []
    while process > 1:
        try:
            status = Path(f"/proc/{process}/stat").read_text()
        except OSError:
            break
        process = int(status.rpartition(")")[2].split()[1])
        found.append(process)
    return found


@pytest.fixture(scope="module")
def disturbed(
    recipe: Recipe, data: list[StageData], tmp_path_factory: pytest.TempPathFactory, ray: None
) -> tuple[Result, Killer]:
    """Two workers, one of which is killed in the first stage."""
    killer = Killer()
    out = tmp_path_factory.mktemp("ray") / "out"
    return pretrain(recipe, data, out, workers=2, seed=3, progress=killer), killer


@pytest.fixture(scope="module")
def alone(
    recipe: Recipe,
    data: list[StageData],
    disturbed: object,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The same run on one worker, without Ray and without disturbance."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("alone") / "out"
    plan = Plan(
        recipe=staged(recipe, tuple(d.name for d in data)),
        stages=tuple(data),
        out=out,
        seed=3,
    )
    prepare(plan, 1)
    run_stages(plan, Workers(), torch.device("cpu"))
    return out


def lines(folder: Path) -> list[dict[str, float]]:
    return [{k: v for k, v in x.items() if k not in SPEEDS} for x in read_journal(folder)]


@pytest.mark.parametrize("stage", ["web", "clean"])
def test_a_killed_worker_changes_nothing_nor_does_the_number_of_workers(
    stage: str, disturbed: tuple[Result, Killer], alone: Path
) -> None:
    result, killer = disturbed
    assert len(killer.killed) == 1
    got, expected = lines(result.out / stage), lines(alone / stage)
    assert [line["step"] for line in got] == [line["step"] for line in expected]
    for line, other in zip(got, expected, strict=True):
        assert line == pytest.approx(other, rel=1e-3, abs=1e-4)
    # The first step is still free of accumulated rounding.
    assert got[0] == pytest.approx(expected[0], rel=1e-5)


def test_the_worker_was_started_again_from_a_checkpoint(
    disturbed: tuple[Result, Killer],
) -> None:
    result, _ = disturbed
    attempts = {stage.checkpoint.name[-3:] for stage in result.stages[:1]}
    assert attempts == {"002"}


def test_result_and_progress_tell_the_same_history(disturbed: tuple[Result, Killer]) -> None:
    result, killer = disturbed
    assert [stage.name for stage in result.stages] == ["web", "clean"]
    assert [at.step for at in result.stages[0].history] == list(range(2, 17, 2))
    assert [at.step for at in result.stages[1].history] == list(range(2, 13, 2))
    history = [at for stage in result.stages for at in stage.history]
    assert killer.seen[-1] == history[-1]
    assert {at.step for at in killer.seen if at.stage == "clean"} == set(range(2, 13, 2))
    assert {"loss", "mlm", "moc", "mrfr", "itm"} < history[0].metrics.keys()
    assert checkpoint.read(result.checkpoint).stage == "clean"


def test_the_same_command_again_returns_at_once(
    recipe: Recipe, data: list[StageData], disturbed: tuple[Result, Killer]
) -> None:
    result, _ = disturbed
    told: list[Progress] = []
    again = pretrain(recipe, data, result.out, workers=2, seed=3, progress=told.append)
    assert again == result
    assert told == []


def test_bad_input_is_refused_before_ray_starts(
    recipe: Recipe, data: list[StageData], tmp_path: Path
) -> None:
    web, clean = data
    bad = dataclasses.replace(web, shards=tmp_path)
    for stages, workers, message in (
        ([bad, clean], 2, r"no manifest\.json"),
        ([dataclasses.replace(web, regions=clean.regions), clean], 2, "were made from"),
        ([web, dataclasses.replace(clean, name="web")], 2, "--stage"),
        (data, 3, "evenly among 3 workers"),
        (data, 0, "--workers 0"),
    ):
        with pytest.raises(ValueError, match=message):
            pretrain(recipe, stages, tmp_path / "out", workers=workers)
        assert not (tmp_path / "out").exists()


DRIVER = """
import json, sys
from pathlib import Path
from lait.train import pretrain
from pretrain.plan import plan_from_plain
plan = plan_from_plain(json.loads(Path(sys.argv[1]).read_text()))
pretrain(plan.recipe, plan.stages, plan.out, workers=2, seed=plan.seed)
"""


@pytest.mark.slow
def test_a_killed_driver_changes_nothing(
    recipe: Recipe, data: list[StageData], alone: Path, tmp_path: Path
) -> None:
    """Killed inside the first stage, then between the two, beside a torn checkpoint each time.

    Red when a torn folder counts, or when the loader begins anew.
    """
    plan = Plan(
        recipe=staged(recipe, tuple(d.name for d in data)),
        stages=tuple(data),
        out=tmp_path / "out",
        seed=3,
    )
    (tmp_path / "plan.json").write_text(json.dumps(plan_to_plain(plan)))
    folder = plan.out / "web" / "checkpoints"
    inside = start_driver(tmp_path)
    wait_until(lambda: step_of(folder) >= 4, inside)
    kill(inside)
    assert 4 <= step_of(folder) < 16
    tear(folder, step=15)
    between = start_driver(tmp_path)
    wait_until(lambda: step_of(folder) == 16, between)
    kill(between)
    tear(plan.out / "clean" / "checkpoints", step=1)
    last = start_driver(tmp_path)
    assert last.wait(timeout=300) == 0
    assert checkpoint.find(plan.out / "web").name == "step-000000016-attempt-002"
    for name in ("web", "clean"):
        got, expected = lines(plan.out / name), lines(alone / name)
        assert [line["step"] for line in got] == [line["step"] for line in expected]
        for line, other in zip(got, expected, strict=True):
            assert line == pytest.approx(other, rel=1e-3, abs=1e-4)


def start_driver(folder: Path) -> subprocess.Popen[bytes]:
    """`pretrain` as a program of its own, with a Ray session of its own."""
    return subprocess.Popen([sys.executable, "-c", DRIVER, str(folder / "plan.json")])


def kill(driver: subprocess.Popen[bytes]) -> None:
    """End it without a word, and wait until the last of its workers has ended, too."""
    workers = [i for i in worker_ids() if driver.pid in ancestors(i)]
    driver.kill()
    driver.wait()
    wait_until(lambda: not any(title(i) for i in workers), None)


def wait_until(reached: Callable[[], bool], driver: subprocess.Popen[bytes] | None) -> None:
    deadline_s = time.monotonic() + 240
    while not reached():
        assert driver is None or driver.poll() is None, "the driver ended by itself"
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def step_of(folder: Path) -> int:
    done = checkpoint.latest(folder)
    return 0 if done is None else checkpoint.read(done).step


def tear(folder: Path, *, step: int) -> None:
    """What a writer leaves that was killed while it wrote: no marker, half a file."""
    torn = folder / f"step-{step:09d}-attempt-001"
    torn.mkdir(parents=True, exist_ok=True)
    (torn / "COMPLETE").unlink(missing_ok=True)
    (torn / "network.safetensors").write_bytes(b"torn")
