"""Of which sublayers can an encoder consist, and which stacks of them have a name?

A sublayer updates the two streams, text and image. An attention has four gates: who may look at
whom. Where a stream looks at both, ONE softmax spans both; that, shared and with all gates open, is
a single-stream BERT. (The formalism is that of the "multimodal pretraining unmasked" comparison.)
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Attend:
    """Multi-head attention, residual and LN. A stream that looks at nothing passes through."""

    text_to_text: bool
    text_to_image: bool
    image_to_text: bool
    image_to_image: bool
    shared: bool
    """The two streams use the same weights."""

    @property
    def joint(self) -> bool:
        """Both streams see everything through the same weights: they are one stream."""
        gates = (self.text_to_text, self.text_to_image, self.image_to_text, self.image_to_image)
        return self.shared and all(gates)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedForward:
    """Two linear maps around a GELU, residual and LN."""

    text: bool
    image: bool
    shared: bool

    @property
    def joint(self) -> bool:
        """Both streams go through the same weights."""
        return self.shared and self.text and self.image


Sublayer = Attend | FeedForward


def single(n_layers: int) -> tuple[Sublayer, ...]:
    """A single-stream BERT of `n_layers`."""
    attend = Attend(
        text_to_text=True,
        text_to_image=True,
        image_to_text=True,
        image_to_image=True,
        shared=True,
    )
    return (attend, FeedForward(text=True, image=True, shared=True)) * n_layers
