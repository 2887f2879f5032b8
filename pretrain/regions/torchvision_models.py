"""What does a detection model of torchvision see?

Two-stage models (Faster, Mask and Keypoint R-CNN; Ren et al. 2015) give features from their own box
head. Single-stage ones (RetinaNet, FCOS, SSD) have none: their boxes are pooled as a stranger's.
"""

import pickle
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.models import detection, get_model, list_models
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.transforms.functional import pil_to_tensor

from pretrain.regions.backbone import EfficientNetLite0
from pretrain.regions.classes import coco_91
from pretrain.regions.detector import Settings, described
from pretrain.regions.found import WHOLE_IMAGE, Found, Limits, best, with_whole_image
from pretrain.regions.pictures import with_pictures
from pretrain.regions.pooled import pooled_regions
from pretrain.regions.regions import Missing, Regions
from shards.manifest import InputInfo
from shards.sample import Sample


class TorchvisionDetector:
    """A model of torchvision with the user's weights. The whole image comes first, as a class."""

    attributes: tuple[str, ...] = ()

    def __init__(
        self, model: str, weights: Path, *, limits: Limits, names: tuple[str, ...] | None = None
    ) -> None:
        """Load a model.

        Args:
            model: Its name in torchvision, e.g. `fasterrcnn_resnet50_fpn`.
            weights: Its state, as `.safetensors` or as torch saves it.
            limits: Which boxes are kept.
            names: Of its classes without the background; None: the 91 outputs of COCO.

        Raises:
            ValueError: there is no such model, or the weights are not its.
        """
        self._weights, self._limits = weights, limits
        outputs = ("__background__", *names) if names else coco_91()
        self._model = _loaded(model, weights, len(outputs), limits)
        self._side_px = max(int(side) for side in self._model.transform.min_size)
        self.classes = (WHOLE_IMAGE, *outputs[1:])
        self._backbone: EfficientNetLite0 | None = None
        if isinstance(self._model, GeneralizedRCNN) and "roi_heads" in dict(
            self._model.named_children()
        ):
            self.name = f"torchvision-{model}"
            self.feature_dim = int(self._model.roi_heads.box_predictor.cls_score.in_features)
        else:
            self._backbone = EfficientNetLite0()
            self.name = f"torchvision-{model}/{self._backbone.name}-{self._backbone.input_px}px"
            self.feature_dim = self._backbone.feature_dim
        self.settings: Settings = limits.settings

    @cached_property
    def files(self) -> tuple[InputInfo, ...]:
        """See `Detector.files`."""
        return (described("--weights", self._weights),)

    def detect(self, samples: Sequence[Sample]) -> list[Regions | Missing]:
        """See `Detector.detect`."""
        return with_pictures(samples, self._side_px, self._see)

    @torch.inference_mode()
    def _see(self, _: list[Sample], pictures: list[Image.Image]) -> list[Regions]:
        # One by one: in a batch, pictures are padded to each other's size and change each other.
        tensors = [pil_to_tensor(picture).float() / 255 for picture in pictures]
        if self._backbone is None:
            return [self._two_stage(tensor) for tensor in tensors]
        found = [with_whole_image(self._one_stage(tensor)) for tensor in tensors]
        return pooled_regions(self._backbone, pictures, found)

    def _two_stage(self, picture_3HW: Tensor) -> Regions:
        model, heads = self._model, self._model.roi_heads
        images, _ = model.transform([picture_3HW])
        maps = model.backbone(images.tensors)
        maps = {"0": maps} if isinstance(maps, Tensor) else maps
        proposals, _ = model.rpn(images, maps)
        (seen,), _ = heads(maps, proposals, images.image_sizes)
        kept = with_whole_image(self._best(seen, images.image_sizes[0]))
        # The head looks once more, at the boxes as they came out: features and classes of a region
        # are of the same place.
        boxes = torch.from_numpy(kept.boxes_R4) * _scale(images.image_sizes[0])
        features_RD = heads.box_head(heads.box_roi_pool(maps, [boxes], images.image_sizes))
        logits_RK, _ = heads.box_predictor(features_RD)
        probs_RK = kept.probs_RK
        # Without the background: what it is, given that it is something.
        probs_RK[1:, 1:] = logits_RK[1:, 1:].softmax(-1).numpy()
        return Regions(
            boxes_R4=kept.boxes_R4,
            features_RD=features_RD.numpy().astype(np.float16),
            probs_RK=probs_RK.astype(np.float16),
        )

    def _one_stage(self, picture_3HW: Tensor) -> Found:
        (seen,) = self._model([picture_3HW])
        return self._best(seen, (picture_3HW.shape[1], picture_3HW.shape[2]))

    def _best(self, seen: dict[str, Tensor], size: tuple[int, int]) -> Found:
        labels = seen["labels"].numpy()
        found = Found(
            boxes_R4=(seen["boxes"] / _scale(size)).numpy(),
            scores_R=seen["scores"].numpy(),
            # Column 0 of the classes is the whole image, so that a label is one column further.
            probs_RK=np.eye(len(self.classes), dtype=np.float32)[labels][:, 1:],
        )
        return best(found, self._limits)


def _scale(size: tuple[int, int]) -> Tensor:
    """Of (x1, y1, x2, y2), for a size of (height, width)."""
    return torch.tensor([size[1], size[0]] * 2, dtype=torch.float32)


def _loaded(name: str, weights: Path, n_outputs: int, limits: Limits) -> Any:
    known = list_models(module=detection)
    if name not in known:
        raise ValueError(f"--detector torchvision:{name} is none of {', '.join(known)}")
    state = _state(weights)
    two_stage = "rcnn" in name
    prefix = "box_" if two_stage else ""
    thresholds = {
        f"{prefix}score_thresh": limits.min_score,
        f"{prefix}nms_thresh": limits.max_overlap,
        f"{prefix}detections_per_img": max(limits.max_regions, 100),
    }
    model: nn.Module = get_model(
        name, weights=None, weights_backbone=None, num_classes=n_outputs, **thresholds
    )
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise ValueError(
            f"--weights {weights} are not of {name} with {n_outputs} outputs ({reason}); other "
            "classes than COCO's are named with --classes"
        ) from error
    return model.eval().requires_grad_(False)


def _state(weights: Path) -> dict[str, Tensor]:
    """Tensors by name; torch's own format is read by its restricted unpickler."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not weights.is_file():
        raise ValueError(f"--weights {weights} is not a file")
    try:
        if weights.suffix == ".safetensors":
            return load_file(weights)
        state = torch.load(weights, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, SafetensorError, RuntimeError, EOFError, KeyError) as error:
        first = str(error).splitlines()[0] if str(error) else "it is cut short"
        raise ValueError(f"--weights {weights} cannot be read as weights: {first}") from error
    if not isinstance(state, dict) or not all(isinstance(t, Tensor) for t in state.values()):
        raise ValueError(f"--weights {weights} holds no tensors by name: save model.state_dict()")
    return state
