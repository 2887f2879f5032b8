"""How does one encoder cover single-stream, dual-stream and mixed layouts?

Shapes: B pairs, L text tokens, R regions, S = L + R, H hidden, h heads.
"""

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from pretrain.encoders.sublayers import Attend, FeedForward, Sublayer


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSpec:
    """The encoder of a recipe."""

    sublayers: tuple[Sublayer, ...]
    hidden: int = 768
    heads: int = 12
    feed_forward: int = 3072
    dropout: float = 0.1
    eps: float = 1e-12
    """Of every layer norm."""
    init_std: float = 0.02
    """Of all weights; BERT's value suits its 768 dimensions, a narrow network needs about
    1 / sqrt(hidden) to tell its inputs apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """Text and image in one tensor, so that a single stream costs no copies."""

    joined_BSH: Tensor
    mask_BS: Tensor
    """bool: True = real."""
    n_text: int

    @classmethod
    def join(
        cls, text_BLH: Tensor, text_mask_BL: Tensor, image_BRH: Tensor, image_mask_BR: Tensor
    ) -> "Streams":
        """Text first."""
        return cls(
            joined_BSH=torch.cat((text_BLH, image_BRH), dim=1),
            mask_BS=torch.cat((text_mask_BL, image_mask_BR), dim=1),
            n_text=text_BLH.shape[1],
        )

    @property
    def text(self) -> Tensor:
        return self.joined_BSH[:, : self.n_text]

    @property
    def image(self) -> Tensor:
        return self.joined_BSH[:, self.n_text :]

    def replaced(self, joined_BSH: Tensor) -> "Streams":
        """The same streams with other content."""
        return dataclasses.replace(self, joined_BSH=joined_BSH)


class AttentionWeights(nn.Module):
    """Query, key, value and output maps, and the norm after the residual, of one stream."""

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        self.qkv = nn.Linear(spec.hidden, 3 * spec.hidden)
        self.output = nn.Linear(spec.hidden, spec.hidden)
        self.norm = nn.LayerNorm(spec.hidden, eps=spec.eps)
        self.dropout = nn.Dropout(spec.dropout)
        self.heads = spec.heads

    def project(self, x_BSH: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each [B, h, S, H/h]."""
        B, S, H = x_BSH.shape
        split = self.qkv(x_BSH).view(B, S, 3, self.heads, H // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4).unbind(0)
        return q, k, v

    def attend(self, x_BSH: Tensor, q: Tensor, k: Tensor, v: Tensor, mask_BT: Tensor) -> Tensor:
        """`x` after looking, through `q`, at the T keys and values that `mask` leaves."""
        dropout = self.dropout.p if self.training else 0.0
        mask = mask_BT[:, None, None, :]
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
        merged_BSH = seen.transpose(1, 2).reshape(x_BSH.shape)
        return torch.as_tensor(self.norm(x_BSH + self.dropout(self.output(merged_BSH))))


class FeedForwardWeights(nn.Module):
    """The two maps, and the norm after the residual, of one stream."""

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        self.inner = nn.Linear(spec.hidden, spec.feed_forward)
        self.output = nn.Linear(spec.feed_forward, spec.hidden)
        self.norm = nn.LayerNorm(spec.hidden, eps=spec.eps)
        self.dropout = nn.Dropout(spec.dropout)

    def forward(self, x_BSH: Tensor) -> Tensor:
        """Post-LN, exact GELU."""
        inner = functional.gelu(self.inner(x_BSH))
        return torch.as_tensor(self.norm(x_BSH + self.dropout(self.output(inner))))


class AttentionSublayer(nn.Module):
    """One `Attend`."""

    def __init__(self, gates: Attend, spec: EncoderSpec) -> None:
        super().__init__()
        self.gates = gates
        self.text = AttentionWeights(spec)
        self.image = None if gates.shared else AttentionWeights(spec)

    def forward(self, streams: Streams) -> Streams:
        """Both streams look before either is updated."""
        if self.gates.joint:
            q, k, v = self.text.project(streams.joined_BSH)
            mask_BS = streams.mask_BS
            return streams.replaced(self.text.attend(streams.joined_BSH, q, k, v, mask_BS))
        gates, n = self.gates, streams.n_text
        text, image = self.text, self.image or self.text
        q_text, k_text, v_text = text.project(streams.text)
        q_image, k_image, v_image = image.project(streams.image)
        k, v = torch.cat((k_text, k_image), dim=2), torch.cat((v_text, v_image), dim=2)
        text_BLH, image_BRH = streams.text, streams.image
        if sees := _window(gates.text_to_text, gates.text_to_image, n):
            mask = streams.mask_BS[:, sees]
            text_BLH = text.attend(text_BLH, q_text, k[:, :, sees], v[:, :, sees], mask)
        if sees := _window(gates.image_to_text, gates.image_to_image, n):
            mask = streams.mask_BS[:, sees]
            image_BRH = image.attend(image_BRH, q_image, k[:, :, sees], v[:, :, sees], mask)
        return streams.replaced(torch.cat((text_BLH, image_BRH), dim=1))


class FeedForwardSublayer(nn.Module):
    """One `FeedForward`."""

    def __init__(self, gates: FeedForward, spec: EncoderSpec) -> None:
        super().__init__()
        self.gates = gates
        self.text = FeedForwardWeights(spec) if gates.text or gates.shared else None
        self.image = FeedForwardWeights(spec) if gates.image and not gates.shared else None

    def forward(self, streams: Streams) -> Streams:
        """A stream without its gate passes through."""
        if self.gates.joint:
            assert self.text is not None
            return streams.replaced(self.text(streams.joined_BSH))
        image = self.text if self.gates.shared else self.image
        text_BLH, image_BRH = streams.text, streams.image
        if self.gates.text and self.text is not None:
            text_BLH = self.text(text_BLH)
        if self.gates.image and image is not None:
            image_BRH = image(image_BRH)
        return streams.replaced(torch.cat((text_BLH, image_BRH), dim=1))


class GatedEncoder(nn.Module):
    """The sublayers, one after the other."""

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        if spec.hidden % spec.heads:
            raise ValueError(
                f"encoder.hidden={spec.hidden} is not a multiple of encoder.heads={spec.heads}"
            )
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


def _window(text: bool, image: bool, n_text: int) -> slice | None:
    """Which of the joined keys a stream sees."""
    if not text and not image:
        return None
    return slice(0 if text else n_text, None if image else n_text)
