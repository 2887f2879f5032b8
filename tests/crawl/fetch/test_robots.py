"""Is robots.txt read as RFC 9309 says, and is nothing asked for that it forbids?"""

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest

from crawl.fetch.fetch import fetch
from crawl.fetch.outcome import Outcome, Request, Status
from crawl.fetch.robots import MAX_ROBOTS_BYTES, read_rules
from tests.crawl.fetch.web import Reply, Web, hosts

SELF = "/robots.txt itself may always be asked for (RFC 9309, 2.2.2); Google answers by the rules"
SAME = "%62 and b, or a character and its encoding, are the same (RFC 9309, 2.2.2)"
EXCEPTIONS = {
    ("327748", "asdfbot", "http://m.example.com/robots.txt"): SELF,
    ("369883", "BarBot", "http://example.com/robots.txt"): SELF,
    ("369883", "AB", "http://example.com/robots.txt"): SELF,
    ("860237", "XYZ", "http://example.com/robots.txt"): SELF,
    ("non-ascii-paths", "FooBot", "http://foo.bar/foo/bar/ツ"): SAME,
    ("non-ascii-paths", "FooBot", "http://foo.bar/foo/bar/baz"): SAME,
}
"""File, agent and URL of the decisions that are made otherwise than Google's parser does."""
A = "http://h/a"


def test_google_decisions(shared_data: Path) -> None:
    cases = json.loads((shared_data / "corpora/robots/google-spec-test/cases.json").read_text())
    assert len(cases) == 400
    wrong = []
    for case in cases:
        rules = read_rules(case["robots"].encode("latin-1"), case["ua"])
        if rules.allows(case["url"]) != case["allowed"]:
            wrong.append((Path(case["file"]).stem, case["ua"], case["url"]))
    assert set(wrong) == set(EXCEPTIONS)
    assert len(wrong) == 7  # one of them in two spellings of the rule


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("User-agent: laitbot\nDisallow: /", False),
        ("User-agent: LAITBOT\nDisallow: /", False),
        ("User-agent: laitbot/1.0\nDisallow: /", False),
        ("User-agent: laitbot (all versions)\nDisallow: /", False),
        ("user agent: laitbot # us\nDisallow: /", False),
        ("useragent:laitbot\nDisallow: /", False),
        ("User-agent: lait\nDisallow: /", True),
        ("User-agent: l\nDisallow: /", True),
        ("User-agent: laitbots\nDisallow: /", True),
        ("User-agent: GPTBot\nDisallow: /", True),
        ("User-agent: ~\nDisallow: /", True),
        ("User-agent:\nDisallow: /", True),
        ("User-agent: *\nDisallow: /", False),
        ("User-agent: * # all\nDisallow: /", False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: laitbot\nAllow: /", True),
        ("User-agent: laitbot\nDisallow:\n\nUser-agent: *\nDisallow: /", True),
        ("User-agent: *\nUser-agent: laitbot\nDisallow: /a", False),
        ("User-agent: laitbot\nDisallow: /b\nUser-agent: laitbot\nDisallow: /a", False),
        ("Disallow: /", True),
        ("User-agent: *\rDisallow: /", False),
        ("User-agent: *\n# \x0bDisallow: /", True),
        ("User-agent: *\n# \x85Disallow: /", True),
        ("<!DOCTYPE html><p>\nUser-agent: *\nDisallow: /\n", True),
        ("  \n<html>\nUser-agent: *\nDisallow: /\n", True),
        ("", True),
    ],
)
def test_whom_a_group_means(text: str, allowed: bool) -> None:
    assert read_rules(text.encode()).allows(A) is allowed


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xef\xbb", b"\xef"])
def test_byte_order_mark(mark: bytes) -> None:
    assert not read_rules(mark + b"User-agent: *\nDisallow: /").allows(A)


