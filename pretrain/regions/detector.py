"""What must a detector promise?"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from pretrain.regions.regions import Missing, Regions
from shards.aside import file_info
from shards.manifest import InputInfo
from shards.sample import Sample

Settings = tuple[tuple[str, str], ...]
"""Pairs of name and value: all that the answers depend on beside the images."""


class Detector(Protocol):
    """Anything that finds regions. Thread-safe; the same samples give the same regions."""

    @property
    def name(self) -> str:
        """For people, and the first word of what identifies a detector."""
        ...

    @property
    def settings(self) -> Settings:
        """Go into the manifest: two detectors that answer differently differ in name or here."""
        ...

    @property
    def files(self) -> tuple[InputInfo, ...]:
        """Weights or features that it reads, with their sha256."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """What the columns of the probabilities mean."""
        ...

    @property
    def attributes(self) -> tuple[str, ...]:
        """What the columns of the attributes mean; empty when it knows none."""
        ...

    @property
    def feature_dim(self) -> int:
        """Width of the pooled features."""
        ...

    def detect(self, samples: Sequence[Sample]) -> list[Regions | Missing]:
        """The regions of each sample, the most confident first, at least one; or why none."""
        ...


def identity(detector: Detector) -> str:
    """sha256 of everything that the answers of a detector depend on beside the images."""
    made_with = {
        "name": detector.name,
        "settings": detector.settings,
        "files": [file.sha256 for file in detector.files],
        "classes": detector.classes,
        "attributes": detector.attributes,
    }
    return hashlib.sha256(json.dumps(made_with, sort_keys=True).encode()).hexdigest()


def described(option: str, path: Path) -> InputInfo:
    """Name, size and sha256 of a file that a detector reads.

    Raises:
        ValueError: there is none; the message names the option.
    """
    if not path.is_file():
        raise ValueError(f"{option} {path} is not a file")
    info = file_info(path, path.name)
    return InputInfo(name=info.name, n_bytes=info.n_bytes, sha256=info.sha256)
