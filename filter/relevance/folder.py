"""What lies in the folder of a relevance model? `relevance.json` tells; it is written last.

    relevance.json              what this is, calibration, threshold, report, hashes of the rest
    report.html                 the report with its plots, for a browser
    bank.safetensors            centres of the training pairs, for the features
    open_clip_config.json       the model, as open_clip describes it
    open_clip_model.safetensors its weights
    config.json, tokenizer*...  text tower and tokenizer, where the model needs them

Nothing here is a pickle, and reading `relevance.json` needs no torch.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

CARD: Final = "relevance.json"
BANK: Final = "bank.safetensors"
REPORT: Final = "report.html"
SCHEMA_VERSION: Final = 1


def read_card(folder: Path) -> dict[str, Any]:
    """`relevance.json`, checked for its version.

    Raises ValueError in one line: the folder is missing, is no relevance model, or is one of
    another version.
    """
    if not folder.is_dir():
        raise ValueError(
            f"relevance model {folder} is not a folder; `lait relevance train` makes one"
        )
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(f"relevance model {folder} has no {CARD}: it is not finished") from error
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder / CARD} cannot be read: {error}") from error
    version = card.get("schema_version") if isinstance(card, dict) else None
    if version != SCHEMA_VERSION:
        raise ValueError(
            f"relevance model {folder} has version {version}, this lait reads {SCHEMA_VERSION}: "
            "train it again"
        )
    assert isinstance(card, dict), folder
    return card


def check_files(folder: Path, card: dict[str, Any]) -> None:
    """Raises ValueError naming the first file that is missing or not the one that was written."""
    for name, expected in card["files"].items():
        path = folder / name
        if not path.is_file():
            raise ValueError(f"relevance model {folder} lacks {name}: train it again")
        if file_sha256(path) != expected:
            raise ValueError(f"relevance model {folder}: {name} is damaged: train it again")


def write_card(folder: Path, card: dict[str, Any]) -> None:
    """Finishes a folder: `relevance.json` with the hashes of all that lies there already."""
    files = {path.name: file_sha256(path) for path in sorted(folder.iterdir())}
    whole = {"schema_version": SCHEMA_VERSION, **card, "files": files}
    text = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
    (folder / CARD).write_text(text, encoding="utf-8")


def digest(folder: Path) -> str:
    """sha256 of `relevance.json`, which holds the hashes of everything else."""
    return file_sha256(folder / CARD)


def file_sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_out(out: Path) -> None:
    """Raises ValueError when `out` holds something that is not ours to replace."""
    if not out.exists():
        return
    if not out.is_dir():
        raise ValueError(f"--out {out} is a file: give a folder")
    if any(out.iterdir()) and not (out / CARD).is_file():
        raise ValueError(f"--out {out} is not empty and no relevance model: give another folder")


@contextmanager
def written_aside(out: Path) -> Iterator[Path]:
    """A fresh folder that becomes `out` when the block ends without an error."""
    check_out(out)
    aside = out.with_name(f".{out.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
    except OSError as error:
        raise ValueError(f"--out {out} cannot be written: {error}") from error
    try:
        yield aside
        if out.exists():
            shutil.rmtree(out)
        aside.rename(out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
