"""Is personal data found where it is written plainly, and are other numbers left alone?"""

import pytest

from crawl.config import CrawlConfig
from filter.config import FilterConfig
from filter.personal import Personal, personal_data
from filter.recipe import lait


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Write to jane.doe@example.org for prints", "e-mail"),
        ("JANE@EXAMPLE.CO.UK", "e-mail"),
        ("jane [at] example [dot] com sells it", "e-mail"),
        ("jane(at)example.com sells it", "e-mail"),
        ("Call +44 20 7946 0958 for the boat", "telephone"),
        ("Reach us: 0049 30 901820 in Berlin", "telephone"),
        ("Boat for hire (212) 555-0123", "telephone"),
        ("Boat for hire 212-555-0123 today", "telephone"),
        ("Tel: 030 901820, ask for Anna", "telephone"),
        ("Phone 555 01 23 45", "telephone"),
        ("Donate to GB82 WEST 1234 5698 7654 32 please", "IBAN"),
        ("DE89370400440532013000", "IBAN"),
        ("Visa 4111 1111 1111 1111 on the table", "card number"),
        ("card 5500-0000-0000-0004", "card number"),
        ("amex 3782 822463 10005", "card number"),
    ],
)
def test_found(text, kind) -> None:
    assert personal_data(text) == kind


@pytest.mark.parametrize(
    "text",
    [
        "A dog at the beach in 1999, 640 x 480 pixels",
        "Taken on 2020-01-02 at 12:30:45 near Oslo",
        "The Apollo 11 crew, July 16-24, 1969",
        "ISBN 978-0-306-40615-7 on a shelf",
        "Population 1 234 567 890 in the year 2000",
        "Visa 4111 1111 1111 1112 is no card number",
        "GB82 WEST 1234 5698 7654 33 is no account",
        "1.234.567,89 euros in coins",
        "At 51.5007, -0.1246 stands a clock",
        "The price rose from 100-200 to 300-4000",
        "Lot 2019 0042 0815 4711 of the auction",
        "a phone on a table, 5 inches wide",
        "the @ sign on a wall",
        "a 1:12500 map of grid square 4512 3398",
    ],
)
def test_other_numbers_are_left_alone(text) -> None:
    assert personal_data(text) is None


def test_the_drop_does_not_repeat_what_was_found() -> None:
    drop = Personal()("Write to jane.doe@example.org")
    assert (drop.reason, drop.value) == ("text_personal", "e-mail")


def test_it_can_be_switched_off() -> None:
    text = "A red umbrella on the beach, call 212-555-0123 today"
    assert lait(FilterConfig(), CrawlConfig()).text(text).drop.reason == "text_personal"
    assert lait(FilterConfig(drop_personal=False), CrawlConfig()).text(text) is None


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "text", ["a." * 20_000 + "@", "1 " * 20_000, "+" + "(1" * 20_000, "A" * 40_000]
)
def test_hostile_texts_cost_little(text) -> None:
    assert personal_data(text) is None


def test_human_captions_have_none(shared_data) -> None:
    """One caption of a figure that shows a made-up address; no number is mistaken."""
    import json

    lines = (shared_data / "captions" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    kinds = [personal_data(row[name]) for row in rows for name in ("alt", "caption", "credit")]
    assert [kind for kind in kinds if kind is not None] == ["e-mail"]
