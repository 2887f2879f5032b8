"""Is this picture safe to keep, as far as the models that were named can tell?

A model is a plug-in behind one interface: pictures in, a number in 0..1 out. Three kinds are known,
by what their name begins with (`filter.safety_models`):

    nudenet             the detector of the package of that name, when it is installed
    onnx:FILE.onnx      any classifier, described by FILE.json beside it
    open_clip:...       zero-shot: any model that open_clip can load, asked for `safety_prompts`

The largest of their numbers counts. None of them is trained or judged here.
"""

import hashlib
import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from filter.config import FilterConfig
from filter.verdict import Drop, ImageFacts

ONNX: Final = "onnx:"
OPEN_CLIP: Final = "open_clip:"
NUDENET: Final = "nudenet"
DIGITS: Final = 4
"""Scores are rounded before anything compares them."""


@runtime_checkable
class SafetyModel(Protocol):
    """Something that knows unsafe pictures. N pictures."""

    def preprocess(self, image: Image.Image, /) -> NDArray[np.uint8]:
        """An RGB picture as the array that `unsafe` takes."""

    def unsafe(self, pixels_N: Sequence[NDArray[np.uint8]], /) -> list[float]:
        """How likely each picture is one not to keep, 0..1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which models are asked, as plain words: a worker loads them when it needs them."""

    models: tuple[str, ...]
    unsafe_prompts: tuple[str, ...]
    """What open_clip is asked for; a picture nearest to one of these is unsafe."""
    safe_prompts: tuple[str, ...]
    digest: str
    """Of what the models compute; '' before a run has looked."""


def asked_of(config: FilterConfig) -> Asked:
    """The models that the settings name."""
    return Asked(
        models=config.safety_models,
        unsafe_prompts=config.unsafe_prompts,
        safe_prompts=config.safe_prompts,
        digest=config.safety_digest,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsafe:
    """Drops pictures that a model calls unsafe; those that no model was asked about pass."""

    stage: ClassVar[str] = "safety"
    max_unsafe: float

    def __call__(self, image: ImageFacts, /) -> Drop | None:
        # Written so that a NaN is dropped.
        if image.unsafe is None or image.unsafe <= self.max_unsafe:
            return None
        return Drop(reason="unsafe", value=image.unsafe, threshold=self.max_unsafe)


def worst(
    models: Sequence[SafetyModel], pixels: Sequence[Sequence[NDArray[np.uint8]]]
) -> list[float]:
    """The largest number that any model gives to each picture, rounded.

    `pixels[i][j]` is what model j takes of picture i.
    """
    columns = [model.unsafe([own[j] for own in pixels]) for j, model in enumerate(models)]
    return [round(float(max(row)), DIGITS) for row in zip(*columns, strict=True)]


@lru_cache(maxsize=2)
def load(asked: Asked) -> tuple[SafetyModel, ...]:
    """The models, kept in this process.

    Raises ValueError, naming filter.safety_models, for one that cannot be loaded or that is not the
    one the run began with.
    """
    if asked.digest and digest_of(asked) != asked.digest:
        raise ValueError("the models of filter.safety_models have changed since the run began")
    return tuple(_load(name, asked) for name in asked.models)


def _load(name: str, asked: Asked) -> SafetyModel:
    if name == NUDENET:
        from filter.safety_nudenet import NudeNet

        return NudeNet.load()
    if name.startswith(ONNX):
        from filter.safety_onnx import OnnxClassifier

        return OnnxClassifier.load(Path(name.removeprefix(ONNX)))
    if name.startswith(OPEN_CLIP):
        from filter.relevance.zero_shot import ZeroShot

        return ZeroShot.load(name, asked.unsafe_prompts, asked.safe_prompts)
    raise _unknown(name)


def digest_of(asked: Asked) -> str:
    """sha256 of what the models compute, as far as their files tell; '' of none.

    Raises ValueError for a model that is not there, before a run begins.
    """
    if not asked.models:
        return ""
    found: list[Any] = [_facts(name) for name in asked.models]
    if any(name.startswith(OPEN_CLIP) for name in asked.models):
        found += [asked.unsafe_prompts, asked.safe_prompts]
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def _facts(name: str) -> list[str]:
    """The name of a model and the hashes of its files, without their folder."""
    if name == NUDENET:
        if importlib.util.find_spec(NUDENET) is None:
            raise ValueError("filter.safety_models names nudenet: pip install nudenet")
        from importlib.metadata import version

        return [name, version(NUDENET)]
    if name.startswith(ONNX):
        path = Path(name.removeprefix(ONNX))
        return [ONNX, *(_sha256(file) for file in (path, path.with_suffix(".json")))]
    if name.startswith(OPEN_CLIP):
        weights = Path(name.removeprefix(OPEN_CLIP).partition("/")[2])
        return [name, _sha256(weights)] if weights.is_file() else [name]
    raise _unknown(name)


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ValueError(f"filter.safety_models: {path} cannot be read: {error}") from error


def _unknown(name: str) -> ValueError:
    return ValueError(
        f"filter.safety_models: {name!r} is none of {NUDENET}, {ONNX}FILE.onnx, {OPEN_CLIP}NAME/TAG"
    )
