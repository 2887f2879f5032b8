"""What was seen at which step? One line of JSON, and TensorBoard events."""

import json
import operator
import time
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from pretrain.recipe import Stage
from pretrain.stage import StepReport

NAME = "metrics.jsonl"


class Journal:
    """The metrics of one stage, on the worker that writes them; others have none.

    A line holds the means over the steps since the line before, so a stage that goes on at a
    checkpoint (which lies on such a border) writes the lines that an undisturbed one writes.
    """

    def __init__(self, folder: Path, *, stage: Stage, total_steps: int, first_step: int) -> None:
        """Args: first_step: lines beyond it were written by a run whose steps are lost."""
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / NAME
        kept = [line for line in read_journal(folder) if line["step"] <= first_step]
        self._path.write_text("".join(json.dumps(line) + "\n" for line in kept))
        self._events = SummaryWriter(str(folder / "tensorboard"), purge_step=first_step + 1)
        self._stage, self._total_steps = stage, total_steps
        self._window: list[StepReport] = []
        self._since_s = time.monotonic()

    def add(self, report: StepReport) -> None:
        """One more step; every `log_every` steps, and after the last one, a line."""
        self._window.append(report)
        if report.step % self._stage.log_every and report.step != self._total_steps:
            return
        now_s = time.monotonic()
        n_pairs = len(self._window) * self._stage.batch_pairs
        metrics = summary(self._window)
        metrics["pairs_per_s"] = n_pairs / max(1e-9, now_s - self._since_s)
        line = {"step": report.step, "total_steps": self._total_steps, **metrics}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        for name, value in metrics.items():
            self._events.add_scalar(name, value, report.step)
        self._window, self._since_s = [], now_s

    def close(self) -> None:
        """Flush the events."""
        self._events.close()


def summary(reports: Sequence[StepReport]) -> dict[str, float]:
    """Loss, learning rate, and for each objective its mean loss and share of right answers."""
    metrics = {"loss": sum(r.loss for r in reports) / len(reports), "lr": reports[-1].lr}
    for name in reports[0].scores:
        score = reduce(operator.add, (report.scores[name] for report in reports))
        metrics[name] = score.mean
        if score.correct is not None:
            metrics[f"{name}_accuracy"] = score.correct / max(1.0, score.count)
    return metrics


def read_journal(folder: Path) -> list[dict[str, Any]]:
    """The lines of a stage so far; a line torn by a kill is left out."""
    path = folder / NAME
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    read = []
    for line in lines:
        try:
            read.append(json.loads(line))
        except ValueError:
            break
    return read
