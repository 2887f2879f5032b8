"""How does one worker take a recipe through all its stages, whatever was done before?

OUT/run.json                      recipe, seed and data of the run; a rerun must name the same
OUT/<stage>/checkpoints/step-...  see checkpoint.py
OUT/<stage>/metrics.jsonl         one line every `log_every` steps
OUT/<stage>/tensorboard/          the same as events
"""

import dataclasses
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from pretrain import checkpoint, stage
from pretrain.average import Average
from pretrain.bert import start_from_bert
from pretrain.data import data_sizes
from pretrain.draws import key_of
from pretrain.dual import DualNetwork
from pretrain.feed import Place
from pretrain.flops import flops_of_pair, peak_of
from pretrain.journal import Journal
from pretrain.loader import Loader
from pretrain.loaders import beside_of, loader_of
from pretrain.network import DataSizes, Network, build
from pretrain.optim import build_optimizer
from pretrain.optimizers import Optimizers
from pretrain.parallel import spread
from pretrain.plan import Plan
from pretrain.region_start import start_regions
from pretrain.released.load import start_from_released
from pretrain.snapshot import Snapshot
from pretrain.stage import Beside, StepReport
from pretrain.task_plans.task_plan import PlanState
from pretrain.track import Tracked, open_trackers
from pretrain.workers import Workers
from shards.manifest import read_manifest

logger = logging.getLogger(__name__)

_KEPT_CHECKPOINTS = 2


def run_stages(
    plan: Plan,
    workers: Workers,
    device: torch.device,
    saved: Callable[[dict[str, float]], None] = lambda metrics: None,
) -> None:
    """Run what is unfinished; all workers call this at once, with `out` on storage they share.

    Args:
        plan: As `prepare` accepted it.
        workers: This worker's place.
        device: Where to compute.
        saved: Called on every worker after each checkpoint, with the last metrics.
    """
    before: Path | None = None
    for number, part in enumerate(plan.recipe.stages):
        folder = plan.out / part.name / "checkpoints"
        workers.wait()  # none looks for the last checkpoint while another still writes it
        done, attempt = checkpoint.latest(folder), checkpoint.next_attempt(folder)
        workers.wait()  # and none writes before all have looked
        if done is None or not checkpoint.read(done).finished:
            data = plan.stages[number]
            regions = plan.regions_of(data)
            loader = loader_of(plan, data, part, plan.seed + number, workers)
            run = _StageRun(
                plan=plan,
                loader=loader,
                beside=beside_of(plan, data, part, plan.seed + number, workers),
                shards_digest=read_manifest(data.shards).digest,
                regions_digest=regions.digest if regions else "",
                sizes=data_sizes(plan.recipe, regions),
                attempt=attempt,
                workers=workers,
                device=device,
            )
            run.go(done, before, saved)
            workers.wait()
        before = checkpoint.latest(folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class _StageRun:
    """One stage on one worker."""

    plan: Plan
    loader: Loader
    beside: Beside
    """Without the average."""
    shards_digest: str
    """Of the whole set, whatever tombstones took away: a takedown looks for it."""
    regions_digest: str
    sizes: DataSizes
    attempt: int
    workers: Workers
    device: torch.device

    def go(
        self, done: Path | None, before: Path | None, saved: Callable[[dict[str, float]], None]
    ) -> None:
        """From `done` of this stage, else from the weights of `before`, else from the start."""
        part, loader = self.loader.stage, self.loader
        network = self._network(done or before)
        journal = self._journal(
            network, first_step=0 if done is None else checkpoint.read(done).step
        )
        wrapped = spread(network, part, self.workers)
        # A new stage starts with a new optimiser: only weights are carried over.
        optimizer = build_optimizer(network, part.optim, part.more_optims)
        average = None if part.average is None else Average(network, part.average)
        first_step, position, state = 0, loader.start(), PlanState()
        places: tuple[Place, ...] = ()
        if done is not None:
            checkpoint.load_optimizer(done, network, optimizer)
            snapshot = checkpoint.read(done)
            first_step, position = snapshot.step, snapshot.position
            places, state = snapshot.places, snapshot.tasks
            if average is not None:
                checkpoint.load_average(done, average)
        logger.info("stage %s: step %d of %d", part.name, first_step, loader.total_steps)
        for report in stage.run(
            wrapped,
            optimizer,
            loader,
            self.workers,
            self.device,
            first_step=first_step,
            position=position,
            places=places,
            state=state,
            beside=dataclasses.replace(self.beside, average=average),
        ):
            n_tokens = self.workers.total(torch.tensor(float(report.n_tokens), device=self.device))
            if journal is not None:
                journal.add(report, int(n_tokens))
            if report.step % part.checkpoint_every == 0 or report.step == loader.total_steps:
                self._save(report, network, optimizer, average)
                saved({"step": float(report.step), "loss": report.loss})
        if journal is not None:
            journal.close()

    def _journal(self, network: Network | DualNetwork, *, first_step: int) -> Journal | None:
        """Of the one worker that writes it."""
        part, plan = self.loader.stage, self.plan
        if self.workers.rank:
            return None
        told = Tracked(
            recipe=plan.recipe.name,
            stage=part.name,
            out=plan.out,
            seed=plan.seed,
            first_step=first_step,
        )
        return Journal(
            told.folder,
            stage=part,
            total_steps=self.loader.total_steps,
            first_step=first_step,
            trackers=open_trackers(plan.track, told),
            mfu_of_pair=self._mfu_of_pair(network),
        )

    def _mfu_of_pair(self, network: Network | DualNetwork) -> float | None:
        peak = peak_of(self.device)
        # A pair of a dual encoder is compared with those of all workers: one alone would wait.
        if peak is None or isinstance(network, DualNetwork):
            return None
        step = next(self.loader.steps(0, self.loader.start()))
        flops = flops_of_pair(network, stage.shown(step, self.loader, self.device)[0])
        return flops / (peak * self.workers.size)

    def _network(self, start: Path | None) -> Network | DualNetwork:
        torch.manual_seed(key_of(self.plan.seed, 0, "network"))  # the same weights on every worker
        network = build(self.plan.recipe, self.sizes)
        init = self.plan.recipe.init
        if start is not None:
            checkpoint.load_weights(start, network)
        elif init.checkpoint is not None:
            checkpoint.start_from_checkpoint(network, Path(init.checkpoint))
        elif isinstance(network, DualNetwork):
            logger.info("both towers start at random")
        elif init.released is not None:
            start_from_released(network, Path(init.released))
        else:
            start_from_bert(network, init)
            start_regions(network, self.loader.data)
        return network.to(self.device)

    def _save(
        self,
        report: StepReport,
        network: nn.Module,
        optimizer: torch.optim.Optimizer | Optimizers,
        average: Average | None,
    ) -> None:
        folder = self.plan.out / self.loader.stage.name / "checkpoints"
        snapshot = Snapshot(
            recipe=self.plan.recipe,
            sizes=self.sizes,
            stage=self.loader.stage.name,
            step=report.step,
            total_steps=self.loader.total_steps,
            seed=self.plan.seed,
            position=report.position,
            places=report.places,
            tasks=report.state,
            shards_digest=self.shards_digest,
            regions_digest=self.regions_digest,
        )
        writes = self.workers.rank == 0
        checkpoint.save(folder, self.attempt, snapshot, network, optimizer, average, writes=writes)
        if writes:
            checkpoint.prune(folder, keep=_KEPT_CHECKPOINTS)
        self.workers.wait()
