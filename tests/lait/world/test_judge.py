"""Does the judge count a run against the gold as a person would?"""

from typing import Any

import pytest

from lait.world.judge import FilterQuality, compare

PAGE = "https://a.example/page"


def answer(image: str, **fields: Any) -> dict[str, Any]:
    """A gold row: by default a main image to keep."""
    row = {"page_url": PAGE, "image_url": image, "main": True, "keep": True, "drop": None}
    return {**row, "also": [], **fields}


def decision(image: str, reason: str | None = None, *, main: bool = False) -> dict[str, Any]:
    """A ledger row: kept without a reason."""
    return {
        "page_url": PAGE,
        "image_url": image,
        "is_main": main,
        "kept": reason is None,
        "reason": reason,
    }


def quality(filters: tuple[FilterQuality, ...], reason: str) -> FilterQuality:
    return next(row for row in filters if row.reason == reason)


def test_a_perfect_run() -> None:
    gold = [answer("a"), answer("b", main=False, keep=False, drop="not_main")]
    judged = compare([decision("a", main=True), decision("b", "not_main")], gold)
    assert all(row.precision == row.recall == 1.0 for row in judged.filters)
    assert (judged.pages, judged.main_right, judged.unknown, judged.unseen) == (1, 1, 0, 0)


def test_a_wrong_drop_costs_precision_there_and_recall_of_the_kept() -> None:
    gold = [answer("a"), answer("b"), answer("c", keep=False, drop="min_side")]
    ledger = [decision("a"), decision("b", "min_side"), decision("c", "min_side")]
    judged = compare(ledger, gold)
    assert quality(judged.filters, "kept").recall == 0.5
    assert quality(judged.filters, "kept").precision == 1.0
    assert quality(judged.filters, "min_side").precision == 0.5
    assert quality(judged.filters, "min_side").recall == 1.0


def test_another_reason_that_a_person_accepts_is_right() -> None:
    gold = [answer("a", keep=False, drop="min_side", also=["image_corrupt"])]
    judged = compare([decision("a", "image_corrupt")], gold)
    assert quality(judged.filters, "min_side").recall == 1.0
    assert quality(judged.filters, "image_corrupt").precision == 1.0
    assert quality(judged.filters, "image_corrupt").recall is None
    refused = compare([decision("a", "aspect_ratio")], gold)
    assert quality(refused.filters, "min_side").recall == 0.0


def test_images_only_one_side_knows_are_counted() -> None:
    judged = compare([decision("invented")], [answer("a")])
    assert (judged.unknown, judged.unseen) == (1, 1)
    assert quality(judged.filters, "kept").recall == 0.0


@pytest.mark.parametrize("main", [True, False])
def test_a_page_without_main_image_is_right_only_when_none_is_chosen(main: bool) -> None:
    gold = [answer("a", main=False, keep=False, drop="not_main")]
    judged = compare([decision("a", "min_side" if main else "not_main", main=main)], gold)
    assert judged.main_right == (not main)
