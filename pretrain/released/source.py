"""Which tensor of another's checkpoint is which of ours?"""

from collections.abc import Mapping

import torch
from torch import Tensor

_KINDS = ("weight", "bias")
_QKV = ("query", "key", "value")


class Source:
    """Another's tensors by their own names; remembers what was taken, under our names."""

    def __init__(self, theirs: Mapping[str, Tensor]) -> None:
        self.left = dict(theirs)
        """What nobody has taken yet."""
        self.taken: dict[str, Tensor] = {}

    def tensor(self, ours: str, theirs: str) -> None:
        """One tensor.

        Raises:
            ValueError: the checkpoint does not have it.
        """
        self.taken[ours] = self.pop(theirs)

    def module(self, ours: str, theirs: str) -> None:
        """Weight and bias of a linear map or a norm."""
        for kind in _KINDS:
            self.tensor(f"{ours}.{kind}", f"{theirs}.{kind}")

    def attention(self, ours: str, projections: str, output: str) -> None:
        """Query, key and value, which are one map of ours, the output map and its norm."""
        for kind in _KINDS:
            parts = [self.pop(f"{projections}.{part}.{kind}") for part in _QKV]
            self.taken[f"{ours}.qkv.{kind}"] = torch.cat(parts)
        self.module(f"{ours}.output", f"{output}.dense")
        self.module(f"{ours}.norm", f"{output}.LayerNorm")

    def feed_forward(self, ours: str, inner: str, output: str) -> None:
        """The two maps of a feed-forward and its norm."""
        self.module(f"{ours}.inner", f"{inner}.dense")
        self.module(f"{ours}.output", f"{output}.dense")
        self.module(f"{ours}.norm", f"{output}.LayerNorm")

    def text_tables(self, theirs: str) -> None:
        """BERT's embeddings."""
        for name, table in (
            ("word", "word_embeddings"),
            ("position", "position_embeddings"),
            ("segment", "token_type_embeddings"),
        ):
            self.tensor(f"text.{name}.weight", f"{theirs}.{table}.weight")
        self.module("text.norm", f"{theirs}.LayerNorm")
        self.left.pop(f"{theirs}.position_ids", None)  # 0, 1, 2, ...

    def words_head(self, ours: str, theirs: str) -> None:
        """BERT's head for masked words; its decoder is the word table."""
        self.module(f"{ours}.transform", f"{theirs}.transform.dense")
        self.module(f"{ours}.norm", f"{theirs}.transform.LayerNorm")
        self.tensor(f"{ours}.bias", f"{theirs}.bias")
        for tied in ("decoder.weight", "decoder.bias"):
            self.left.pop(f"{theirs}.{tied}", None)

    def pop(self, name: str) -> Tensor:
        """A tensor that is now used."""
        if name not in self.left:
            raise ValueError(f"the checkpoint of init.released has no tensor {name}")
        return self.left.pop(name)
