"""Does the cascade decide on the demo world as the gold answers say?"""

import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lait.config import load_config
from lait.curate import curate
from lait.world.build import TINY, build_world

EARLY = {"page", "main_image"}
"""Steps whose quality is that of extraction, which has tests of its own."""
IMAGE_REASONS = {
    "image_missing",
    "image_status",
    "image_bytes",
    "image_format",
    "image_pixels",
    "image_corrupt",
    "min_side",
    "aspect_ratio",
    "uniform",
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[dict, dict]]:
    """(ledger row, gold row) of every candidate that both know."""
    root = tmp_path_factory.mktemp("world")
    world = build_world(root / "world", size=TINY, seed=0)
    out = root / "run"
    curate([str(path) for path in world.archives], out, config=load_config(), relevance=None)
    rows = pq.read_table(out / "ledger").to_pylist()
    return list(_matched(rows, world.gold))


def _matched(rows: list[dict], gold: Path):
    lines = gold.read_text(encoding="utf-8").splitlines()
    answers = {(row["page_url"], row["image_url"]): row for row in map(json.loads, lines)}
    for row in rows:
        answer = answers.get((row["page_url"], row["image_url"]))
        if answer is not None:
            yield row, answer


def test_most_candidates_are_known(judged) -> None:
    assert len(judged) > 900


def test_no_image_filter_drops_what_the_gold_keeps(judged) -> None:
    wrong = [
        (row["reason"], row["image_url"])
        for row, gold in judged
        if row["reason"] in IMAGE_REASONS
        and gold["main"]
        and row["reason"] not in (gold["drop"], *gold.get("also", ()))
    ]
    assert wrong == []


def test_every_image_that_the_gold_drops_is_dropped_for_its_reason(judged) -> None:
    asked = [
        (row, gold)
        for row, gold in judged
        if gold["drop"] in IMAGE_REASONS and row["stage"] not in EARLY
    ]
    assert len({gold["drop"] for _, gold in asked}) >= 6
    wrong = [
        (row["reason"], gold["drop"], row["image_url"])
        for row, gold in asked
        if row["reason"] not in (gold["drop"], *gold.get("also", ()))
    ]
    assert wrong == []


def test_foreign_pages_and_opt_outs(judged) -> None:
    reasons = Counter(
        (gold["drop"], row["reason"]) for row, gold in judged if gold["drop"] == "language"
    )
    assert set(reasons) == {("language", "language")}
    kept_private = [
        row["image_url"] for row, gold in judged if gold["drop"] == "opt_out" and row["kept"]
    ]
    assert kept_private == []


def test_texts_that_the_gold_refuses_are_never_chosen(judged) -> None:
    """Without a model a page's filler may be chosen, but not the text that the gold refuses."""
    noise = {"text_file_name", "text_boilerplate", "text_spam", "text_language", "text_oov"}
    asked = [row for row, gold in judged if gold["drop"] in noise and row["stage"] not in EARLY]
    assert len(asked) >= 3
    assert [
        row["text"] for row in asked if row["kept"] and row["text_source"] != "surrounding"
    ] == []
