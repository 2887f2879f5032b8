"""Are the real pairs dealt out by book, each set with the text that it is about?"""

import json
import re
from pathlib import Path

import pytest

from lait.study import run_study
from lait.study_real import HELD_OUT_BOOK, IN_DOMAIN_BOOKS, real_sets
from lait.train import StageData
from pretrain.data import captions_of, check_regions
from shards.read import ShardReader
from tests.pretrain.helpers import picture

OTHERS = ("openstax/osbooks-astronomy", "openstax/osbooks-us-history")


@pytest.fixture
def figures(tmp_path: Path) -> Path:
    """Two figures a book; one has no caption."""
    folder = tmp_path / "captions"
    folder.mkdir()
    lines = []
    for number, book in enumerate((HELD_OUT_BOOK, *IN_DOMAIN_BOOKS, *OTHERS)):
        for i in (0, 1):
            name = f"{number}-{i}.png"
            (folder / name).write_bytes(picture(10 * number + i))
            caption = "" if (book, i) == (OTHERS[0], 1) else f"a caption\nof {book} {i}"
            line = {"image": name, "repo": book, "alt": f"an alt of {book} {i}", "caption": caption}
            lines.append(json.dumps(line))
    (folder / "train.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def texts(data: StageData) -> set[str]:
    check_regions(data.shards, data.regions)
    with ShardReader(data.shards) as reader:
        return {text for i in range(len(reader)) for text in captions_of(reader.sample(i))}


def test_books_are_dealt_out_and_never_shared(figures: Path, tmp_path: Path) -> None:
    """Red when the held-out book's figures are taken for out-of-domain ones."""
    sets = real_sets(figures, tmp_path / "sets")
    alts = {f"an alt of {book} {i}" for book in IN_DOMAIN_BOOKS for i in (0, 1)}
    captions = {f"a caption of {book} {i}" for book in OTHERS for i in (0, 1)}
    captions -= {f"a caption of {OTHERS[0]} 1"}
    assert texts(sets.alts) == alts
    assert texts(sets.captions) == captions
    assert texts(sets.union) == alts | captions
    assert texts(sets.held_out) == {f"an alt of {HELD_OUT_BOOK} {i}" for i in (0, 1)}


def test_a_folder_that_lacks_a_book_is_refused(figures: Path, tmp_path: Path) -> None:
    file = figures / "train.jsonl"
    kept = [line for line in file.read_text().splitlines() if HELD_OUT_BOOK not in line]
    file.write_text("\n".join(kept))
    with pytest.raises(ValueError, match=re.escape(HELD_OUT_BOOK)):
        run_study("real", figures, tmp_path / "out", seeds=(0,))
    with pytest.raises(ValueError, match=r"has no train\.jsonl"):
        run_study("real", tmp_path / "nowhere", tmp_path / "out", seeds=(0,))
    assert not (tmp_path / "out").exists()
