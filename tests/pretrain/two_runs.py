"""One worker of a group: takes runs through their stages, one after the other. Run by a test."""

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist

from pretrain import workers
from pretrain.plan import plan_from_plain, prepare
from pretrain.run import run_stages
from tests.pretrain.two_workers import leave


class StoppedError(Exception):
    """Stands for the end of a process."""


def main(folder: str, rank: str) -> None:
    """FOLDER/steps.json: plans, and after how many checkpoints each is stopped."""
    torch.set_num_threads(1)
    store = dist.FileStore(str(Path(folder) / "store"), 2)
    dist.init_process_group("gloo", store=store, rank=int(rank), world_size=2)
    for plain, stop_after in json.loads((Path(folder) / "steps.json").read_text()):
        plan = plan_from_plain(plain)
        if rank == "0":
            prepare(plan, 2)
        dist.barrier()
        calls: list[float] = []

        def saved(
            metrics: dict[str, float], calls: list[float] = calls, n: int | None = stop_after
        ) -> None:
            calls.append(metrics["step"])
            if len(calls) == n:
                raise StoppedError

        try:
            run_stages(plan, workers.current(), torch.device("cpu"), saved)
        except StoppedError:
            continue
    leave()


if __name__ == "__main__":
    main(*sys.argv[1:])
