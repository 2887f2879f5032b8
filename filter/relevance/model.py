"""How relevant are texts to pictures? A trained model, loaded from its folder, says it in 0..1."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors.numpy import load_file

from filter.relevance import backbone, folder
from filter.relevance.calibrate import Calibration
from filter.relevance.colour import Floats
from filter.relevance.encoder import Encoder
from filter.relevance.features import FEATURES, Bank, Said, Seen, colours_of, pair_features
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
            bank=Bank(**bank),
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
        flat = tuple(text for own in texts for text in own)
        if not flat:
            return [[] for _ in images]
        asked = [row for row, own in enumerate(texts) if own]
        places = [place for place, row in enumerate(asked) for _ in texts[row]]
        seen = self.look([images[row] for row in asked]).take(np.array(places))
        said = Said(vectors_ME=self.encoder.texts(flat), texts=flat)
        scores = iter(self.score_pairs(seen, said).tolist())
        return [[next(scores) for _ in own] for own in texts]

    def look(self, pixels: list[Pixels]) -> Seen:
        """Pictures as far as the score looks at them."""
        return Seen(vectors_NE=self.encoder.images(pixels), colours_NK=colours_of(pixels))

    def score_pairs(self, images_P: Seen, texts_P: Said) -> Floats:
        """Scores [P]; row p of both inputs is pair p."""
        return np.round(self.calibration(self.features(images_P, texts_P)), SCORE_DIGITS)

    def features(self, images_P: Seen, texts_P: Said) -> Floats:
        """Features [P, F] of the pairs; row p of both inputs is pair p."""
        return pair_features(images_P, texts_P, self.bank)
