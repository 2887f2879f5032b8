"""What do the caption files that the field publishes say, and about which images?

Read as they are published: Karpathy's splits (`dataset_flickr30k.json`, `dataset_coco.json`),
COCO's captions (`captions_val2017.json`) and Flickr30k's tokens (`results_20130124.token`).
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

Entry = tuple[str, str, list[str]]
"""Where in the file, the image's path under the folder of images, and its captions."""

_TOKEN_LINE: Final = re.compile(r"(?P<image>[^\t#]+)#\d+\t(?P<text>.*)")
_HEAD_CHARS: Final = 4096


def entries(file: Path, split: str | None = None) -> Iterator[Entry]:
    """Every image of a caption file, in the file's order, with all its captions.

    Args:
        file: One of the formats above, told by its content.
        split: Of a Karpathy file: only images of this split; None: all.

    Raises:
        ValueError: none of the formats, a file that is damaged, or a split that it does not have;
            names the file, and the split or line.
    """
    if not file.is_file():
        raise ValueError(f"{file} is not a file")
    if not _is_json(file):
        if split is not None:
            raise ValueError(f"--split {split}: {file} has no splits")
        yield from _flickr_tokens(file)
        return
    try:
        content = json.loads(file.read_bytes())
    except ValueError as error:
        raise ValueError(f"{file} is not JSON: {error}") from error
    images = content.get("images") if isinstance(content, dict) else None
    if not isinstance(images, list) or not images:
        raise ValueError(f'{file} is no caption file: it has no list of "images"')
    if "annotations" in content:
        if split is not None:
            raise ValueError(f"--split {split}: {file} has no splits")
        yield from _coco(file, images, content["annotations"])
    else:
        yield from _karpathy(file, images, split)


def _is_json(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(_HEAD_CHARS).lstrip().startswith((b"{", b"["))


def _karpathy(file: Path, images: list[Any], split: str | None) -> Iterator[Entry]:
    splits = {str(image.get("split")) for image in images}
    if split is not None and split not in splits:
        raise ValueError(f"--split {split}: {file} has {', '.join(sorted(splits))}")
    for number, image in enumerate(images):
        where = f"{file}, image {number}"
        if split is not None and image.get("split") != split:
            continue
        name, sentences = image.get("filename"), image.get("sentences")
        if not isinstance(name, str) or not isinstance(sentences, list) or not sentences:
            raise ValueError(f'{where} has no "filename" or no "sentences"')
        # COCO's images lie in a folder for each year's set, named by `filepath`.
        folder = image.get("filepath", "")
        path = f"{folder}/{name}" if folder else name
        yield where, path, [str(sentence.get("raw", "")).strip() for sentence in sentences]


def _coco(file: Path, images: list[Any], annotations: list[Any]) -> Iterator[Entry]:
    captions: dict[Any, list[str]] = {}
    for one in annotations:
        captions.setdefault(one.get("image_id"), []).append(str(one.get("caption", "")).strip())
    for number, image in enumerate(images):
        where = f"{file}, image {number}"
        if "file_name" not in image or not captions.get(image.get("id")):
            raise ValueError(f"{where} has no file name or no caption")
        yield where, image["file_name"], captions[image["id"]]


def _flickr_tokens(file: Path) -> Iterator[Entry]:
    """Lines `name.jpg#0<TAB>caption`; those of one image stand together."""
    name, where, texts = "", "", list[str]()
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            found = _TOKEN_LINE.fullmatch(line.rstrip("\r\n"))
            if found is None:
                raise ValueError(f"{file}, line {number} is not `image#number<TAB>caption`")
            if found["image"] != name and texts:
                yield where, name, texts
                texts = []
            if not texts:
                name, where = found["image"], f"{file}, line {number}"
            texts.append(found["text"].strip())
    if texts:
        yield where, name, texts
