"""How do pictures and texts become vectors? By an open_clip model, whichever it is.

A vector depends on its picture or text alone, to the last bit: not on what else is in the batch,
nor on the number of threads. So a ledger does not change with the size of Beam's bundles.

N images, M texts, E width of the shared space, S side in pixels, L tokens.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from filter.relevance.colour import Floats
from filter.relevance.preprocess import Pixels, Resize, preprocess

TEXT_ROWS: Final = 4
"""Texts are encoded in blocks of exactly so many rows, the last one filled up: the kernels that
sum a row are chosen by the shape of the block, so its shape must not depend on the company."""
TOKEN_STEP: Final = 16
"""A text is padded to the next multiple of this, not to the full context: most texts are short."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Encoder:
    """Both towers with all that stands before them."""

    network: Any
    """open_clip's CLIP or CustomTextCLIP (a torch Module), in eval mode."""
    tokenizer: Callable[[list[str]], Tensor]
    """Texts to int64 [M, L], padded with 0 to the full context."""
    model_cfg: dict[str, Any]
    """As in open_clip's config files; without paths of this machine."""
    preprocess_cfg: dict[str, Any]
    size_px: int
    resize: Resize
    mean: tuple[float, ...]
    std: tuple[float, ...]
    trims: bool
    """The text tower takes any length: padding may be cut off."""
    write_text_tower: Callable[[Path], None] | None
    """Writes the text tower's own config and tokenizer into a folder; None when open_clip itself
    holds them."""

    def preprocess(self, image: Any) -> Pixels:
        """A Pillow picture as uint8 [S, S, 3]."""
        return preprocess(image, self.size_px, self.resize)

    def images(self, pixels: Sequence[Pixels]) -> Floats:
        """Unit vectors [N, E] of uint8 [S, S, 3] pictures.

        Raises ValueError for pixels of another shape or type.
        """
        return self.map_images(lambda x: self.network.encode_image(x, normalize=True), pixels)

    def texts(self, texts: Sequence[str]) -> Floats:
        """Unit vectors [M, E]."""
        return self.map_texts(lambda ids: self.network.encode_text(ids, normalize=True), texts)

    def map_images(self, tower: Callable[[Tensor], Tensor], pixels: Sequence[Pixels]) -> Floats:
        """Rows that `tower` makes of pictures, one at a time.

        One at a time is the fastest on a CPU: its activations stay in the cache. Batches of 32
        took 1.7 times as long on one thread, and changed the last bits.
        """
        with one_thread(), torch.inference_mode():
            rows = [tower(self._input(picture))[0].numpy() for picture in pixels]
        return np.array(rows, dtype=np.float64)

    def map_texts(self, tower: Callable[[Tensor], Tensor], texts: Sequence[str]) -> Floats:
        """Rows that `tower` makes of token ids; equal texts are encoded once."""
        distinct = list(dict.fromkeys(texts))
        rows: dict[str, Floats] = {}
        with one_thread(), torch.inference_mode():
            for block, ids in self._blocks(distinct):
                out = tower(ids).double().numpy()
                rows.update((distinct[i], row) for i, row in zip(block, out, strict=False))
        return np.array([rows[text] for text in texts], dtype=np.float64)

    def _input(self, pixels: Pixels) -> Tensor:
        if pixels.dtype != np.uint8 or pixels.shape != (self.size_px, self.size_px, 3):
            raise ValueError(
                f"pixels are {pixels.dtype} {list(pixels.shape)}, the model takes uint8 "
                f"[{self.size_px}, {self.size_px}, 3]: use its preprocess"
            )
        x = torch.from_numpy(pixels).permute(2, 0, 1).unsqueeze(0).float().div(255)
        mean, std = (torch.tensor(value).view(1, 3, 1, 1) for value in (self.mean, self.std))
        return ((x - mean) / std).contiguous(memory_format=torch.channels_last)

    def _blocks(self, texts: list[str]) -> Iterator[tuple[list[int], Tensor]]:
        """(indices of texts, their ids [TEXT_ROWS, L]); rows beyond the indices are filling."""
        if not texts:
            return
        ids_ML = self.tokenizer(texts)
        width = ids_ML.shape[1]
        used_M = (ids_ML != 0).sum(dim=1).tolist() if self.trims else [width] * len(texts)
        by_length: dict[int, list[int]] = {}
        for index, used in enumerate(used_M):
            length = min(width, -(-max(used, 1) // TOKEN_STEP) * TOKEN_STEP)
            by_length.setdefault(length, []).append(index)
        for length, indices in sorted(by_length.items()):
            for start in range(0, len(indices), TEXT_ROWS):
                block = indices[start : start + TEXT_ROWS]
                filled = [*block, *[block[0]] * (TEXT_ROWS - len(block))]
                yield block, ids_ML[filled, :length].contiguous()


@contextmanager
def one_thread() -> Iterator[None]:
    """Runs torch on one thread: how a sum is cut into threads decides its last bits.

    It is also the faster way for towers this small; use more cores by more processes. The setting
    is the process's, so threads that score at the same time should set one thread for good.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
