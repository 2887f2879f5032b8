"""Which regions and which words of a text are known to mean the same?

VisualBERT (Li et al. 2019) adds the places of a region's words to the region's own where the data
tell them, as VCR and Flickr30k Entities do.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from pretrain.objectives.pointing import RIGHT_IOU, overlap
from pretrain.regions.regions import Regions
from pretrain.tokens import WordPiece
from shards.sample import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """Part of a text, and where in the image that is."""

    text: str
    """The whole text."""
    start: int
    """Characters of `text`."""
    end: int
    box: tuple[float, float, float, float]
    """(x1, y1, x2, y2) in 0..1 of the image's width and height."""


def phrases_of(sample: Sample) -> tuple[Phrase, ...]:
    """The phrases that a packed sample's record lists."""
    listed = json.loads(sample.record).get("phrases", ())
    return tuple(
        Phrase(text=one["text"], start=one["start"], end=one["end"], box=tuple(one["box"]))
        for one in listed
    )


def links(
    phrases: Sequence[Phrase], text: str, regions: Regions, wordpiece: WordPiece
) -> tuple[tuple[int, int], ...]:
    """(region, word of `text`) of all phrases in it.

    A region is a phrase's when half of what both cover is common to them, as detectors are judged.
    """
    found = []
    for phrase in phrases:
        if phrase.text != text:
            continue
        before, inside = wordpiece.encode([text[: phrase.start], text[phrase.start : phrase.end]])
        first = 1 + max(before.words, default=-1)
        words = range(first, first + 1 + max(inside.words, default=-1))
        iou_R = overlap(torch.from_numpy(regions.boxes_R4), phrase.box)
        means = (iou_R >= RIGHT_IOU).nonzero().flatten().tolist()
        found += [(region, word) for region in means for word in words]
    return tuple(dict.fromkeys(found))
