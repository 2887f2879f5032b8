"""What does one row of published region features say, its arrays in base64?"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pretrain.regions.imported import Imported
from pretrain.regions.npz import MAX_REGIONS


def imported_of(row: Mapping[str, bytes], n_labels: Mapping[str, int]) -> Imported:
    """The regions of an image.

    Args:
        row: Columns by the names of bottom-up attention or of LXMERT.
        n_labels: How many names of `objects` and `attrs` there are; 0: they are not read.

    Raises:
        ValueError: what it holds does not fit together.
    """
    width, height = (row.get(f"image_{x}") or row[f"img_{x}"] for x in "wh")
    n_boxes = _count(row["num_boxes"])
    return Imported(
        boxes_R4=_array(row["boxes"], n_boxes, "<f4", "boxes"),
        features_RD=_array(row["features"], n_boxes, "<f4", "features"),
        size_px=(_number(width), _number(height)),
        probs_RK=_labels(row, "objects", n_boxes, n_labels["objects"]),
        attributes_RA=_labels(row, "attrs", n_boxes, n_labels["attrs"]),
    )


def _labels(row: Mapping[str, bytes], what: str, n_boxes: int, n: int) -> NDArray[Any] | None:
    """Confidence in one label, the rest shared by all others: a distribution again."""
    if f"{what}_id" not in row or n == 0:
        return None
    labels = _array(row[f"{what}_id"], n_boxes, "<i8", what)[:, 0]
    confidence = _array(row[f"{what}_conf"], n_boxes, "<f4", what)[:, :1]
    if (labels < 0).any() or (labels >= n).any():
        raise ValueError(f"a label of {what} is not among the {n} names")
    table = np.repeat((1 - confidence) / max(1, n - 1), n, axis=1)
    table[np.arange(n_boxes), labels] = confidence[:, 0]
    return table


def _count(text: bytes) -> int:
    if not text.isdigit() or not 0 < int(text[:9]) <= MAX_REGIONS or len(text) > 9:
        raise ValueError(f"num_boxes is {text[:20]!r}, not 1 to {MAX_REGIONS}")
    return int(text)


def _number(text: bytes) -> float:
    if len(text) > 20:
        raise ValueError(f"a width or height of {len(text)} digits")
    return float(text)


def _array(text: bytes, n_boxes: int, kind: str, what: str) -> NDArray[Any]:
    try:
        body = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"its {what} are not base64: {error}") from error
    row_bytes = len(body) // n_boxes
    if not row_bytes or len(body) % n_boxes or row_bytes % np.dtype(kind).itemsize:
        raise ValueError(f"its {what} have {len(body)} bytes for {n_boxes} boxes")
    return np.frombuffer(body, dtype=kind).reshape(n_boxes, -1)
