"""What was seen at which step? One line of JSON, and what the trackers keep."""

import json
import operator
import time
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from pretrain.recipe import Stage
from pretrain.stage import StepReport
from pretrain.track import Tracker

NAME = "metrics.jsonl"
SPEEDS = ("pairs_per_s", "tokens_per_s", "mfu")
"""Metrics that tell of the machine, not of the run: two equal runs differ in them."""


class Journal:
    """The metrics of one stage, on the worker that writes them; others have none.

    A line holds the means over the steps since the line before, so a stage that goes on at a
    checkpoint (which lies on such a border) writes the lines that an undisturbed one writes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        stage: Stage,
        total_steps: int,
        first_step: int,
        trackers: Sequence[Tracker] = (),
        mfu_of_pair: float | None = None,
    ) -> None:
        """Open the journal of a stage.

        Args:
            folder: Of the stage.
            stage: Whose steps these are.
            total_steps: Of the whole stage.
            first_step: Lines beyond it were written by a run whose steps are lost.
            trackers: Are told every line.
            mfu_of_pair: Share of all devices' peak that one pair a second takes; None: not known.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / NAME
        kept = [line for line in read_journal(folder) if line["step"] <= first_step]
        self._path.write_text("".join(json.dumps(line) + "\n" for line in kept))
        self._trackers = trackers
        self._stage, self._total_steps = stage, total_steps
        self._mfu_of_pair = mfu_of_pair
        self._window: list[StepReport] = []
        self._n_tokens = 0
        self._since_s = time.monotonic()

    def add(self, report: StepReport, n_tokens: int) -> None:
        """One more step, of `n_tokens` on all workers; every `log_every` steps a line."""
        self._window.append(report)
        self._n_tokens += n_tokens
        if report.step % self._stage.log_every and report.step != self._total_steps:
            return
        metrics = summary(self._window) | self._speeds()
        line = {"step": report.step, "total_steps": self._total_steps, **metrics}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        for tracker in self._trackers:
            tracker.log(report.step, metrics)
        self._window, self._n_tokens, self._since_s = [], 0, time.monotonic()

    def _speeds(self) -> dict[str, float]:
        seconds = max(1e-9, time.monotonic() - self._since_s)
        pairs_per_s = len(self._window) * self._stage.batch_pairs / seconds
        speeds = {"pairs_per_s": pairs_per_s, "tokens_per_s": self._n_tokens / seconds}
        if self._mfu_of_pair is not None:
            speeds["mfu"] = self._mfu_of_pair * pairs_per_s
        return speeds

    def close(self) -> None:
        """No more steps."""
        for tracker in self._trackers:
            tracker.close()


def summary(reports: Sequence[StepReport]) -> dict[str, float]:
    """Loss, learning rate, and for each objective its mean loss and share of right answers.

    A plan may ask different things at different steps: what was never asked is left out.
    """
    metrics = {"loss": sum(r.loss for r in reports) / len(reports), "lr": reports[-1].lr}
    for name in dict.fromkeys(name for report in reports for name in report.scores):
        found = (report.scores[name] for report in reports if name in report.scores)
        score = reduce(operator.add, found)
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
