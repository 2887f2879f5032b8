"""One worker of a group: makes one step on its share and saves the gradients. Run by a test."""

import json
import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors.torch import save_file

from pretrain import workers
from pretrain.checkpoint import load_any
from pretrain.data import ShardSet
from pretrain.loader import Loader
from pretrain.parallel import spread, whole
from pretrain.steps.standard import asked, corrupt, train_step
from pretrain.task_plans.task_plan import PlanState


def main(checkpoint: str, shards: str, regions: str, out: str, rank: str, size: str) -> None:
    """Gradients to OUT/gradients.safetensors, scores to OUT/scores.json, by rank 0."""
    torch.set_num_threads(1)
    if int(size) > 1:
        store = dist.FileStore(str(Path(out) / "store"), int(size))
        dist.init_process_group("gloo", store=store, rank=int(rank), world_size=int(size))
    network, snapshot = load_any(Path(checkpoint))
    recipe = snapshot.recipe
    here = workers.current()
    loader = Loader(
        data=ShardSet(
            Path(shards),
            None if regions == "-" else Path(regions),
            images=recipe.inputs.pixels is not None,
        ),
        recipe=recipe,
        stage=recipe.stages[0],
        seed=0,
        rank=here.rank,
        world_size=here.size,
    )
    part = recipe.stages[0]
    step = next(loader.steps(0, loader.start()))
    turns = [  # of whatever data, all turns show the same pairs here
        (
            turn,
            [
                corrupt(asked(recipe.objectives, turn), p.batch, p.draws, loader.wordpiece)
                for p in step.parts
            ],
        )
        for turn in part.tasks.turns(PlanState(), seed=0, step=0)[0]
    ]
    wrapped = spread(network, part, here)
    frozen = torch.optim.SGD(network.parameters(), lr=0.0)
    scores = train_step(wrapped, frozen, recipe.objectives, part, turns, here)
    gradients = {n: whole(p.grad) for n, p in network.named_parameters() if p.grad is not None}
    if here.rank == 0:
        save_file(gradients, Path(out) / "gradients.safetensors")
        plain = {name: [s.total, s.count] for name, s in scores.items()}
        (Path(out) / "scores.json").write_text(json.dumps(plain))
    if here.size > 1:
        leave()


def leave() -> None:
    """End this process of a group, once all have come here.

    Threads of the group may still wait for the interpreter's lock, and one that gets it while
    the interpreter ends aborts the process: so it is left without that end.
    """
    dist.barrier()
    dist.destroy_process_group()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