def test_only_the_first_500_kib_are_rules() -> None:
    rule = b"User-agent: *\nDisallow: /b\n"
    filler = b"#" * (MAX_ROBOTS_BYTES - 3 * len(rule)) + b"\n"
    assert not read_rules(filler + rule).allows("http://h/b")
    cut = b"#" * (MAX_ROBOTS_BYTES - len(rule) - 12) + b"\n" + rule + b"Disallow: /ab\n"
    assert len(cut) > MAX_ROBOTS_BYTES
    rules = read_rules(cut)
    assert not rules.allows("http://h/b")
    assert rules.allows("http://h/ab")
    assert rules.allows(A)  # not even the half of a rule at the limit


def test_crawl_delay_of_our_group_alone() -> None:
    text = b"User-agent: *\nCrawl-delay: 7\n\nUser-agent: laitbot\nCrawl-delay: 0.5\nDisallow: /x"
    assert read_rules(text).crawl_delay_s == 0.5
    assert read_rules(b"User-agent: *\nCrawl-delay: 7").crawl_delay_s == 7
    assert read_rules(b"User-agent: *\nCrawl-delay: soon").crawl_delay_s == 0


def test_hostile_patterns_take_linear_time() -> None:
    pattern = b"/" + b"*a" * 200 + b"*b$"
    rules = read_rules(b"User-agent: *\n" + b"Disallow: " + pattern + b"\n")
    start = time.process_time()
    assert rules.allows("http://h/" + "a" * 4000 + "c")
    assert time.process_time() - start < 0.5


# -- on the wire


def asked(web: Web, *paths: str, **settings: object) -> list[Outcome]:
    requests = [Request(url=web.url(path), kind="image") for path in paths]
    return list(fetch(requests, web.config(**settings)))


def robots(text: str, status: int = 200, **more: object) -> Reply:
    return Reply(status=status, body=text.encode(), **more)  # type: ignore[arg-type]


def n_robots(web: Web) -> int:
    return sum(seen.path == "/robots.txt" for seen in web.log)


def test_what_is_forbidden_is_not_asked_for() -> None:
    with Web(answers={"/a": Reply(body=b"x"), "/b/1": Reply(), "/b/2": Reply()}) as web:
        web.answers["/robots.txt"] = robots("User-agent: laitbot\nDisallow: /b")
        found = {f.url: f for f in asked(web, "/b/1", "/a", "/b/2")}
        assert found[web.url("/a")].status is Status.OK
        for path in ("/b/1", "/b/2"):
            refused = found[web.url(path)]
            assert (refused.status, refused.n_attempts, refused.fetched_at) == ("robots", 0, "")
            assert not refused.retryable
        assert web.paths() == ["/a"]
        assert n_robots(web) == 1
        assert web.log[0].path == "/robots.txt"


def test_tdmrep_json_is_not_asked_for_either_where_it_is_forbidden() -> None:
    with Web() as web:
        web.answers["/robots.txt"] = robots("User-agent: *\nDisallow: /")
        asked(web, "/a")
        assert [seen.path for seen in web.log] == ["/robots.txt"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 418])
def test_none_there_allows_all(status: int) -> None:
    with Web(answers={"/a": Reply(body=b"x")}) as web:
        web.answers["/robots.txt"] = robots("User-agent: *\nDisallow: /", status)
        assert asked(web, "/a")[0].status is Status.OK
        assert n_robots(web) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_none_to_be_had_forbids_all(status: int) -> None:
    with Web(answers={"/a": Reply(body=b"x"), "/b": Reply()}) as web:
        web.answers["/robots.txt"] = robots("", status)
        found = asked(web, "/a", "/b", retries=2)
        assert [(f.status, f.retryable, f.n_attempts) for f in found] == [("robots", True, 0)] * 2
        assert n_robots(web) == 3  # for both together
        assert web.paths() == []


def test_lost_or_cut_robots_txt_forbids_all() -> None:
    with Web(answers={"/a": Reply(body=b"x")}) as web:
        web.answers["/robots.txt"] = Reply(body=b"User-agent: *\n", length=99, close=True)
        assert asked(web, "/a", retries=0)[0].status is Status.ROBOTS
        assert web.paths() == []


