"""How right is each filter of the cascade, by the gold answers of the demo world?"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lait.config import load_config
from lait.curate import curate
from lait.demo import Layout, curate_web, make_world, train_relevance
from lait.world.build import DEMO, TINY, build_world
from lait.world.judge import FilterQuality, judge_texts

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

Floor = tuple[float | None, float]
"""(precision, recall); None where the filter need not have decided anything by itself."""
FLOORS: Mapping[str, Floor] = {
    "kept": (0.94, 0.94),
    "language": (1, 1),
    "opt_out": (1, 1),
    "not_main": (0.99, 0.99),
    "text_missing": (None, 0.5),
    "text_file_name": (0.9, 0.9),
    "text_boilerplate": (0.6, 0.9),
    "text_short": (None, 0.9),
    "text_long": (None, 0.9),
    "text_spam": (None, 0.8),
    "text_language": (0.9, 0.8),
    "text_oov": (0.9, 0.9),
    "image_missing": (1, 1),
    "image_status": (1, 1),
    "image_bytes": (1, 1),
    "image_format": (1, 1),
    "image_pixels": (1, 1),
    "image_corrupt": (1, 1),
    "min_side": (1, 0.75),
    "aspect_ratio": (1, 1),
    "uniform": (1, 1),
    "not_natural": (0.9, 0.95),
    "relevance": (0.75, 0.9),
    "duplicate_image": (0.9, 0.9),
    "near_duplicate": (0.9, 0.9),
    "text_on_many_images": (None, 0.5),
}
"""Of candidates, in the order of the cascade, slightly under what is measured."""
TEXT_FLOORS: Mapping[str, Floor] = {
    "description": (0.99, 0.99),
    "text_file_name": (0.95, 0.95),
    "text_boilerplate": (0.95, 0.95),
    "text_short": (0.95, 0.95),
    "text_long": (0.95, 0.95),
    "text_spam": (0.95, 0.95),
    "text_language": (0.95, 0.95),
    "text_oov": (0.95, 0.95),
}
"""Of single texts."""


def below(qualities: Sequence[FilterQuality], floors: Mapping[str, Floor]) -> list[FilterQuality]:
    """The filters that do not reach their floor; every one in the gold must have a floor."""
    return [
        row
        for row in qualities
        if (row.precision is not None and row.precision < (floors[row.reason][0] or 0))
        or (row.precision is None and floors[row.reason][0] is not None and row.gold)
        or (row.recall is not None and row.recall < floors[row.reason][1])
    ]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_precision_and_recall_of_every_filter_on_the_demo_world(tmp_path: Path) -> None:
    """The whole demo up to its shards: 786 pages, 8,021 images, a relevance model trained first."""
    layout = Layout(root=tmp_path)
    world = make_world(layout, DEMO, seed=0)
    train_relevance(layout, world, lambda *_: None)
    _, judgement = curate_web(layout, world, workers=2)
    assert {row.reason for row in judgement.filters if row.gold} == set(FLOORS)
    assert {row.reason for row in judgement.texts if row.gold} == set(TEXT_FLOORS)
    assert below(judgement.filters, FLOORS) == []
    assert below(judgement.texts, TEXT_FLOORS) == []
    assert judgement.main_right >= 0.97 * judgement.pages


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


def test_every_text_filter_is_exact_on_single_texts(judged) -> None:
    answers = {(gold["page_url"], gold["image_url"]): gold for _, gold in judged}
    texts = judge_texts([row for row, _ in judged], answers)
    assert {row.reason for row in texts if row.gold} == set(TEXT_FLOORS)
    assert below(texts, dict.fromkeys(TEXT_FLOORS, (1.0, 1.0))) == []


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
