"""What flows through an encoder?

Shapes: B pairs, L text tokens, R regions, S = L + R, H the width of a stream.
"""

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """Text and image; in one tensor after a joint sublayer, so that a single stream is not copied
    again and again."""

    text: Tensor
    """[B, L, H]"""
    image: Tensor
    """[B, R, H]; its H may be another."""
    mask_BS: Tensor
    """bool: True = real."""
    both_BSH: Tensor | None = None
    """The tensor of which `text` and `image` are parts, if there is one."""

    @classmethod
    def join(
        cls, text_BLH: Tensor, text_mask_BL: Tensor, image_BRH: Tensor, image_mask_BR: Tensor
    ) -> "Streams":
        """Text first."""
        mask_BS = torch.cat((text_mask_BL, image_mask_BR), dim=1)
        return cls(text=text_BLH, image=image_BRH, mask_BS=mask_BS)

    @property
    def n_text(self) -> int:
        return self.text.shape[1]

    @property
    def joined(self) -> Tensor:
        """[B, S, H] of both streams, which have one width."""
        if self.both_BSH is not None:
            return self.both_BSH
        return torch.cat((self.text, self.image), dim=1)

    def replaced(self, joined_BSH: Tensor) -> "Streams":
        """The same streams with other content."""
        n = self.n_text
        return dataclasses.replace(
            self, text=joined_BSH[:, :n], image=joined_BSH[:, n:], both_BSH=joined_BSH
        )

    def apart(self, text_BLH: Tensor, image_BRH: Tensor) -> "Streams":
        """The same streams with other content, each on its own."""
        return dataclasses.replace(self, text=text_BLH, image=image_BRH, both_BSH=None)
