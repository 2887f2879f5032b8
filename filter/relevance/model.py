"""How relevant are texts to pictures? A trained model, loaded from its folder, says it in 0..1."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors.numpy import load_file

from filter.relevance import backbone, folder
from filter.relevance.calibrate import Calibration
from filter.relevance.encoder import Encoder
from filter.relevance.features import FEATURES, Bank, Floats, pair_features
from filter.relevance.preprocess import Pixels

SCORE_DIGITS: Final = 4
"""Scores are rounded: what another machine's arithmetic changes lies far below."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RelevanceModel:
    """An open_clip model with the calibration of its score."""

    encoder: Encoder
    bank: Bank
    calibration: Calibration
    threshold: float
    """Recommended: where F1 was best on pairs it was not trained on."""
    digest: str
    """sha256 that changes with anything that could change a score."""

    @property
    def size_px(self) -> int:
        """Side of the square that it looks at."""
        return self.encoder.size_px

    @classmethod
    def load(cls, path: Path) -> "RelevanceModel":
        """Reads a folder that `train` wrote; never asks the network.

        Raises ValueError in one line: no such folder, unfinished, damaged, or of another version.
        """
        card = folder.read_card(path)
        folder.check_files(path, card)
        bank = load_file(path / folder.BANK)
        calibration = card["calibration"]
        if tuple(calibration["features"]) != FEATURES:
            raise ValueError(
                f"relevance model {path} uses features {calibration['features']}, this lait has "
                f"{list(FEATURES)}: train it again"
            )
        return cls(
            encoder=backbone.load(path),
            bank=Bank(image_E=bank["image_E"], text_E=bank["text_E"]),
            calibration=Calibration(
                features=FEATURES,
                coefficients=tuple(calibration["coefficients"]),
                intercept=calibration["intercept"],
            ),
            threshold=card["threshold"],
            digest=folder.digest(path),
        )

    def preprocess(self, image: Any) -> Pixels:
        """A Pillow picture as the uint8 [S, S, 3] that `score` takes."""
        return self.encoder.preprocess(image)

    def score(self, images: Sequence[Pixels], texts: Sequence[Sequence[str]]) -> list[list[float]]:
        """Calibrated relevance of every text of every image, in the same shape, 4 digits.

        Each image is encoded once, equal texts once. A score depends on its image and text alone,
        whatever else is in the call. Raises ValueError when the two lengths differ.
        """
        if len(images) != len(texts):
            raise ValueError(f"{len(images)} images but texts for {len(texts)}")
        rows = [row for row, own in enumerate(texts) for _ in own]
        flat = [text for own in texts for text in own]
        if not flat:
            return [[] for _ in images]
        asked = sorted(set(rows))
        place = {row: index for index, row in enumerate(asked)}
        images_NE = self.encoder.images([images[row] for row in asked])
        images_PE = images_NE[[place[row] for row in rows]]
        scores = iter(self.score_vectors(images_PE, self.encoder.texts(flat), flat).tolist())
        return [[next(scores) for _ in own] for own in texts]

    def score_vectors(self, images_PE: Floats, texts_PE: Floats, texts: Sequence[str]) -> Floats:
        """Scores [P] of pairs whose unit vectors are known already."""
        features = pair_features(images_PE, texts_PE, texts, self.bank)
        return np.round(self.calibration(features), SCORE_DIGITS)