def test_a_host_that_recovers_is_asked() -> None:
    replies = [robots("", 503), robots("", 500), robots("User-agent: *\nDisallow: /b")]
    with Web(answers={"/a": Reply(body=b"x"), "/robots.txt": lambda _: replies.pop(0)}) as web:
        found = asked(web, "/a", "/b")
        assert [f.status for f in found] == [Status.OK, Status.ROBOTS]


def moved(to: str, status: int = 301) -> Reply:
    return Reply(status=status, headers=[("Location", to)])


@pytest.mark.parametrize(("n_hops", "allowed"), [(1, False), (5, False), (6, True)])
def test_up_to_five_redirects(n_hops: int, allowed: bool) -> None:
    with Web(hosts(2), {"/a": Reply(body=b"x")}) as web:
        other = web.url("", "127.0.0.3")
        web.answers["/robots.txt"] = moved(f"{other}/r1", 308)
        for i in range(1, n_hops):
            web.answers[f"/r{i}"] = moved(f"r{i + 1}", 302)
        web.answers[f"/r{n_hops}"] = robots("User-agent: *\nDisallow: /")
        assert asked(web, "/a")[0].status is (Status.OK if allowed else Status.ROBOTS)
        assert len(web.paths("127.0.0.3")) == min(n_hops, 5)


def test_rules_hold_for_the_host_that_is_redirected_to() -> None:
    with Web(hosts(2), {"/b": Reply(body=b"x")}) as web:
        web.answers["127.0.0.2/a"] = moved(web.url("/b", "127.0.0.3"))
        web.answers["127.0.0.3/robots.txt"] = robots("User-agent: *\nDisallow: /b")
        (found,) = asked(web, "/a")
        assert (found.status, found.http_status) == (Status.ROBOTS, 301)
        assert web.paths("127.0.0.3") == []


def test_rules_are_those_of_scheme_host_and_port() -> None:
    with Web(answers={"/a": Reply(body=b"x")}) as one, Web(answers={"/a": Reply()}) as two:
        one.answers["/robots.txt"] = robots("User-agent: *\nDisallow: /")
        requests = [Request(url=web.url("/a"), kind="image") for web in (one, two)]
        found = list(fetch(requests, one.config(ports=(one.port, two.port))))
        assert [f.status for f in found] == [Status.ROBOTS, Status.OK]


def test_robots_txt_is_asked_for_again_when_it_is_old() -> None:
    with Web(answers={"/a": Reply(body=b"x")}) as web:
        asked(web, "/a", "/a", "/a")
        assert n_robots(web) == 1
        asked(web, "/a", "/a", "/a", robots_max_age_s=0.02, min_delay_s=0.05)
        assert n_robots(web) == 4


def test_an_endless_robots_txt_is_read_so_far() -> None:
    text = "User-agent: *\nDisallow: /b\n" + "# more\n" * 10**6
    with Web(answers={"/a": Reply(body=b"x"), "/robots.txt": robots(text)}) as web:
        assert [f.status for f in asked(web, "/a", "/b")] == [Status.OK, Status.ROBOTS]


def test_crawl_delay_over_the_limit_gives_the_host_up() -> None:
    with Web(answers={"/a": Reply(body=b"x")}) as web:
        web.answers["/robots.txt"] = robots("User-agent: *\nCrawl-delay: 301")
        (found,) = asked(web, "/a")
        assert (found.status, found.retryable, found.n_attempts) == (Status.GIVEN_UP, True, 0)
        assert "max_crawl_delay_s" in found.detail
        assert [seen.path for seen in web.log] == ["/robots.txt"]


def test_crawl_delay_is_kept() -> None:
    with Web(answers={"/a": Reply(body=b"x"), "/b": Reply()}) as web:
        web.answers["/robots.txt"] = robots("User-agent: *\nCrawl-delay: 0.15")
        asked(web, "/a", "/b")
        starts = [seen.start for seen in web.log]
        assert len(starts) == 4
        gaps = [b - a for a, b in pairwise(starts)]
        assert min(gaps) >= 0.15
