"""How does a recipe run on many workers, stage after stage, interrupted or not?"""

import logging
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pretrain import checkpoint
from pretrain.journal import read_journal
from pretrain.plan import Plan, StageData, plan_from_plain, plan_to_plain, prepare
from pretrain.recipe import Recipe, staged
from pretrain.run import run_stages

__all__ = ["Progress", "Result", "StageData", "StageResult", "pretrain"]

logger = logging.getLogger(__name__)

_POLL_S = 0.5
_MAX_FAILURES = 3
_ENVIRONMENT = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**31),
}
"""For Ray's processes: nobody joins without the token; no telemetry; failures are seen within half
a second; and memory once taken is kept, for the gradient of a word table comes and goes every step.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run is."""

    stage: str
    step: int
    total_steps: int
    metrics: dict[str, float]
    """Loss, learning rate, each objective's loss and accuracy, pairs and tokens a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """A finished stage."""

    name: str
    checkpoint: Path
    history: tuple[Progress, ...]
    """What was logged, in order of steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A finished run."""

    out: Path
    stages: tuple[StageResult, ...]

    @property
    def checkpoint(self) -> Path:
        """The last stage's."""
        return self.stages[-1].checkpoint


def pretrain(
    recipe: Recipe,
    stages: Sequence[StageData],
    out: Path,
    *,
    workers: int = 2,
    use_gpu: bool = False,
    seed: int = 0,
    tombstones: Sequence[Path] = (),
    track: Sequence[str] = (),
    progress: Callable[[Progress], None] = lambda progress: None,
) -> Result:
    """Run the stages in order under Ray Train, each from the weights of the one before.

    The same call again goes on where an interrupted one was, and returns at once when all is done.

    Args:
        recipe: Its stages are matched by name, else by place, see `pretrain.recipe.staged`.
        stages: Data of each stage.
        out: Folder of the run; on several machines, on storage that all of them see.
        workers: Processes, one CPU core or one GPU each.
        use_gpu: One GPU a worker.
        seed: Of everything that is drawn.
        tombstones: Files of `lait shards purge`; what they name is not read.
        track: Who is told the metrics beside TensorBoard, see `pretrain.track`.
        progress: Called for every line of the metrics.

    Raises:
        ValueError: data, recipe and `out` do not go together; nothing was started.
        RuntimeError: a worker failed more often than it is restarted.
    """
    plan = Plan(
        recipe=staged(recipe, tuple(data.name for data in stages)),
        stages=tuple(data.resolved() for data in stages),
        out=out.resolve(),
        seed=seed,
        tombstones=tuple(path.resolve() for path in tombstones),
        track=tuple(track),
    )
    if workers < 1:
        raise ValueError(f"--workers {workers}: at least one is needed")
    prepare(plan, workers)
    if not all(_finished(plan, data.name) for data in stages):
        with _watched(plan, progress):
            _fit(plan, workers, use_gpu=use_gpu)
    return Result(out=out, stages=tuple(_stage_result(plan, data.name) for data in stages))


def _fit(plan: Plan, workers: int, *, use_gpu: bool) -> None:
    _set_environment()
    import ray
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    with ray_session(workers), tempfile.TemporaryDirectory(prefix="lait-ray-") as storage:
        kind = "GPU" if use_gpu else "CPU"
        resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
        available = int(resources.get(kind, 0))
        if workers > available:
            raise ValueError(f"--workers {workers}: there are only {available} {kind}s")
        trainer = TorchTrainer(
            _work,
            train_loop_config=plan_to_plain(plan),
            scaling_config=ScalingConfig(num_workers=workers, use_gpu=use_gpu),
            torch_config=TorchConfig(backend="nccl" if use_gpu else "gloo"),
            run_config=RunConfig(
                name=plan.recipe.name,
                # Ray's own book-keeping; checkpoints and metrics are ours, under `out`.
                storage_path=storage,
                failure_config=FailureConfig(max_failures=_MAX_FAILURES),
            ),
        )
        try:
            trainer.fit()
        except ray.train.TrainingFailedError as error:
            raise RuntimeError(f"pretraining failed: {error}") from error


def _work(config: dict[str, Any]) -> None:
    """What runs in each worker process."""
    import ray.train
    import ray.train.torch
    import torch

    from pretrain.workers import current

    torch.set_num_threads(1)
    device = ray.train.torch.get_device()
    run_stages(plan_from_plain(config), current(), device, saved=ray.train.report)


@contextmanager
def ray_session(workers: int) -> Iterator[None]:
    """The running Ray session, or one of this machine's own for as long as it is needed."""
    _set_environment()
    import ray

    if ray.is_initialized():
        yield
        return
    ray.init(
        address="local",
        num_cpus=max(workers, os.cpu_count() or 1),
        include_dashboard=False,
        dashboard_host="127.0.0.1",
        _node_ip_address="127.0.0.1",
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        yield
    finally:
        ray.shutdown()


def _set_environment() -> None:
    # Ray reads some of it once, at import: set any later, its processes would disagree.
    if "ray" not in sys.modules:
        os.environ.update({**_ENVIRONMENT, **os.environ})


@contextmanager
def _watched(plan: Plan, progress: Callable[[Progress], None]) -> Iterator[None]:
    """Tell `progress` about each new line of the metrics while the body runs."""
    told = {part.name: len(_history(plan, part.name)) for part in plan.recipe.stages}

    def look() -> None:
        for name, n_told in told.items():
            lines = _history(plan, name)
            for line in lines[n_told:]:
                progress(line)
            told[name] = max(n_told, len(lines))

    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(_POLL_S):
            look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        look()


def _history(plan: Plan, stage: str) -> list[Progress]:
    lines = read_journal(plan.out / stage)
    return [
        Progress(
            stage=stage, step=line.pop("step"), total_steps=line.pop("total_steps"), metrics=line
        )
        for line in lines
    ]


def _finished(plan: Plan, stage: str) -> bool:
    done = checkpoint.latest(plan.out / stage / "checkpoints")
    return done is not None and checkpoint.read(done).finished


def _stage_result(plan: Plan, stage: str) -> StageResult:
    done = checkpoint.find(plan.out / stage)
    return StageResult(name=stage, checkpoint=done, history=tuple(_history(plan, stage)))
