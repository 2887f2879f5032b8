"""Is crawled text shown literally, and do sparklines follow the numbers?"""

import pytest

from lait.commands.house import ray_exposure
from lait.commands.training import named, settings, sparkline
from lait.screen import cell, printable


def test_terminal_escapes_are_shown_not_obeyed() -> None:
    assert "\x1b" not in printable("\x1b[2J\x07wipe")
    assert printable("naïve 日本 text") == "naïve 日本 text"


def test_markup_of_a_page_is_not_markup_of_ours() -> None:
    from rich.text import Text

    assert Text.from_markup(cell("[red]alarm[/red] [link=x]y[/link]")).plain == (
        "[red]alarm[/red] [link=x]y[/link]"
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (True, "yes"), (12345, "12,345"), (0.98765, "0.988"), ("word", "word")],
)
def test_cells(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_sparkline_falls_with_the_loss() -> None:
    line = sparkline([float(value) for value in range(100, 0, -1)], width=10)
    assert len(line) == 10
    assert list(line) == sorted(line, reverse=True)
    assert line[0] != line[-1]
    assert sparkline([2.0, 2.0]) == "▁▁"
    assert not sparkline([])


@pytest.mark.parametrize("entry", ["web", "=x", "web="])
def test_stage_of_another_form_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="NAME=FOLDER"):
        named("--stage", [entry])


def test_stage_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        named("--stage", ["web=a", "web=b"])


def test_settings_are_read_as_values() -> None:
    assert settings(["a.b=3", "c=null", "d=[1, 2]"]) == {"a.b": 3, "c": None, "d": [1, 2]}
    with pytest.raises(ValueError, match="FIELD=VALUE"):
        settings(["a.b"])


@pytest.mark.parametrize(
    ("environment", "ok"),
    [
        ({}, True),
        ({"RAY_ADDRESS": "127.0.0.1:6379"}, True),
        ({"RAY_ADDRESS": "ray://localhost:10001"}, True),
        ({"RAY_ADDRESS": "ray://head.example:10001"}, False),
        ({"RAY_ADDRESS": "head.example:6379", "RAY_AUTH_MODE": "disabled"}, False),
        ({"RAY_ADDRESS": "head.example:6379", "RAY_AUTH_MODE": "token"}, True),
    ],
)
def test_doctor_objects_to_an_open_ray(environment: dict[str, str], ok: bool) -> None:
    assert ray_exposure(environment).ok is ok
