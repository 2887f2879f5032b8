"""Are rests as long as the host, the standard and the settings ask for?"""

import pytest

from crawl.fetch.config import FetchConfig
from crawl.fetch.manners import Manners, retry_after_s

NOW = "Tue, 24 Nov 2026 12:00:00 GMT"
PLAIN = FetchConfig(contact="a@example.org", jitter_share=0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("999999999999", 999_999_999_999.0),
        ("Tue, 24 Nov 2026 12:01:30 GMT", 90.0),
        ("Tuesday, 24-Nov-26 12:01:30 GMT", 90.0),
        ("Tue Nov 24 12:01:30 2026", 90.0),
        ("Mon, 23 Nov 2026 12:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 251_606_779_199.0),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("1e9", None),
        ("٣", None),
        ("Tue, 99 Nov 2026 12:01:30 GMT", None),
        ("9" * 5000, None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after_s(value, NOW) == seconds


def test_without_a_date_our_clock_decides() -> None:
    assert retry_after_s("Fri, 31 Dec 2000 23:59:59 GMT", "") == 0
    assert (retry_after_s("Fri, 31 Dec 9999 23:59:59 GMT", "nonsense") or 0) > 10**9


@pytest.mark.parametrize(
    ("took_s", "asked_for_s", "rest_s"),
    [(0.0, 0.0, 1.0), (0.1, 0.0, 1.0), (2.0, 0.0, 10.0), (20.0, 0.0, 30.0), (2.0, 60.0, 60.0)],
)
def test_rest_is_the_longest_reason_to_wait(
    took_s: float, asked_for_s: float, rest_s: float
) -> None:
    assert Manners(host="h").rest_s(took_s, asked_for_s, PLAIN) == rest_s


def test_backoff_doubles_up_to_its_limit_and_ends_with_an_answer() -> None:
    config = PLAIN.model_copy(update={"breaker_failures": 100})
    manners = Manners(host="h")
    rests = []
    for _ in range(8):
        manners.failed(config, "x")
        rests.append(manners.rest_s(0, 0, config))
    assert rests == [2, 4, 8, 16, 32, 60, 60, 60]
    manners.answered()
    assert manners.rest_s(0, 0, config) == 1


def test_jitter_only_lengthens_and_is_the_same_every_time() -> None:
    config = PLAIN.model_copy(update={"jitter_share": 0.5})

    def rests(host: str) -> list[float]:
        manners = Manners(host=host)
        return [manners.rest_s(0, 10, config) for _ in range(50)]

    assert rests("a") == rests("a") != rests("b")
    assert all(10 <= rest < 15 for rest in rests("a"))
    assert max(rests("a")) - min(rests("a")) > 3


def test_breaker_counts_failures_in_a_row() -> None:
    manners = Manners(host="h")
    for _ in range(3):
        for _ in range(4):
            manners.failed(PLAIN, "x")
        manners.answered()
    assert not manners.given_up
    for _ in range(5):
        manners.failed(PLAIN, "timeout: y")
    assert manners.given_up == "5 failures in a row, the last: timeout: y"
    manners.answered()
    assert manners.given_up


def test_defaults_are_those_that_are_promised() -> None:
    config = FetchConfig()
    assert (config.min_delay_s, config.delay_factor) == (1.0, 5.0)
    assert (config.max_crawl_delay_s, config.max_retry_after_s) == (300.0, 3600.0)
    assert config.ports == (80, 443)
    assert config.allow_net == ()
    assert config.obey_opt_outs
    assert config.max_redirects == 5


@pytest.mark.parametrize(
    ("setting", "value", "named"),
    [
        ("allow_net", ("127.0.0.1/8",), "allow_net"),
        ("allow_net", ("everything",), "allow_net"),
        ("ports", (0,), "ports"),
        ("contact", "a\nb", "contact"),
        ("robots_max_age_s", 90_000, "robots_max_age_s"),
        ("respect_robots", False, "respect_robots"),
    ],
)
def test_settings_that_are_refused(setting: str, value: object, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        FetchConfig.model_validate({setting: value})
