"""Does every request get its outcome, and does the run end whenever its caller wants?"""

import asyncio
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crawl.fetch import crawl
from crawl.fetch.config import FetchConfig
from crawl.fetch.fetch import fetch
from crawl.fetch.outcome import Outcome, Request, Status
from tests.crawl.fetch.web import Reply, Seen, Web, hosts


def image(url: str, **more: str) -> Request:
    return Request(url=url, kind="image", **more)  # type: ignore[arg-type]


def fetchers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "lait fetch"]


def one(web: Web, request: Request, **settings: object) -> Outcome:
    (found,) = fetch([request], web.config(**settings))
    return found


def test_without_a_contact_nobody_is_asked() -> None:
    with pytest.raises(ValueError, match=r"contact is empty: set fetch\.contact"):
        fetch([], FetchConfig())
    with pytest.raises(ValueError, match="contact"):
        FetchConfig(contact="  ").user_agent()


def test_who_we_are_and_what_we_do_not_send() -> None:
    cookie = Reply(body=b"x", headers=[("Set-Cookie", "id=1; Path=/"), ("ETag", '"e"')])
    with Web(answers={"/a": cookie, "/b": cookie}) as web:
        config = web.config(contact="me@example.org", about_url="https://example.org/bot")
        # By name: clients keep no cookies of bare addresses anyway.
        a, b = (web.url(path, "site.example") for path in ("/a", "/b"))
        requests = [image(a), Request(url=b, kind="page")]
        list(fetch(requests, config, lambda _: ("127.0.0.2",)))
        assert {seen.path for seen in web.log} >= {"/robots.txt", "/a", "/b"}
        for seen in web.log:
            agent = seen.headers["user-agent"]
            assert agent.startswith("laitbot/")
            assert agent.endswith(" (+https://example.org/bot; me@example.org)")
            assert not seen.headers.keys() & {"cookie", "authorization", "referer", "range"}
            assert not seen.headers.keys() & {"if-none-match", "if-modified-since"}
        accept = {seen.path: seen.headers["accept"].split(",")[0] for seen in web.log}
        assert (accept["/a"], accept["/b"]) == ("image/*", "text/html")


def test_outcome_of_a_good_answer() -> None:
    headers = [("Content-Type", "image/jpeg"), ("X-Two", "1"), ("X-TWO", "2"), ("X-Odd", "é")]
    with Web(answers={"/a": Reply(body=b"jpeg", headers=headers)}) as web:
        found = one(web, image(web.url("/a")))
    assert found.status is Status.OK
    assert (found.url, found.final_url) == (web.url("/a"), web.url("/a"))
    assert (found.kind, found.http_status, found.body) == ("image", 200, b"jpeg")
    assert found.headers[1:] == (
        ("content-type", "image/jpeg"),
        ("x-two", "1"),
        ("x-two", "2"),
        ("x-odd", "é"),
    )
    assert (found.n_attempts, found.opt_out, found.detail, found.retryable) == (1, (), "", False)
    assert abs(time.time() - _seconds(found.fetched_at)) < 60


def _seconds(stamp: str) -> float:
    return datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()


def test_conditional_requests() -> None:
    def answer(seen: Seen) -> Reply:
        same = seen.headers.get("if-none-match") == '"e"'
        return Reply(status=304) if same else Reply(body=b"x")

    with Web(answers={"/a": answer}) as web:
        when = "Tue, 24 Nov 2026 12:00:00 GMT"
        found = one(web, image(web.url("/a"), etag='"e"', last_modified=when))
        assert (found.status, found.body, found.http_status) == (Status.NOT_MODIFIED, b"", 304)
        assert web.log[-1].headers["if-modified-since"] == when
        assert one(web, image(web.url("/a"), etag='"old"')).status is Status.OK


def test_the_same_url_twice_gives_two_outcomes() -> None:
    with Web(answers={"/a": Reply(body=b"x")}) as web:
        found = list(fetch([image(web.url("/a"))] * 2, web.config()))
        assert [f.status for f in found] == [Status.OK] * 2


def test_no_requests_no_outcomes() -> None:
    assert list(fetch([], FetchConfig(contact="a@example.org"))) == []
    assert not fetchers()


def test_one_outcome_for_each_of_many() -> None:
    """More requests than may wait, over hosts that do all sorts of things."""
    names = hosts(20)
    answers = {
        f"{name}/{i % 5}": Reply(status=(200, 404, 301, 500, 200)[i % 5])
        for i in range(5)
        for name in names
    }
    with Web(names, answers) as web:  # type: ignore[arg-type]
        urls = [web.url(f"/{i % 5}", names[i % 20]) for i in range(2000)] + ["nonsense", "ftp://x/"]
        config = web.config(
            max_waiting_requests=50,
            max_waiting_outcomes=7,
            retries=0,
            breaker_failures=10**6,
            backoff_s=0,
        )
        found = list(fetch(map(image, urls), config))
    assert Counter(f.url for f in found) == Counter(urls)
    assert Counter(f.status for f in found) == {
        Status.OK: 800,
        Status.HTTP_ERROR: 800,
        Status.REDIRECTS: 400,
        Status.REFUSED_URL: 2,
    }


def test_requests_are_read_as_they_are_needed() -> None:
    n_read = 0

    def requests(web: Web) -> Iterator[Request]:
        nonlocal n_read
        while True:
            n_read += 1
            yield image(web.url("/a"))

    with Web(answers={"/a": Reply(body=b"x")}) as web:
        outcomes = fetch(requests(web), web.config(max_waiting_requests=10))
        for n_taken in range(1, 40):
            next(outcomes)
            assert n_read <= n_taken + 10
        outcomes.close()  # type: ignore[attr-defined]
    assert not fetchers()


