"""How do a user's own images and texts become the same shards as a crawl's?"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shards.annotations import entries
from shards.aside import file_info
from shards.card import write_card
from shards.config import ShardsConfig
from shards.manifest import (
    FunnelRow,
    InputInfo,
    Manifest,
    begin,
    code_version,
    config_hash,
    shard_stem,
    write_manifest,
)
from shards.phrases import phrases_in
from shards.sample import Sample
from shards.sniff import ImageHeader, sniff
from shards.tar import MAX_MEMBER_BYTES
from shards.write import n_shards_for, shard_of, write_shard

_Listed = list[dict[str, Any]]


@dataclass(slots=True)
class _Packed:
    """One distinct image of the input, its bytes left on disk."""

    path: Path
    source: str
    """The path as the first line that names it writes it."""
    sha256: str
    n_bytes: int
    header: ImageHeader
    texts: list[str]
    questions: list[dict[str, Any]]
    """`{"question": str, "answers": {answer: score}}`, for pretraining that asks them."""
    phrases: list[dict[str, Any]]
    """See `shards.phrases`."""

    @property
    def key(self) -> str:
        return self.sha256[:32]


def pack(
    pairs: Path,
    out: Path,
    config: ShardsConfig,
    *,
    images: Path | None = None,
    split: str | None = None,
) -> Manifest:
    """Shards of the lines `{"image": path, "text": str}` or `{"image": path, "texts": [str, ...]}`.

    A line may also have `"questions": [{"question": str, "answers": {answer: score in 0..1}}]`, and
    `"phrases"` (see `shards.phrases`), which the `.json` keeps. Paths are relative to the jsonl.
    Images of equal bytes become one sample: the first text is its `.txt`, all distinct texts in
    their order are `texts` of its `.json`, and the funnel counts the merged lines. All lines are
    checked before anything is written. Raises ValueError naming file and line for anything that
    cannot be packed.

    Args:
        pairs: The jsonl; or, with `images`, a published caption file, see `shards.annotations`.
        out: Folder of the shards.
        config: How many samples a shard holds.
        images: Folder that the caption file's paths are relative to.
        split: Of the caption file, e.g. `test`.
    """
    if images is None and split is not None:
        raise ValueError(f"--split {split} is for a published caption file: give --images as well")
    root = pairs.parent if images is None else images
    packed: dict[str, _Packed] = {}
    by_path: dict[str, str] = {}
    n_lines = 0
    lines = _lines(pairs) if images is None else ((*e, [], []) for e in entries(pairs, split))
    for where, image, texts, questions, phrases in lines:
        n_lines += 1
        if images is not None:
            _check_texts(texts, where)
        if image not in by_path:
            found = _look(root / image, image, where)
            by_path[image] = packed.setdefault(found.sha256, found).sha256
        known = packed[by_path[image]].texts
        known += [text for text in dict.fromkeys(texts) if text not in known]
        asked = packed[by_path[image]].questions
        asked += [question for question in questions if question not in asked]
        placed = packed[by_path[image]].phrases
        placed += [phrase for phrase in phrases if phrase not in placed]
    if not packed:
        raise ValueError(f"{pairs} holds no pairs")
    return _write(pairs, out, config, list(packed.values()), n_lines)


def _write(
    pairs_jsonl: Path, out: Path, config: ShardsConfig, packed: list[_Packed], n_lines: int
) -> Manifest:
    begin(out)
    n_shards = n_shards_for(len(packed), config.samples_per_shard)
    shards: list[list[_Packed]] = [[] for _ in range(n_shards)]
    for one in sorted(packed, key=lambda one: one.key):
        shards[shard_of(one.key, n_shards)].append(one)
    infos = tuple(write_shard(out, shard_stem(i), map(_sample, s)) for i, s in enumerate(shards))
    merged = n_lines - len(packed)
    jsonl = file_info(pairs_jsonl, pairs_jsonl.name)
    manifest = Manifest(
        config_hash=config_hash(config),
        code_version=code_version(),
        shards=infos,
        seen=n_lines,
        kept=len(packed),
        funnel=(FunnelRow(stage="pack", reason="merged_text", count=merged),) if merged else (),
        inputs=(InputInfo(name=jsonl.name, n_bytes=jsonl.n_bytes, sha256=jsonl.sha256),),
    )
    write_card(out, manifest)
    write_manifest(out, manifest)
    return manifest


def _lines(pairs_jsonl: Path) -> Iterator[tuple[str, str, list[str], _Listed, _Listed]]:
    """Every line that is not blank."""
    if not pairs_jsonl.is_file():
        raise ValueError(f"{pairs_jsonl} is not a file")
    with pairs_jsonl.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                where = f"{pairs_jsonl}, line {number}"
                yield where, *_parse(line, where)


def _parse(line: bytes, where: str) -> tuple[str, list[str], _Listed, _Listed]:
    try:
        pair = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{where} is not JSON: {error}") from error
    if not isinstance(pair, dict) or not isinstance(pair.get("image"), str):
        raise ValueError(f'{where} is not an object with "image": a path')
    texts = pair.get("texts", [pair["text"]] if "text" in pair else [])
    if ("text" in pair) == ("texts" in pair) or not isinstance(texts, list) or not texts:
        raise ValueError(f'{where} needs either "text": a string or "texts": a list of strings')
    _check_texts(texts, where)
    phrases = phrases_in(pair.get("phrases", []), texts, where)
    return pair["image"], texts, _questions(pair.get("questions", []), where), phrases


def _questions(found: object, where: str) -> list[dict[str, Any]]:
    """The questions of a line, without anything else that is written beside them."""
    if not isinstance(found, list):
        raise ValueError(f'{where} has "questions" that are not a list')
    kept = []
    for one in found:
        asked = one.get("question") if isinstance(one, dict) else None
        answers = one.get("answers") if isinstance(one, dict) else None
        if not isinstance(asked, str) or not isinstance(answers, dict) or not answers:
            raise ValueError(f'{where}: a question needs "question" and "answers", not {one!r}')
        scores = answers.values()
        if not all(isinstance(score, int | float) and 0 <= score <= 1 for score in scores):
            raise ValueError(f"{where}: answers have scores in 0..1, not {answers!r}")
        _check_texts([asked, *answers], where)
        kept.append({"question": asked, "answers": answers})
    return kept


def _check_texts(texts: list[str], where: str) -> None:
    for text in texts:
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"{where} has the text {text!r}, not words")
        try:
            n_bytes = len(text.encode())
        except UnicodeEncodeError as error:
            raise ValueError(f"{where} has a text with half a surrogate pair: {error}") from error
        if n_bytes > MAX_MEMBER_BYTES["txt"]:
            raise ValueError(f"{where} has a text of {n_bytes} bytes")


def _look(path: Path, source: str, where: str) -> _Packed:
    if not path.is_file():
        raise ValueError(f"{where}: image {path} is not a file")
    n_bytes = path.stat().st_size
    if n_bytes > MAX_MEMBER_BYTES["jpg"]:
        raise ValueError(f"{where}: image {path} has {n_bytes} bytes")
    image = path.read_bytes()
    try:
        header = sniff(image)
    except ValueError as error:
        raise ValueError(f"{where}: image {path} cannot be packed: {error}") from error
    return _Packed(
        path=path,
        source=source,
        sha256=hashlib.sha256(image).hexdigest(),
        n_bytes=len(image),
        header=header,
        texts=[],
        questions=[],
        phrases=[],
    )


def _sample(one: _Packed) -> Sample:
    image = one.path.read_bytes()
    if hashlib.sha256(image).hexdigest() != one.sha256:
        raise ValueError(f"image {one.path} changed while it was packed: run the command again")
    record: dict[str, Any] = {
        "height_px": one.header.height_px,
        "n_bytes": one.n_bytes,
        "sha256": one.sha256,
        "source": one.source,
        "texts": one.texts,
        "width_px": one.header.width_px,
    }
    if one.questions:
        record["questions"] = one.questions
    if one.phrases:
        record["phrases"] = one.phrases
    return Sample(
        key=one.key,
        image=image,
        extension=one.header.extension,
        text=one.texts[0],
        record=json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":")),
    )
