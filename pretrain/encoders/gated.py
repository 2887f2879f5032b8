"""How does one encoder cover single-stream, dual-stream and mixed layouts?

Shapes: B pairs, L text tokens, R regions, S = L + R, H the width of a stream, A of an attention,
h heads.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from pretrain.encoders.streams import Streams
from pretrain.encoders.sublayers import Attend, FeedForward, Sublayer


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSpec:
    """The widths of a stream that is not like the text's."""

    hidden: int
    heads: int
    feed_forward: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossSpec:
    """The attention between streams, where it is not as wide as the text's stream."""

    hidden: int
    """Of queries, keys and values of both streams."""
    heads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSpec:
    """The encoder of a recipe."""

    sublayers: tuple[Sublayer, ...]
    hidden: int = 768
    heads: int = 12
    feed_forward: int = 3072
    image: StreamSpec | None = None
    """The image's stream (ViLBERT); None: as wide as the text's, the widths above."""
    cross: CrossSpec | None = None
    """The attention between streams (ViLBERT); None: as wide as the text's."""
    dropout: float = 0.1
    eps: float = 1e-12
    """Of every layer norm."""
    init_std: float = 0.02
    """Of all weights; BERT's value suits its 768 dimensions, a narrow network needs about
    1 / sqrt(hidden) to tell its inputs apart."""

    @property
    def text_stream(self) -> StreamSpec:
        """The widths of the text's stream."""
        return StreamSpec(hidden=self.hidden, heads=self.heads, feed_forward=self.feed_forward)

    @property
    def image_stream(self) -> StreamSpec:
        """The widths of the image's stream."""
        return self.image or self.text_stream


Projected = tuple[Tensor, Tensor, Tensor]
"""Queries, keys and values, each [B, h, S, A/h]."""


class AttentionWeights(nn.Module):
    """Query, key, value and output maps, and the norm after the residual, of one stream."""

    def __init__(self, stream: StreamSpec, across: CrossSpec | None, spec: EncoderSpec) -> None:
        """Args: across: widths inside of the attention; None: those of the stream."""
        super().__init__()
        inner, self.heads = stream.hidden, stream.heads
        if across is not None:
            inner, self.heads = across.hidden, across.heads
        if inner % self.heads:
            raise ValueError(
                f"encoder: attention of hidden={inner} is not a multiple of its heads={self.heads}"
            )
        self.qkv = nn.Linear(stream.hidden, 3 * inner)
        self.output = nn.Linear(inner, stream.hidden)
        self.norm = nn.LayerNorm(stream.hidden, eps=spec.eps)
        self.dropout = nn.Dropout(spec.dropout)

    def project(self, x_BSH: Tensor) -> Projected:
        """Of every token."""
        B, S, _ = x_BSH.shape
        split = self.qkv(x_BSH).view(B, S, 3, self.heads, -1)
        q, k, v = split.permute(2, 0, 3, 1, 4).unbind(0)
        return q, k, v

    def attend(self, x_BSH: Tensor, q: Tensor, k: Tensor, v: Tensor, mask_BT: Tensor) -> Tensor:
        """`x` after looking, through `q`, at the T keys and values that `mask` leaves."""
        dropout = self.dropout.p if self.training else 0.0
        mask = mask_BT[:, None, None, :]
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
        merged_BSA = seen.transpose(1, 2).flatten(2)
        return torch.as_tensor(self.norm(x_BSH + self.dropout(self.output(merged_BSA))))


class FeedForwardWeights(nn.Module):
    """The two maps, and the norm after the residual, of one stream."""

    def __init__(self, stream: StreamSpec, spec: EncoderSpec) -> None:
        super().__init__()
        self.inner = nn.Linear(stream.hidden, stream.feed_forward)
        self.output = nn.Linear(stream.feed_forward, stream.hidden)
        self.norm = nn.LayerNorm(stream.hidden, eps=spec.eps)
        self.dropout = nn.Dropout(spec.dropout)

    def forward(self, x_BSH: Tensor) -> Tensor:
        """Post-LN, exact GELU."""
        inner = functional.gelu(self.inner(x_BSH))
        return torch.as_tensor(self.norm(x_BSH + self.dropout(self.output(inner))))


