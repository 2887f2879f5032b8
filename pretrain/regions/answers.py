"""How does a range of samples become what is stored of them, on one machine's cores or on many?"""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from pretrain.regions.detector import Detector
from pretrain.regions.npz import to_npz
from pretrain.regions.regions import Missing, Regions
from shards.read import ShardReader
from shards.sample import Sample

SAMPLES_PER_CALL = 8
"""The same for any number of workers: a network's last bits depend on what shares its batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What will be stored of one sample."""

    key: str
    body: bytes | Missing
    """An `.npz`, or why there is none."""


class Workers(Protocol):
    """Who calls the detector."""

    def answers(self, batches: Iterable[range]) -> Iterator[list[Answer]]:
        """The answers to batches of sample numbers, in their order."""
        ...


class LocalWorkers:
    """The cores of this process."""

    def __init__(self, reader: ShardReader, detector: Detector) -> None:
        self._reader, self._detector = reader, detector

    def answers(self, batches: Iterable[range]) -> Iterator[list[Answer]]:
        """See `Workers.answers`."""
        n_cores, n_threads = os.cpu_count() or 1, torch.get_num_threads()
        waiting: deque[Future[list[Answer]]] = deque()
        # Each thread runs a small batch on one core: convolutions of a few do not split well.
        torch.set_num_threads(1)
        try:
            with ThreadPoolExecutor(n_cores) as pool:
                for batch in batches:
                    samples = [self._reader.sample(i) for i in batch]
                    waiting.append(pool.submit(answer, self._detector, samples))
                    # Few calls wait at a time, so a large shard never lies in memory.
                    if len(waiting) > 2 * n_cores:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
        finally:
            torch.set_num_threads(n_threads)


def answer(detector: Detector, samples: list[Sample]) -> list[Answer]:
    """What is stored of these samples."""
    found = detector.detect(samples)
    return [
        Answer(key=sample.key, body=_stored(detector, one))
        for sample, one in zip(samples, found, strict=True)
    ]


def _stored(detector: Detector, found: Regions | Missing) -> bytes | Missing:
    if isinstance(found, Missing):
        return found
    attributes = 0 if found.attributes_RA is None else found.attributes_RA.shape[1]
    widths = (found.features_RD.shape[1], found.probs_RK.shape[1], attributes)
    promised = (detector.feature_dim, len(detector.classes), len(detector.attributes))
    assert widths == promised, (detector.name, widths, promised)
    if not np.isfinite(found.features_RD).all() or not np.isfinite(found.probs_RK).all():
        # Half precision ends at 65504, and one such number makes a whole training run one.
        return Missing(reason="bad_features", detail="a feature or probability is not finite")
    return to_npz(found)
