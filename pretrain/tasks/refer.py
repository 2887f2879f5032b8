"""Referring expressions, RefCOCO, RefCOCO+ and RefCOCOg: which region does a phrase mean?

Yu et al. 2016, arXiv:1608.00272. Files as published: `refs(unc).p` (or `refs(umd).p`,
`refs(google).p`) and `instances.json`. A region is right when it overlaps the object's box with an
IoU of one half or more; regions are those that the detector found.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pretrain.objectives.pointing import RIGHT_IOU, Pointing, overlap
from pretrain.optim import Adam
from pretrain.plain_pickle import read_plain_pickle
from pretrain.recipe import Stage
from pretrain.tasks.published import field, read_json
from pretrain.tasks.task import Box, Record, Row

STAGE = Stage(name="refer", epochs=20.0, batch_pairs=256, optim=Adam(lr=4e-5))
"""ViLBERT's batch and rate; 20 epochs are assumed."""


def read(files: Sequence[Path], split: str | None) -> list[Record]:
    """See `Task.read`; without a split, all of them."""
    listed: list[Any] | None = None
    boxes: dict[int, Box] = {}
    for file in files:
        if file.suffix == ".p":
            listed = read_plain_pickle(file)
        else:
            content = read_json(file)
            if isinstance(content, list):
                listed = content
            else:
                boxes |= _boxes(file, content)
    if not isinstance(listed, list) or not boxes:
        raise ValueError("--annotations: give both refs(...).p and instances.json of a data set")
    splits = {str(one.get("split")) for one in listed if isinstance(one, dict)}
    if split is not None and split not in splits:
        raise ValueError(f"--split {split}: these referring expressions have {sorted(splits)}")
    wanted = [
        (f"reference {i}", one)
        for i, one in enumerate(listed)
        if split is None or one.get("split") == split
    ]
    return [record for where, one in wanted for record in _records(where, one, boxes)]


def objective(records: Sequence[Record]) -> Pointing:
    """See `Task.objective`."""
    return Pointing(name="refer")


def results(answers: Mapping[str, str]) -> Any:
    """The box chosen for each expression, (x1, y1, x2, y2) in 0..1."""
    return {record_id: json.loads(answer) for record_id, answer in answers.items()}


def metrics(records: Sequence[Record], answers: Mapping[str, str]) -> dict[str, float]:
    """Share of the expressions whose box was found, also where no region could be right."""
    known = [(record.id, record.box) for record in records if record.box is not None]
    right = sum(
        overlap([json.loads(answers[record_id])], box)[0].item() >= RIGHT_IOU
        for record_id, box in known
        if record_id in answers
    )
    return {"accuracy": right / max(1, len(known))}


def _boxes(file: Path, content: Any) -> dict[int, Box]:
    """Of every annotated object, by its annotation's id."""
    sizes = {
        one["id"]: (float(one["width"]), float(one["height"]))
        for one in field(content, "images", list, str(file))
    }
    boxes: dict[int, Box] = {}
    for i, one in enumerate(field(content, "annotations", list, str(file))):
        where = f"{file}, annotation {i}"
        x, y, width, height = map(float, field(one, "bbox", list, where))
        if one.get("image_id") not in sizes:
            raise ValueError(f"{where} is of the image {one.get('image_id')}, which is not listed")
        W, H = sizes[one["image_id"]]
        boxes[field(one, "id", int, where)] = (x / W, y / H, (x + width) / W, (y + height) / H)
    return boxes


def _records(where: str, ref: Any, boxes: Mapping[int, Box]) -> list[Record]:
    image = field(ref, "image_id", int, where)
    box = boxes.get(field(ref, "ann_id", int, where))
    if box is None:
        raise ValueError(f"{where} is of the annotation {ref['ann_id']}, which is not listed")
    return [
        Record(
            id=str(field(sentence, "sent_id", int, where)),
            rows=(Row(image=image, text=field(sentence, "sent", str, where)),),
            right={},
            box=box,
        )
        for sentence in field(ref, "sentences", list, where)
    ]
