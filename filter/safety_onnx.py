"""How does any ONNX image classifier say that a picture is unsafe?

`model.json` beside `model.onnx` says how it wants its pictures and what it tells:

    {"size_px": 224, "layout": "NCHW", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5],
     "activation": "softmax", "labels": ["drawing", "nude", "neutral"], "unsafe": ["nude"]}

Pictures come as RGB in 0..1, minus `mean`, divided by `std`. The unsafe labels' numbers are added
up. ONNX files are run by onnxruntime on one thread of the CPU, without custom operators.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError


class Card(BaseModel):
    """What stands beside the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size_px: int = Field(ge=8, le=2048)
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    activation: Literal["none", "softmax", "sigmoid"] = "none"
    """What makes probabilities of the model's numbers."""
    labels: tuple[str, ...] = Field(min_length=1)
    unsafe: tuple[str, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxClassifier:
    """A `filter.safety.SafetyModel`. N pictures, C labels, S side in pixels."""

    session: Any
    """An onnxruntime.InferenceSession."""
    card: Card
    places: tuple[int, ...]
    """Of the unsafe labels."""

    @classmethod
    def load(cls, path: Path) -> "OnnxClassifier":
        """Raises ValueError, in one line, for a model or a card that cannot be used."""
        card = read_card(path.with_suffix(".json"))
        try:
            import onnxruntime
        except ImportError as error:
            raise ValueError(
                "filter.safety_models names an ONNX model: pip install onnxruntime"
            ) from error
        options = onnxruntime.SessionOptions()
        # One thread: a pipeline uses more cores by more workers, and sums stay the same.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            # onnxruntime raises classes of its own, without a common base.
            line = " ".join(str(error).split())
            raise ValueError(f"filter.safety_models: {path} cannot be run: {line}") from error
        places = tuple(card.labels.index(label) for label in card.unsafe)
        return cls(session=session, card=card, places=places)

    def preprocess(self, image: Image.Image, /) -> NDArray[np.uint8]:
        """uint8 [S, S, 3]; squeezed, not cut: what lies at the edge counts."""
        size = (self.card.size_px, self.card.size_px)
        squeezed = image.convert("RGB").resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
        return np.asarray(squeezed)

    def unsafe(self, pixels_N: Sequence[NDArray[np.uint8]], /) -> list[float]:
        """Raises ValueError when the model tells another number of labels than its card."""
        if not pixels_N:
            return []
        mean = np.array(self.card.mean, dtype=np.float32)
        std = np.array(self.card.std, dtype=np.float32)
        scaled = (np.stack(pixels_N) / np.float32(255) - mean) / std
        inputs = scaled.transpose(0, 3, 1, 2) if self.card.layout == "NCHW" else scaled
        name = self.session.get_inputs()[0].name
        # One at a time: many exported models take no other batch, and a score then depends on its
        # picture alone.
        rows = [
            self.session.run(None, {name: np.ascontiguousarray(one[None])})[0] for one in inputs
        ]
        numbers_NC = np.array([np.asarray(row, dtype=np.float64).ravel() for row in rows])
        if numbers_NC.shape[1] != len(self.card.labels):
            raise ValueError(
                f"the safety model tells {numbers_NC.shape[1]} numbers, its card has "
                f"{len(self.card.labels)} labels"
            )
        shares_NC = _probabilities(numbers_NC, self.card.activation)
        return [min(1.0, float(row)) for row in shares_NC[:, self.places].sum(axis=1)]


def _probabilities(numbers_NC: NDArray[np.float64], activation: str) -> NDArray[np.float64]:
    if activation == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-numbers_NC)))
    if activation == "softmax":
        raised = np.exp(numbers_NC - numbers_NC.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))
    return numbers_NC


def read_card(path: Path) -> Card:
    """Raises ValueError, in one line that names the file, for anything but a card."""
    try:
        card = Card.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ValueError(f"{path} must describe the safety model: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "content"
        raise ValueError(f"{path}: {place}: {first['msg']}") from error
    unknown = [label for label in card.unsafe if label not in card.labels]
    if unknown or min(card.std) <= 0:
        what = f"unsafe: {unknown[0]!r} is none of its labels" if unknown else "std: not positive"
        raise ValueError(f"{path}: {what}")
    return card
