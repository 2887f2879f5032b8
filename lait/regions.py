"""How are images shown to a detector on many processes at once?"""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lait.train import ray_session
from pretrain.regions.answers import Answer, answer
from pretrain.regions.build import Choice, build
from shards.read import ShardReader

_WAITING_PER_WORKER = 2
"""A worker finds its next batch waiting, and a large shard never lies in memory."""
_MAX_RESTARTS = 3


class RayWorkers:
    """Processes of Ray, each with a detector and a reader of its own; see `ray_workers`."""

    def __init__(self, actors: list[Any]) -> None:
        self._actors = actors

    def answers(self, batches: Iterable[range]) -> Iterator[list[Answer]]:
        """See `pretrain.regions.answers.Workers`."""
        import ray

        waiting: deque[Any] = deque()
        for number, batch in enumerate(batches):
            actor = self._actors[number % len(self._actors)]
            waiting.append(actor.answers.remote(batch))
            if len(waiting) > _WAITING_PER_WORKER * len(self._actors):
                yield ray.get(waiting.popleft())
        while waiting:
            yield ray.get(waiting.popleft())


@contextmanager
def ray_workers(shards: Path, choice: Choice, n_workers: int) -> Iterator[RayWorkers]:
    """`n_workers` processes on the running Ray session, or on one of this machine's own.

    A process that dies is started again, and what it was asked is asked again.
    """
    with ray_session(n_workers):
        import ray

        made = ray.remote(num_cpus=1, max_restarts=_MAX_RESTARTS, max_task_retries=_MAX_RESTARTS)(
            _Worker
        )
        actors: list[Any] = [made.remote(shards.resolve(), choice) for _ in range(n_workers)]
        try:
            yield RayWorkers(actors)
        finally:
            for actor in actors:
                ray.kill(actor)


class _Worker:
    """What lives in each process."""

    def __init__(self, shards: Path, choice: Choice) -> None:
        import torch

        torch.set_num_threads(1)
        self._reader, self._detector = ShardReader(shards), build(choice)

    def answers(self, batch: range) -> list[Answer]:
        return answer(self._detector, [self._reader.sample(i) for i in batch])
