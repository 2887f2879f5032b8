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


def test_texts_are_judged_one_by_one() -> None:
    gold = [
        answer("a", true_texts=["A red boat"], case="one"),
        answer("b", true_texts=[], case="two", keep=False, drop="text_oov", also=["text_spam"]),
        answer("c", true_texts=["A cat"], case="title_over_file_name"),
        answer("d", true_texts=[], case="decoy", main=False),
    ]
    said = {
        "a": [("alt", "A red boat", None), ("caption", "By Jo", "text_short")],
        "b": [("alt", "xqzt", "text_spam"), ("surrounding", "words", None)],
        "c": [("alt", "IMG_1.jpg", None), ("title", "A cat", "text_language")],
        "d": [("alt", "buy", "text_spam")],
    }
    ledger = [
        {
            **decision(image),
            "stage": None,
            "texts": [{"source": one[0], "text": one[1], "drop": one[2]} for one in texts],
        }
        for image, texts in said.items()
    ]
    texts = {row.reason: row for row in compare(ledger, gold).texts}
    assert (texts["description"].gold, texts["description"].decided) == (2, 2)
    assert (texts["description"].precision, texts["description"].recall) == (0.5, 0.5)
    assert (texts["text_oov"].recall, texts["text_spam"].precision) == (1.0, 1.0)
    assert (texts["text_language"].precision, texts["text_file_name"].recall) == (0.0, 0.0)
    assert "text_short" not in texts, "the gold says nothing of a byline"