class AttentionSublayer(nn.Module):
    """One `Attend`."""

    def __init__(self, gates: Attend, spec: EncoderSpec) -> None:
        super().__init__()
        _check_shared(gates, spec)
        self.gates = gates
        across = spec.cross if gates.crosses else None
        if gates.crosses and across is None and spec.image is not None:
            raise ValueError("encoder.image has widths of its own: encoder.cross must be set too")
        self.text = self.image = None
        if gates.uses_text or gates.shared:
            self.text = AttentionWeights(spec.text_stream, across, spec)
        if gates.uses_image and not gates.shared:
            self.image = AttentionWeights(spec.image_stream, across, spec)

    def forward(self, streams: Streams) -> Streams:
        """Both streams look before either is updated."""
        gates, text = self.gates, self.text
        image = text if gates.shared else self.image
        if gates.joint and text is not None:
            joined_BSH = streams.joined
            q, k, v = text.project(joined_BSH)
            return streams.replaced(text.attend(joined_BSH, q, k, v, streams.mask_BS))
        of_text = text.project(streams.text) if text and gates.uses_text else None
        of_image = image.project(streams.image) if image and gates.uses_image else None
        masks = streams.mask_BS[:, : streams.n_text], streams.mask_BS[:, streams.n_text :]
        text_BLH, image_BRH = streams.text, streams.image
        open_gates = gates.text_to_text, gates.text_to_image
        if text and of_text and any(open_gates):
            keys = _seen(open_gates, (of_text, of_image), masks)
            text_BLH = text.attend(text_BLH, of_text[0], *keys)
        open_gates = gates.image_to_text, gates.image_to_image
        if image and of_image and any(open_gates):
            keys = _seen(open_gates, (of_text, of_image), masks)
            image_BRH = image.attend(image_BRH, of_image[0], *keys)
        return streams.apart(text_BLH, image_BRH)


class FeedForwardSublayer(nn.Module):
    """One `FeedForward`."""

    def __init__(self, gates: FeedForward, spec: EncoderSpec) -> None:
        super().__init__()
        _check_shared(gates, spec)
        self.gates = gates
        self.text = self.image = None
        if gates.text or gates.shared:
            self.text = FeedForwardWeights(spec.text_stream, spec)
        if gates.image and not gates.shared:
            self.image = FeedForwardWeights(spec.image_stream, spec)

    def forward(self, streams: Streams) -> Streams:
        """A stream without its gate passes through."""
        if self.gates.joint:
            assert self.text is not None
            return streams.replaced(self.text(streams.joined))
        image = self.text if self.gates.shared else self.image
        text_BLH, image_BRH = streams.text, streams.image
        if self.gates.text and self.text is not None:
            text_BLH = self.text(text_BLH)
        if self.gates.image and image is not None:
            image_BRH = image(image_BRH)
        return streams.apart(text_BLH, image_BRH)


class GatedEncoder(nn.Module):
    """The sublayers, one after the other."""

    def __init__(self, spec: EncoderSpec) -> None:
        """Raises ValueError for widths that do not go together; names the fields."""
        super().__init__()
        self.sublayers = nn.ModuleList(
            AttentionSublayer(gates, spec)
            if isinstance(gates, Attend)
            else FeedForwardSublayer(gates, spec)
            for gates in spec.sublayers
        )

    def forward(self, streams: Streams) -> Streams:
        """The streams after the last sublayer."""
        for sublayer in self.sublayers:
            streams = sublayer(streams)
        return streams


def _seen(
    gates: tuple[bool, bool],
    projected: tuple[Projected | None, Projected | None],
    masks: tuple[Tensor, Tensor],
) -> tuple[Tensor, Tensor, Tensor]:
    """Keys, values and mask of what a stream with these two gates sees."""
    shown = [
        (part[1], part[2], mask)
        for is_open, part, mask in zip(gates, projected, masks, strict=True)
        if is_open and part is not None
    ]
    if len(shown) == 1:
        return shown[0]
    k, v, mask = zip(*shown, strict=True)
    return torch.cat(k, dim=2), torch.cat(v, dim=2), torch.cat(mask, dim=1)


def _check_shared(gates: Sublayer, spec: EncoderSpec) -> None:
    if gates.shared and spec.image is not None:
        raise ValueError("encoder.image has widths of its own, but a sublayer shares its weights")
