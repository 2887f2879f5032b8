"""Do the gold answers follow their own rules, and survive the disk?"""

from collections import defaultdict
from pathlib import Path
from typing import Final

import pytest

from lait.world.gold import GoldRow, read_gold, write_gold
from lait.world.judge import compare
from lait.world.web_case import Case, Mix
from lait.world.web_cases import CASES

STAGES: Final = (
    ("language", "opt_out"),
    ("not_main",),
    (
        *("text_missing", "text_short", "text_long", "text_file_name", "text_boilerplate"),
        *("text_spam", "text_language", "text_oov"),
    ),
    ("image_missing", "image_status"),
    ("image_bytes", "image_format", "image_pixels", "image_corrupt"),
    ("min_side", "aspect_ratio"),
    ("uniform", "not_natural"),
    ("relevance",),
    ("duplicate_image", "near_duplicate", "text_on_many_images"),
)
REASONS: Final = {reason for stage in STAGES for reason in stage}


def row(**changes: object) -> GoldRow:
    values: dict[str, object] = {
        "page_url": "https://a.example/",
        "image_url": "https://a.example/1.jpg",
        "alternatives": ("https://a.example/1-small.jpg",),
        "role": "main",
        "main": True,
        "keep": True,
        "drop": None,
        "also": ("duplicate_image",),
        "text": "Ein größeres Haus",
        "true_texts": ("Ein größeres Haus",),
        "scene": 4,
        "sha256": "00",
        "group": 1,
        "case": "exact_copies",
    }
    return GoldRow(**{**values, **changes})  # type: ignore[arg-type]


def test_every_reason_of_the_cascade_has_a_case() -> None:
    drops = {member.drop for case in CASES for member in case.members} - {None}
    assert drops | {"not_main"} == REASONS


def test_accepted_alternatives_are_outcomes() -> None:
    for case in CASES:
        for member in case.members:
            assert set(member.also) <= REASONS | {"kept"}, case.name
            assert member.drop not in member.also, case.name


def test_cases_have_distinct_names() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_drop_is_the_reason_of_the_first_stage_that_has_one(case: Case) -> None:
    """What the table says of words, image and page allows no earlier reason than its own."""
    for member in case.members:
        told = "true" in (member.mix.alt, member.mix.title, member.mix.caption, member.mix.near)
        stage = next((n for n, reasons in enumerate(STAGES) if member.drop in reasons), None)
        if member.drop is None:
            assert told or case.subject == "none", "kept without a true text"
        elif member.drop.startswith("text_") and stage == 2:
            assert not told
        elif stage is not None and stage > 2:
            assert member.mix != Mix(), "an image without words drops at the text stage"


def test_groups_keep_exactly_one_of_their_pictures() -> None:
    for case in CASES:
        if case.bond in ("exact", "reencoded", "same_url"):
            assert [member.drop for member in case.members].count(None) == 1, case.name
        if case.bond == "same_text":
            assert {member.drop for member in case.members} == {"text_on_many_images"}
            assert len(case.members) > 5


def test_a_row_accepts_its_own_outcome_and_the_ones_beside_it() -> None:
    kept, dropped = row(), row(keep=False, drop="min_side", also=("kept", "relevance"))
    assert [kept.accepts(o) for o in ("kept", "duplicate_image", "min_side")] == [True, True, False]
    assert [dropped.accepts(o) for o in ("min_side", "kept", "uniform")] == [True, True, False]
    assert not row(keep=False, drop="min_side", also=()).accepts("kept")


def test_rows_survive_the_disk(tmp_path: Path) -> None:
    rows = [row(), row(main=False, keep=False, drop="not_main", text=None, true_texts=())]
    write_gold(tmp_path / "gold.jsonl", rows)
    assert read_gold(tmp_path / "gold.jsonl") == rows
    assert "größeres" in (tmp_path / "gold.jsonl").read_text(encoding="utf-8")


def test_missing_gold_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no gold answers at .*gold\.jsonl"):
        read_gold(tmp_path / "gold.jsonl")


def test_the_judge_gives_full_marks_to_the_gold_itself() -> None:
    """The two halves of the world agree on field names and on the word for keeping."""
    from dataclasses import asdict

    rows = [
        row(),
        row(image_url="https://a.example/2.jpg", main=False, keep=False, drop="min_side"),
    ]
    ledger = [
        {
            "page_url": r.page_url,
            "image_url": r.image_url,
            "is_main": r.main,
            "kept": r.keep,
            "reason": r.drop,
        }
        for r in rows
    ]
    found = compare(ledger, [asdict(r) for r in rows])
    assert (found.unknown, found.unseen, found.main_right) == (0, 0, 1)
    assert {f.reason: (f.precision, f.recall) for f in found.filters} == defaultdict(
        lambda: (1.0, 1.0), {"kept": (1.0, 1.0), "min_side": (1.0, 1.0)}
    )
