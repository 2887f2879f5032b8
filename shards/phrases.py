"""Which words of a text are known to mean which place in the image?"""

from collections.abc import Sequence
from typing import Any


def phrases_in(found: object, texts: Sequence[str], where: str) -> list[dict[str, Any]]:
    """The phrases of a line of pairs, `{"text", "start", "end", "box"}`, and nothing beside these.

    `start` and `end` are characters of `text`, which is one of `texts`, and stand between words;
    `box` is (x1, y1, x2, y2) in 0..1 of the image. Raises ValueError that says `where` it is
    otherwise.
    """
    if not isinstance(found, list):
        raise ValueError(f'{where} has "phrases" that are not a list')
    kept = []
    for one in found:
        fields = one if isinstance(one, dict) else {}
        text, start, end, box = (fields.get(name) for name in ("text", "start", "end", "box"))
        if not isinstance(text, str) or text not in texts:
            raise ValueError(f"{where}: a phrase is part of one of the texts, not of {text!r}")
        if not _are_places(start, end, len(text)) or not text[start:end].strip():
            raise ValueError(f"{where}: {start}..{end} are no characters of {text!r}")
        if not _is_box(box):
            raise ValueError(f"{where}: a phrase has a box (x1, y1, x2, y2) in 0..1, not {box!r}")
        kept.append({"text": text, "start": start, "end": end, "box": box})
    return kept


def _are_places(start: object, end: object, length: int) -> bool:
    if not isinstance(start, int) or not isinstance(end, int):
        return False
    return 0 <= start < end <= length


def _is_box(box: object) -> bool:
    if not isinstance(box, list) or len(box) != 4:
        return False
    if not all(isinstance(x, int | float) and 0 <= x <= 1 for x in box):
        return False
    return bool(box[0] < box[2] and box[1] < box[3])