def test_nothing_piles_up_while_nobody_takes() -> None:
    names = hosts(10)
    with Web(names, {f"/{i}": Reply(body=b"x" * 1000) for i in range(30)}) as web:
        requests = [image(web.url(f"/{i}", name)) for i in range(30) for name in names]
        config = web.config(max_waiting_outcomes=5, max_hosts_at_once=4)
        outcomes = fetch(requests, config)
        next(outcomes)
        time.sleep(0.5)
        n_asked = sum(len(web.paths(name)) for name in names)
        assert n_asked <= 1 + 5 + 4 + 1
        assert 1 + sum(1 for _ in outcomes) == 300


def test_bytes_do_not_pile_up_either() -> None:
    with Web(hosts(10), {f"/{i}": Reply(body=bytes(10**5)) for i in range(9)}) as web:
        requests = [image(web.url(f"/{i}", name)) for i in range(9) for name in web.hosts]
        outcomes = fetch(requests, web.config(max_waiting_bytes=3 * 10**5, max_hosts_at_once=2))
        next(outcomes)
        time.sleep(0.5)
        assert sum(len(web.paths(name)) for name in web.hosts) <= 1 + 3 + 2 + 1
        assert 1 + sum(1 for _ in outcomes) == 90


def test_closing_early_stops_the_run() -> None:
    async def silent(_: Seen, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    with Web(hosts(5), {"/a": Reply(body=b"x"), "/silent": silent}) as web:
        requests = [image(web.url("/a"))]
        requests += [image(web.url("/silent", name)) for name in web.hosts[1:]]
        outcomes = fetch(requests, web.config())
        assert next(outcomes).status is Status.OK
        start = time.monotonic()
        outcomes.close()  # type: ignore[attr-defined]
        assert time.monotonic() - start < 1
        assert not fetchers()
        time.sleep(0.1)
        assert sum(web.open.values()) == 0


def test_an_iterator_that_is_never_started_starts_nothing() -> None:
    with Web() as web:
        outcomes = fetch([image(web.url("/a"))], web.config())
        assert not fetchers()
        del outcomes
        assert not web.log


def test_an_error_in_the_requests_reaches_the_caller() -> None:
    def requests(web: Web) -> Iterator[Request]:
        yield image(web.url("/a"))
        raise RuntimeError("no more")

    with Web(answers={"/a": Reply(body=b"x")}) as web:
        with pytest.raises(RuntimeError, match="no more"):
            list(fetch(requests(web), web.config()))
        assert not fetchers()


def test_what_nobody_has_thought_of_becomes_an_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object) -> tuple[str, ...]:
        raise ZeroDivisionError("unthought-of")

    monkeypatch.setattr(crawl, "response_signals", fails)
    with Web(answers={"/a": Reply(body=b"x"), "/b": Reply(body=b"x")}) as web:
        found = list(fetch([image(web.url("/a")), image(web.url("/b"))], web.config()))
    assert [(f.status, f.detail) for f in found] == [
        (Status.BROKEN, "ZeroDivisionError: unthought-of")
    ] * 2


def test_a_loop_that_dies_raises_instead_of_hanging(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise MemoryError("no loop")

    monkeypatch.setattr(crawl.Crawl, "__init__", fails)
    with pytest.raises(MemoryError, match="no loop"):
        list(fetch([image("http://example.org/")], FetchConfig(contact="a@example.org")))
    assert not fetchers()


def test_a_request_that_is_none_raises_instead_of_hanging() -> None:
    with Web(answers={"/a": Reply(body=b"x")}) as web, pytest.raises(AttributeError):
        list(fetch([image(web.url("/a")), "http://example.org/"], web.config()))  # type: ignore[list-item]
    assert not fetchers()


def test_a_queue_that_dies_raises_instead_of_hanging(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_: object) -> None:
        raise ZeroDivisionError("no room")

    monkeypatch.setattr(crawl.Mailbox, "room", fails)
    with pytest.raises(ZeroDivisionError, match="no room"):
        list(fetch([image("http://127.0.0.1/")], FetchConfig(contact="a@example.org")))
    assert not fetchers()


def test_a_process_ends_although_a_lookup_never_does() -> None:
    script = """
import time
from crawl.fetch.config import FetchConfig
from crawl.fetch.fetch import fetch
from crawl.fetch.outcome import Request
requests = [Request(url="http://hangs.example/", kind="page")]
config = FetchConfig(contact="a@example.org", dns_timeout_s=0.2, retries=0)
print(*(o.status for o in fetch(requests, config, lambda _: time.sleep(1000))))
"""
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, cwd=root, timeout=20, capture_output=True, text=True, check=True)
    assert run.stdout == "timeout\n"


def test_hosts_without_work_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crawl, "_MOST_IDLE_HOSTS", 3)
    with Web(hosts(9), {"/a": Reply(body=b"x")}) as web:
        requests = [image(web.url("/a", name)) for name in web.hosts] * 2
        found = list(fetch(requests, web.config(max_waiting_requests=1)))
        assert [f.status for f in found] == [Status.OK] * 18
        n_robots = Counter(seen.host for seen in web.log if seen.path == "/robots.txt")
        assert set(n_robots.values()) == {2}
