"""Which random numbers belong to which pair of which step, whatever the number of workers?

A number is a hash of (seed, step, purpose, row, column): a counter-based generator (the finaliser
of SplitMix64 over a Weyl sequence). So a row of the global batch gets the same numbers on one
worker and on eight, before and after a restart, and there is no generator state to save.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_MASK64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """The generator of some rows of the global batch of one step."""

    seed: int
    step: int
    rows: tuple[int, ...]
    """Numbers of the rows in the global batch."""

    def uniform(self, purpose: str, width: int) -> Tensor:
        """float32 [rows, width] in [0, 1); the same arguments give the same numbers."""
        rows = np.array(self.rows, dtype=np.uint64)
        columns = np.arange(width, dtype=np.uint64)
        counter = (rows[:, None] << np.uint64(32)) | columns[None, :]
        key = np.uint64(key_of(self.seed, self.step, purpose))
        bits = _mix(key + (counter + np.uint64(1)) * _GOLDEN)
        return torch.from_numpy((bits >> np.uint64(40)).astype(np.float32) / np.float32(1 << 24))

    def only(self, rows: Sequence[int]) -> "Draws":
        """The generator of these rows of the global batch alone."""
        return Draws(seed=self.seed, step=self.step, rows=tuple(rows))


def key_of(seed: int, step: int, purpose: str) -> int:
    """A 64-bit key; unrelated for any two different (seed, step, purpose)."""
    state = np.uint64(0)
    for part in (seed, step, zlib.crc32(purpose.encode())):
        state = _mix(np.asarray([state ^ np.uint64(part & _MASK64)]) + _GOLDEN)[0]
    return int(state)


def _mix(
    bits: "np.ndarray[tuple[int, ...], np.dtype[np.uint64]]",
) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint64]]":
    bits = (bits ^ (bits >> np.uint64(30))) * _MIX1
    bits = (bits ^ (bits >> np.uint64(27))) * _MIX2
    return bits ^ (bits >> np.uint64(31))
