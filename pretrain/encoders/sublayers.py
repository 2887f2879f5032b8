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
    def crosses(self) -> bool:
        """A stream looks at the other."""
        return self.text_to_image or self.image_to_text

    @property
    def uses_text(self) -> bool:
        """The text looks, or is looked at."""
        return self.text_to_text or self.crosses

    @property
    def uses_image(self) -> bool:
        """The image looks, or is looked at."""
        return self.image_to_image or self.crosses

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


def lxmert(n_text: int, n_image: int, n_cross: int) -> tuple[Sublayer, ...]:
    """LXMERT: a text and an image encoder, then layers in which they meet.

    In a cross layer each stream looks at the other, through ONE module that both share; then each
    has self-attention and feed-forward of its own. The encoders of text and image run side by side,
    the shorter one resting at the end: neither sees the other.
    """
    layers: list[Sublayer] = []
    for k in range(max(n_text, n_image)):
        layers += (
            _own(text=k < n_text, image=k < n_image),
            _forward(text=k < n_text, image=k < n_image),
        )
    for _ in range(n_cross):
        layers += (
            _across(shared=True),
            _own(text=True, image=True),
            _forward(text=True, image=True),
        )
    return tuple(layers)


def vilbert(n_text: int, n_image: int) -> tuple[Sublayer, ...]:
    """ViLBERT: the text alone at first, then co-attention before every layer of the image.

    A co-attention block, in which the streams exchange keys and values and each has a feed-forward
    of its own, comes before each of the `n_image` layers of the image and of the last `n_image` of
    the text's `n_text` layers.
    """
    assert n_text >= n_image, (n_text, n_image)
    alone = (_own(text=True, image=False), _forward(text=True, image=False))
    block = (_across(shared=False), _forward(text=True, image=True))
    layer = (_own(text=True, image=True), _forward(text=True, image=True))
    return alone * (n_text - n_image) + (block + layer) * n_image


def _own(*, text: bool, image: bool) -> Attend:
    """Self-attention inside of the streams."""
    return Attend(
        text_to_text=text,
        text_to_image=False,
        image_to_text=False,
        image_to_image=image,
        shared=False,
    )


def _across(*, shared: bool) -> Attend:
    """Each stream looks at the other alone."""
    return Attend(
        text_to_text=False,
        text_to_image=True,
        image_to_text=True,
        image_to_image=False,
        shared=shared,
    )


def _forward(*, text: bool, image: bool) -> FeedForward:
    return FeedForward(text=text, image=image, shared=False)
