"""How are published annotation files read, so that a wrong or damaged one is named in one line?"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def read_json(file: Path) -> Any:
    """The content of a JSON file.

    Raises:
        ValueError: no such file, or not JSON.
    """
    if not file.is_file():
        raise ValueError(f"--annotations {file}: no such file")
    try:
        return json.loads(file.read_bytes())
    except ValueError as error:
        raise ValueError(f"--annotations {file} is not JSON: {error}") from error


def read_lines(file: Path) -> list[tuple[str, dict[str, Any]]]:
    """The objects of a JSON-lines file, each with where it stands.

    Raises:
        ValueError: no such file, or a line that is no object; names the line.
    """
    if not file.is_file():
        raise ValueError(f"--annotations {file}: no such file")
    found = []
    with file.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            where = f"{file}, line {number}"
            try:
                value = json.loads(line)
            except ValueError as error:
                raise ValueError(f"{where} is not JSON: {error}") from error
            if not isinstance(value, dict):
                raise ValueError(f"{where} is no JSON object")
            found.append((where, value))
    return found


def field(record: Any, name: str, kind: type | tuple[type, ...], where: str) -> Any:
    """A field of a record.

    Raises:
        ValueError: it is missing or of another type.
    """
    value = record.get(name) if isinstance(record, dict) else None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        raise ValueError(f'{where} has no "{name}" as this task\'s files have it')
    return value


def one_file(files: Sequence[Path], what: str) -> Path:
    """The only file of a task that has one.

    Raises:
        ValueError: none or several.
    """
    if len(files) != 1:
        raise ValueError(f"--annotations: give one file, {what}; got {len(files)}")
    return files[0]


def no_split(split: str | None, what: str) -> None:
    """Raises ValueError where a split is asked of files that have none."""
    if split is not None:
        raise ValueError(f"--split {split}: {what} come as one file a split; give that file")
