"""Which of some sentences fits a picture best, to an open_clip model that never saw the question?

Zero-shot classification as in CLIP (Radford et al. 2021, section 3.1): a softmax over the scaled
cosines of the picture with every sentence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from filter.relevance import backbone
from filter.relevance.colour import Floats
from filter.relevance.encoder import Encoder
from filter.relevance.preprocess import Pixels


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ZeroShot:
    """A `filter.safety.SafetyModel`. N pictures, P sentences, E width."""

    encoder: Encoder
    scaled_EP: Floats
    """Unit vectors of the sentences times the model's logit scale."""
    n_unsafe: int
    """So many of the sentences, the first ones, are unsafe."""

    @classmethod
    def load(cls, spec: str, unsafe: Sequence[str], safe: Sequence[str]) -> "ZeroShot":
        """`spec` as in `RelevanceConfig.backbone`. Raises ValueError: no such model, no prompts."""
        if not unsafe or not safe:
            raise ValueError(
                f"{spec} needs filter.unsafe_prompts and filter.safe_prompts, at least one each"
            )
        return cls.of(backbone.named_encoder(spec), unsafe, safe)

    @classmethod
    def of(cls, encoder: Encoder, unsafe: Sequence[str], safe: Sequence[str]) -> "ZeroShot":
        """The same for a model that is loaded already."""
        scale = float(encoder.network.logit_scale.exp())
        return cls(
            encoder=encoder,
            scaled_EP=scale * encoder.texts([*unsafe, *safe]).T,
            n_unsafe=len(unsafe),
        )

    def preprocess(self, image: Image.Image, /) -> Pixels:
        """uint8 [S, S, 3]."""
        return self.encoder.preprocess(image)

    def shares(self, pixels_N: Sequence[Pixels]) -> Floats:
        """[N, P]: how well each sentence fits each picture; rows add up to 1."""
        logits_NP = self.encoder.images(pixels_N) @ self.scaled_EP
        raised = np.exp(logits_NP - logits_NP.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))

    def unsafe(self, pixels_N: Sequence[NDArray[np.uint8]], /) -> list[float]:
        """The share of the unsafe sentences."""
        if not pixels_N:
            return []
        return [float(row) for row in self.shares(pixels_N)[:, : self.n_unsafe].sum(axis=1)]
