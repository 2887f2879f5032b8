"""Who is told the metrics of a run, beside its own file of lines?

TensorBoard always; Weights & Biases and MLflow when asked, by `NAME` or `NAME=WHERE`:

    wandb          files under the stage's folder, to be sent by `wandb sync`; `wandb=online` sends
    mlflow         a database OUT/mlflow.db; `mlflow=URI` names a server or another database
"""

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch.utils.tensorboard import SummaryWriter

PACKAGES = {"wandb": "wandb", "mlflow": "mlflow"}
_PROJECT = "lait"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """What a tracker is told about the run."""

    recipe: str
    stage: str
    out: Path
    seed: int
    first_step: int
    """Steps that are done: what was told beyond them is told again."""

    @property
    def name(self) -> str:
        """As people read it."""
        return f"{self.out.name}/{self.stage}"

    @property
    def id(self) -> str:
        """The same for every attempt at this stage of this run."""
        return hashlib.sha256(f"{self.out}\n{self.stage}\n{self.seed}".encode()).hexdigest()[:16]

    @property
    def folder(self) -> Path:
        """Of the stage."""
        return self.out / self.stage


class Tracker(Protocol):
    """Anything that keeps curves."""

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """One point of every curve."""
        ...

    def close(self) -> None:
        """Nothing more will come."""
        ...


def check(wanted: Sequence[str]) -> None:
    """Raises ValueError for a tracker that is unknown or not installed."""
    for entry in wanted:
        name = entry.partition("=")[0]
        if name not in PACKAGES:
            raise ValueError(f"--track {entry}: choose from {', '.join(PACKAGES)}")
        if importlib.util.find_spec(PACKAGES[name]) is None:
            raise ValueError(f"--track {name} needs its package: pip install 'lait[track]'")


def open_trackers(wanted: Sequence[str], run: Tracked) -> list[Tracker]:
    """TensorBoard, and those of `wanted`."""
    opened: list[Tracker] = [TensorBoard(run)]
    for entry in wanted:
        name, _, where = entry.partition("=")
        opened.append(Wandb(run, where) if name == "wandb" else Mlflow(run, where))
    return opened


class TensorBoard:
    """Events under the stage's folder."""

    def __init__(self, run: Tracked) -> None:
        folder = str(run.folder / "tensorboard")
        self._events = SummaryWriter(folder, purge_step=run.first_step + 1)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self._events.add_scalar(name, value, step)

    def close(self) -> None:
        self._events.close()


class Wandb:
    """A run of Weights & Biases."""

    def __init__(self, run: Tracked, where: str) -> None:
        import wandb

        online = where == "online"
        self._run = wandb.init(
            project=_PROJECT,
            group=run.recipe,
            name=run.name,
            id=run.id,
            resume="allow" if online else None,
            dir=str(run.folder),
            mode="online" if online else "offline",
            config={"recipe": run.recipe, "stage": run.stage, "seed": run.seed},
            # Curves only: neither code nor anything about the machine is anybody's business.
            settings=wandb.Settings(
                silent=True,
                console="off",
                disable_git=True,
                save_code=False,
                x_disable_meta=True,
                x_disable_stats=True,
            ),
        )

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self._run.log(dict(metrics), step=step)

    def close(self) -> None:
        self._run.finish()


class Mlflow:
    """A run of MLflow; an attempt that goes on writes into the run that is there."""

    def __init__(self, run: Tracked, where: str) -> None:
        from mlflow.tracking import MlflowClient

        self._client = MlflowClient(tracking_uri=where or f"sqlite:///{run.out}/mlflow.db")
        self._id = self._found(run)

    def _found(self, run: Tracked) -> str:
        known = self._client.get_experiment_by_name(_PROJECT)
        experiment = known.experiment_id if known else self._client.create_experiment(_PROJECT)
        earlier = self._client.search_runs([experiment], f"tags.lait_run = '{run.id}'")
        if earlier:
            return str(earlier[0].info.run_id)
        tags = {"lait_run": run.id, "recipe": run.recipe, "stage": run.stage}
        made: Any = self._client.create_run(experiment, run_name=run.name, tags=tags)
        return str(made.info.run_id)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self._client.log_metric(self._id, name, value, step=step)

    def close(self) -> None:
        self._client.set_terminated(self._id)
