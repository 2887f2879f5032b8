"""What does a YOLOX network in ONNX see, and what do its boxes look like to another network?

Ge et al. 2021, "YOLOX: Exceeding YOLO Series in 2021". The exported network has no decoding: each
row of its output is (x, y, log w, log h) in cells of a grid, objectness, and a score a class; rows
are those of the grids of stride 8, 16 and 32, one below the other.

    picture w x h          input S x S, blue first, 0..255
    +---------+            +---------+
    |         |   scale    | picture |     scale = min(S / w, S / h)
    |         |  ------->  |---------|
    +---------+            |  114    |
                           +---------+

Shapes: A rows of output, K classes.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pretrain.regions.backbone import EfficientNetLite0
from pretrain.regions.classes import coco_80
from pretrain.regions.detector import Settings, described
from pretrain.regions.found import WHOLE_IMAGE, Found, Limits, best, with_whole_image
from pretrain.regions.pictures import with_pictures
from pretrain.regions.pooled import pooled_regions
from pretrain.regions.regions import Missing, Regions
from shards.manifest import InputInfo
from shards.sample import Sample

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

STRIDES = (8, 16, 32)
_GREY = 114
_N_FIXED = 5
"""Columns before the class scores."""


class YoloxDetector:
    """Boxes of a YOLOX network; features of the packaged EfficientNet-lite0 inside them.

    The whole image comes first, as a class of its own.
    """

    attributes: tuple[str, ...] = ()

    def __init__(
        self,
        weights: Path,
        *,
        limits: Limits,
        names: tuple[str, ...] | None = None,
        features_px: int = 224,
    ) -> None:
        """Load an exported network.

        Args:
            weights: The `.onnx`.
            limits: Which boxes are kept.
            names: Of its classes; None: the 80 of COCO.
            features_px: Side of what the second network looks at.

        Raises:
            ValueError: no file, no YOLOX network, or not as many classes as names.
        """
        if not weights.is_file():
            raise ValueError(f"--weights {weights} is not a file")
        self._weights, self._limits = weights, limits
        self._session = _opened(weights)
        self._input = self._session.get_inputs()[0].name
        names = names or coco_80()
        self.side_px = _checked(self._session, weights, len(names))
        self._backbone = EfficientNetLite0(features_px)
        self.feature_dim = self._backbone.feature_dim
        self.classes = (WHOLE_IMAGE, *names)
        self.name = f"yolox-{self.side_px}px/{self._backbone.name}-{features_px}px"
        self.settings: Settings = (*limits.settings, ("features_px", str(features_px)))

    @cached_property
    def files(self) -> tuple[InputInfo, ...]:
        """See `Detector.files`."""
        return (described("--weights", self._weights),)

    def detect(self, samples: Sequence[Sample]) -> list[Regions | Missing]:
        """See `Detector.detect`."""
        return with_pictures(samples, max(self.side_px, self._backbone.input_px), self._see)

    def _see(self, _: list[Sample], pictures: list[Image.Image]) -> list[Regions]:
        found = [with_whole_image(best(self.boxes(one), self._limits)) for one in pictures]
        return pooled_regions(self._backbone, pictures, found)

    def boxes(self, picture: Image.Image) -> Found:
        """All that the network says about one picture."""
        input_13SS, extent = letterboxed(picture, self.side_px)
        (output_1AC,) = self._session.run(None, {self._input: input_13SS})
        return decoded(np.asarray(output_1AC)[0], self.side_px, extent)


def letterboxed(
    picture: Image.Image, side_px: int
) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """The network's input [1, 3, S, S], and the width and height in it that the picture takes."""
    scale = min(side_px / picture.width, side_px / picture.height)
    extent = (picture.width * scale, picture.height * scale)
    size = (max(1, int(extent[0])), max(1, int(extent[1])))
    canvas = np.full((side_px, side_px, 3), _GREY, dtype=np.float32)
    canvas[: size[1], : size[0]] = np.asarray(picture.resize(size, Image.Resampling.BILINEAR))
    blue_first = canvas[:, :, ::-1].transpose(2, 0, 1)
    return np.ascontiguousarray(blue_first)[None], extent


def decoded(output_AC: NDArray[np.float32], side_px: int, extent: tuple[float, float]) -> Found:
    """Boxes relative to the picture that takes `extent` of the input; nothing is left out."""
    corners_A2, strides_A1 = _grids(side_px)
    centres = (output_AC[:, :2] + corners_A2) * strides_A1
    # A network of random weights may say any size; all beyond the input means the same.
    halves = np.exp(np.minimum(output_AC[:, 2:4], 10)) * strides_A1 / 2
    boxes = np.concatenate((centres - halves, centres + halves), axis=1) / np.array([*extent] * 2)
    objectness_A1, scores_AK = output_AC[:, 4:_N_FIXED], output_AC[:, _N_FIXED:]
    return Found(
        boxes_R4=boxes.astype(np.float32),
        scores_R=objectness_A1[:, 0] * scores_AK.max(axis=1),
        probs_RK=scores_AK / np.maximum(scores_AK.sum(axis=1, keepdims=True), 1e-9),
    )


def _grids(side_px: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """[A, 2] cell numbers (x, y) and [A, 1] strides, as the rows of the output lie."""
    corners, strides = [], []
    for stride in STRIDES:
        cells = side_px // stride
        y, x = np.divmod(np.arange(cells * cells), cells)
        corners.append(np.stack((x, y), axis=1))
        strides.append(np.full((cells * cells, 1), stride))
    return np.concatenate(corners).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _opened(weights: Path) -> "InferenceSession":
    from onnxruntime import InferenceSession, SessionOptions
    from onnxruntime.capi import onnxruntime_pybind11_state as errors

    options = SessionOptions()
    # Cores are shared out by image: one thread an image, and the same sums in the same order.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    refused = (
        errors.Fail,
        errors.InvalidArgument,
        errors.InvalidGraph,
        errors.InvalidProtobuf,
        errors.NotImplemented,
    )
    try:
        return InferenceSession(
            str(weights), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except refused as error:
        first = str(error).splitlines()[0]
        raise ValueError(f"--weights {weights} is no ONNX network: {first}") from error


def _checked(session: "InferenceSession", weights: Path, n_names: int) -> int:
    """The side of the input of what is surely a YOLOX network of `n_names` classes."""
    taken, given = session.get_inputs()[0].shape, session.get_outputs()[0].shape
    side = taken[-1]
    if not isinstance(side, int) or taken != [1, 3, side, side] or side % STRIDES[-1]:
        raise ValueError(f"--weights {weights} takes {taken}: not the input of a YOLOX network")
    n_rows = sum((side // stride) ** 2 for stride in STRIDES)
    if len(given) != 3 or given[:2] != [1, n_rows]:
        raise ValueError(
            f"--weights {weights} gives {given}, a YOLOX network {[1, n_rows, 'classes + 5']}"
        )
    if given[2] != n_names + _N_FIXED:
        raise ValueError(
            f"--weights {weights} has {given[2] - _N_FIXED} classes, there are {n_names} names: "
            "give a file of its own ones with --classes"
        )
    return side
