"""How does every element of a sequence, word or region, carry something visual? (VL-BERT)

Shapes: B pairs, R regions, D feature dimensions, H hidden.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pretrain.batch import IMAGE_SEGMENT, Batch, View
from pretrain.embed.image import EmbedSizes
from pretrain.embed.region_pixels import PixelFeatures, Resnet
from pretrain.embed.text import TextEmbedder

SEGMENT = IMAGE_SEGMENT + 1
"""Of regions and the end: 1 is left to a second text."""
_WAVES = 256
_GEOMETRY_DIM = 4 * 2 * _WAVES


@dataclass(frozen=True, slots=True, kw_only=True)
class VisualEverywhere:
    """Regions as VL-BERT embeds them; words get the feature of the whole image."""

    cnn: Resnet | None = None
    """Features come from pixels through this CNN, which learns (end to end); None: precomputed."""

    @property
    def n_leading(self) -> int:
        """The whole image, and the end of the sequence: attention knows no order but positions."""
        return 2

    def embedder(self, sizes: EmbedSizes) -> nn.Module:
        """See `ImageSpec`."""
        return EverywhereEmbedder(self, sizes)


class EverywhereEmbedder(nn.Module):
    """Token + LN(visual) + segment + position, then the text's norm.

    The norms of the visual parts start with weight 0: at first the network knows no image. A hidden
    region is shown as a learned token and a learned appearance; its box stays.
    """

    def __init__(self, spec: VisualEverywhere, sizes: EmbedSizes) -> None:
        super().__init__()
        dim = sizes.feature_dim if spec.cnn is None else spec.cnn.feature_dim
        self.cnn = None if spec.cnn is None else PixelFeatures(spec.cnn)
        self.feature = nn.Linear(dim, sizes.hidden)
        self.geometry = nn.Linear(_GEOMETRY_DIM, sizes.hidden, bias=False)
        self.token = nn.Embedding(2, sizes.hidden)
        """Of a region, and of a hidden one."""
        self.end = nn.Embedding(1, sizes.hidden)
        self.no_image = nn.Embedding(1, sizes.hidden)
        """What words of a text without an image carry."""
        # Where pixels are hidden, what the CNN makes of nothing is the appearance.
        self.hidden_D = nn.Parameter(torch.zeros(dim)) if spec.cnn is None else None
        self.word_norm = nn.LayerNorm(sizes.hidden, eps=sizes.eps)
        self.region_norm = nn.LayerNorm(sizes.hidden, eps=sizes.eps)
        for norm in (self.word_norm, self.region_norm):
            nn.init.zeros_(norm.weight)
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(self, batch: Batch, view: View, text: TextEmbedder) -> Tensor:
        """[B, 2 + R, hidden]: the whole image, the end, the regions."""
        visual_BRH = self._visual(batch, view)
        tokens_BRH = self.token(self._hidden(view).long())
        n_text_B = batch.text_mask_BL.sum(1)
        region_B1H = text.segment.weight[SEGMENT] + text.position(n_text_B)[:, None]
        end_B1H = text.segment.weight[SEGMENT] + text.position(n_text_B + 1)[:, None]
        elements_BRH = tokens_BRH + self.region_norm(visual_BRH) + region_B1H
        end_B1H = self.end.weight + end_B1H
        summed = torch.cat((elements_BRH[:, :1], end_B1H, elements_BRH[:, 1:]), dim=1)
        return torch.as_tensor(self.dropout(text.norm(summed)))

    def words(self, batch: Batch, view: View) -> Tensor:
        """[B, 1, H], what each word carries: the whole image, or the vector of there being none."""
        seen_B11 = batch.region_mask_BR.any(1)[:, None, None]
        whole_B1H = self._visual(batch, view)[:, :1]
        return torch.as_tensor(
            self.word_norm(torch.where(seen_B11, whole_B1H, self.no_image.weight))
        )

    def leading(self, batch: Batch) -> Tensor:
        """bool [B, 2]: a text without an image has no whole image, but an end."""
        seen_B = batch.region_mask_BR.any(1)
        return torch.stack((seen_B, torch.ones_like(seen_B)), dim=1)

    def _hidden(self, view: View) -> Tensor:
        """bool [B, 1 + R]; the whole image never is."""
        return nn.functional.pad(view.hidden_regions_BR, (1, 0), value=False)

    def _visual(self, batch: Batch, view: View) -> Tensor:
        """[B, 1 + R, H] of the whole image and the regions, not yet normed."""
        whole_B14 = batch.boxes_BR4.new_tensor([0.0, 0.0, 1.0, 1.0]).expand(len(batch), 1, 4)
        boxes_BR4 = torch.cat((whole_B14, batch.boxes_BR4), dim=1)
        if self.hidden_D is not None:
            seen_BR1 = (batch.region_mask_BR & ~view.hidden_regions_BR)[:, :, None]
            mean_BD = (view.regions_BRD * seen_BR1).sum(1) / seen_BR1.sum(1).clamp(min=1)
            features_BRD = torch.cat((mean_BD[:, None], view.regions_BRD), dim=1)
            hidden_BR1 = self._hidden(view)[:, :, None]
            features_BRD = torch.where(hidden_BR1, self.hidden_D, features_BRD)
        else:
            assert self.cnn is not None
            features_BRD = self.cnn(batch, view, boxes_BR4)
        feature_BRH = self.feature(self.dropout(features_BRD))
        return torch.relu(feature_BRH + self.geometry(self.dropout(geometry(boxes_BR4))))


def geometry(boxes_BR4: Tensor) -> Tensor:
    """[B, R, 2048]: sine and cosine of centre, width and height in percent, at 256 wavelengths."""
    x1, y1, x2, y2 = (100 * boxes_BR4).unbind(-1)
    numbers_BR4 = torch.stack(((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1), dim=-1)
    place_W = torch.arange(_WAVES, device=boxes_BR4.device, dtype=boxes_BR4.dtype)
    angles_BR4W = numbers_BR4[..., None] / 1000 ** (place_W / _WAVES)
    return torch.cat((angles_BR4W.sin(), angles_BR4W.cos()), dim=-1).flatten(-2)
