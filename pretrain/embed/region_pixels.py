"""How do pixels become features of regions, without a hidden region showing through?

Shapes: B images, C = 3 channels, H and W in pixels, R boxes, D feature dimensions.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torchvision
from torch import Tensor, nn
from torchvision.ops import roi_align

from pretrain.batch import Batch, View

_DIMS = {"resnet18": 512, "resnet50": 2048, "resnet101": 2048}
_CELLS = 14
"""Along each side of a box, before the last stage halves it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resnet:
    """torchvision's; stem, first stage and all norms do not learn (VL-BERT)."""

    depth: Literal["resnet18", "resnet50", "resnet101"] = "resnet101"

    @property
    def feature_dim(self) -> int:
        """D."""
        return _DIMS[self.depth]


class PixelFeatures(nn.Module):
    """A ResNet whose last stage runs inside of boxes, and is averaged there."""

    def __init__(self, spec: Resnet) -> None:
        super().__init__()
        norm = torchvision.ops.FrozenBatchNorm2d
        net = torchvision.models.get_model(spec.depth, weights=None, norm_layer=norm)
        self.stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool, net.layer1)
        self.trunk = nn.Sequential(net.layer2, net.layer3)
        self.last = net.layer4
        self.stem.requires_grad_(False)

    def forward(self, batch: Batch, view: View, boxes_BR4: Tensor) -> Tensor:
        """[B, R, D] of boxes relative to the image.

        Raises:
            ValueError: the batch has no pixels.
        """
        if batch.pixels_BCHW is None:
            raise ValueError("end to end needs pixels: set inputs.pixels in the recipe")
        pixels_BCHW = blacked(batch.pixels_BCHW, batch.boxes_BR4, view.hidden_regions_BR)
        map_BCHW = self.trunk(self.stem(pixels_BCHW))
        height, width = map_BCHW.shape[-2:]
        scaled_BR4 = boxes_BR4 * boxes_BR4.new_tensor([width, height, width, height])
        inside = roi_align(map_BCHW, list(scaled_BR4.unbind()), output_size=_CELLS, aligned=True)
        pooled = self.last(inside).mean((-2, -1))
        return torch.as_tensor(pooled.view(*boxes_BR4.shape[:2], -1))


def blacked(pixels_BCHW: Tensor, boxes_BR4: Tensor, hidden_BR: Tensor) -> Tensor:
    """The images with every pixel that a hidden box touches set to zero.

    What lies in the way of a visible box is gone, too: else it would show what is hidden.
    """
    height, width = pixels_BCHW.shape[-2:]
    x1, y1, x2, y2 = boxes_BR4.unbind(-1)
    row_H = torch.arange(height, device=pixels_BCHW.device)
    column_W = torch.arange(width, device=pixels_BCHW.device)
    rows_BRH = (row_H + 1 > (y1 * height)[..., None]) & (row_H < (y2 * height)[..., None])
    columns_BRW = (column_W + 1 > (x1 * width)[..., None]) & (column_W < (x2 * width)[..., None])
    touched_BRHW = rows_BRH[..., None] & columns_BRW[..., None, :] & hidden_BR[..., None, None]
    return pixels_BCHW.masked_fill(touched_BRHW.any(1)[:, None], 0.0)
