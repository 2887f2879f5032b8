"""What is a network of two towers, one of pixels and one of words?

Shapes: B pairs, L tokens, E the width of the shared space.
"""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pretrain.batch import Batch, View
from pretrain.objectives.objective import Encoded, Loss, Objective
from pretrain.steps.strategy import Leaves

_HIGHEST_SCALE = math.log(100)
"""CLIP: the logits are never scaled by more than 100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionTower:
    """A vision transformer; names are open_clip's."""

    image_size: int = 224
    patch_size: int = 32
    width: int = 768
    layers: int = 12
    head_width: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTower:
    """A causal transformer; names are open_clip's."""

    context_length: int = 77
    vocab_size: int = 49408
    width: int = 512
    heads: int = 8
    layers: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Towers:
    """A dual encoder, made by open_clip; the defaults are its ViT-B-32."""

    embed_dim: int = 512
    vision: VisionTower = field(default_factory=VisionTower)
    text: TextTower = field(default_factory=TextTower)

    def model_cfg(self) -> dict[str, Any]:
        """As in open_clip's config files."""
        return {
            "embed_dim": self.embed_dim,
            "vision_cfg": asdict(self.vision),
            "text_cfg": asdict(self.text),
        }


class DualNetwork(nn.Module):
    """An open_clip model beside a recipe's objectives."""

    def __init__(self, towers: Towers, objectives: tuple[Objective, ...]) -> None:
        from open_clip import CLIP

        super().__init__()
        self.clip = CLIP(**towers.model_cfg())
        self.towers = towers
        self.objectives = objectives

    def embed_image(self, pixels_BCHW: Tensor) -> Tensor:
        """[B, E] unit vectors."""
        return torch.as_tensor(self.clip.encode_image(pixels_BCHW, normalize=True))

    def embed_text(self, tokens_BL: Tensor) -> Tensor:
        """[B, E] unit vectors."""
        # open_clip's tower wants its full context; what stands behind the end is not seen.
        missing = self.towers.text.context_length - tokens_BL.shape[1]
        tokens_BL = functional.pad(tokens_BL, (0, missing))
        return torch.as_tensor(self.clip.encode_text(tokens_BL, normalize=True))

    def forward(
        self,
        batch: Batch,
        view: View,
        asked: tuple[str, ...] | None = None,
        leaves: Leaves | None = None,
    ) -> dict[str, Loss]:
        """The loss of every objective that is asked; see `Network.forward`.

        Raises:
            ValueError: the batch has no pixels, or embedded words and regions are asked for.
        """
        if leaves is not None:
            raise ValueError("a dual encoder embeds no words and regions: choose another strategy")
        if batch.pixels_BCHW is None:
            raise ValueError("a dual encoder needs pixels: set inputs.pixels in the recipe")
        with torch.no_grad():
            self.clip.logit_scale.clamp_(0, _HIGHEST_SCALE)
        text_BE = self.embed_text(view.tokens_BL)
        encoded = Encoded(
            text_BLH=text_BE[:, None],
            image_BRH=self.embed_image(batch.pixels_BCHW)[:, None],
            words_VH=self.clip.token_embedding.weight,
        )
        return {
            objective.name: objective.loss(self.clip, encoded, batch, view)
            for objective in self.objectives
            if asked is None or objective.name in asked
        }
