"""Which pictures and texts does a pairs file name, and which of them cannot be read?

One JSON object a line: `{"image": path relative to the file, "text": str, "host"?: str}`.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filter.decode import DecodeLimits, decode
from filter.relevance.preprocess import Pixels, Resize, preprocess
from filter.verdict import Drop

Progress = Callable[[int, int], None]
"""Called with (done, total) as often as you like."""

LIMITS: Final = DecodeLimits(min_bytes=1, max_bytes=64 * 2**20, max_pixels=64_000_000)
_NAMED: Final = 5
_AHEAD: Final = 16
"""Pictures that wait decoded, 150 KB each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairLine:
    """One line of a pairs file."""

    image: Path
    """Absolute, or relative to the working directory."""
    name: str
    """As the file names it."""
    text: str
    host: str | None
    fields: dict[str, Any]
    """The whole line, to be written back with a score."""


def read_pairs(path: Path) -> list[PairLine]:
    """All lines of a pairs file, blank ones skipped.

    Raises ValueError: the file cannot be read, holds no line, or a line is not such an object.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"pairs file {path} cannot be read: {error}") from error
    pairs = [
        _parse(line, path, number) for number, line in enumerate(lines, start=1) if line.strip()
    ]
    if not pairs:
        raise ValueError(f"pairs file {path} holds no pair")
    return pairs


def _parse(line: str, path: Path, number: int) -> PairLine:
    place = f"{path} line {number}"
    try:
        fields = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{place} is not JSON: {error.msg}") from error
    if not isinstance(fields, dict):
        raise ValueError(f'{place} is not an object like {{"image": ..., "text": ...}}')
    image, text, host = fields.get("image"), fields.get("text"), fields.get("host")
    if not isinstance(image, str) or not image:
        raise ValueError(f'{place} has no "image": a path relative to the file')
    if not isinstance(text, str):
        raise ValueError(f'{place} has no "text": a string')
    if host is not None and not isinstance(host, str):
        raise ValueError(f'{place}: "host" is {host!r}, not a string')
    return PairLine(image=path.parent / image, name=image, text=text, host=host, fields=fields)


def read_pixels(path: Path, size_px: int, resize: Resize) -> Pixels | str:
    """The pixels the model looks at, decoded as the cascade decodes; or why there are none."""
    try:
        body = path.read_bytes()
    except OSError as error:
        return error.strerror or type(error).__name__
    decoded = decode(body, LIMITS)
    if isinstance(decoded, Drop):
        return decoded.reason if decoded.value is None else f"{decoded.reason} ({decoded.value})"
    return preprocess(decoded.image, size_px, resize)


def read_ahead(paths: Iterable[Path], size_px: int, resize: Resize) -> Iterator[Pixels | str]:
    """`read_pixels` of every path, in order, a few pictures ahead of whoever takes them.

    One thread reads and decodes, which holds no interpreter lock, while the model looks at earlier
    pictures.
    """
    ahead: deque[Future[Pixels | str]] = deque()
    reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead")
    try:
        for path in paths:
            ahead.append(reader.submit(read_pixels, path, size_px, resize))
            if len(ahead) > _AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        reader.shutdown(cancel_futures=True)


def images_of(pairs: Sequence[PairLine]) -> dict[str, Path]:
    """Every image once, by its name in the file, in order of appearance."""
    return {pair.name: pair.image for pair in pairs}


def read_images(
    images: dict[str, Path], size_px: int, resize: Resize, progress: Progress | None = None
) -> Iterator[tuple[str, Pixels | str]]:
    """(name, pixels or why there are none) of every image, in order."""
    pictures = read_ahead(images.values(), size_px, resize)
    for done, (name, read) in enumerate(zip(images, pictures, strict=True), start=1):
        yield name, read
        if progress is not None:
            progress(done, len(images))


def name_missing(missing: Sequence[tuple[str, str]], total: int) -> str:
    """`3 of 400 images cannot be read: a.jpg (No such file or directory), ...`."""
    named = ", ".join(f"{name} ({why})" for name, why in missing[:_NAMED])
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return f"{len(missing)} of {total} images cannot be read: {named}{more}"
