"""What must a pooling promise?"""

from typing import Protocol

from torch import nn

from pretrain.encoders.gated import EncoderSpec


class Pooling(Protocol):
    """A frozen value of a recipe."""

    def width(self, encoder: EncoderSpec) -> int:
        """P, of the pooled vector."""
        ...

    def pooler(self, encoder: EncoderSpec) -> nn.Module:
        """A module that is called with both streams, [B, L, H] and [B, R, H], and with the text's
        mask, bool [B, L], True = real: [B, P].

        The text's first row is [CLS]; the image's is the whole image's, if the regions have one.
        """
        ...
