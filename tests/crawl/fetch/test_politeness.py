"""What does a host see of us: one connection, pauses, and silence when it wants silence?"""

import asyncio
import threading
import time
from itertools import pairwise

import pytest
from aiohttp import ClientSession

from crawl.fetch import asking, places
from crawl.fetch.fetch import fetch
from crawl.fetch.outcome import Outcome, Request, Status
from tests.crawl.fetch.web import Reply, Seen, Web, hosts


def asked(web: Web, *paths: str, host: str = "", **settings: object) -> list[Outcome]:
    requests = [Request(url=web.url(path, host), kind="image") for path in paths]
    return list(fetch(requests, web.config(**settings)))


def pauses(web: Web, host: str = "") -> list[float]:
    """Seconds from the end of an answer to the next request, by the clock of the server."""
    seen = [s for s in web.log if s.host == (host or web.hosts[0])]
    return [after.start - before.end for before, after in pairwise(seen)]


def test_a_web_of_fifty_hosts() -> None:
    """Every host: one connection, its delay, its robots.txt, its opt-outs. Two of them are dead."""

    async def silent(_: Seen, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async def drips(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 X\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    names = hosts(50)
    good = Reply(body=b"x" * 3000)
    with Web(names, {f"/{i}": good for i in range(6)}) as web:
        for name in names[:5]:
            web.answers[f"{name}/robots.txt"] = Reply(body=b"User-agent: *\nDisallow: /3")
        for name in names[5:10]:
            reserved = Reply(body=b"x", headers=[("X-Robots-Tag", "noai")])
            web.answers[f"{name}/3"] = reserved
        for i in range(6):
            web.answers[f"{names[48]}/{i}"] = silent
            web.answers[f"{names[49]}/{i}"] = drips
        requests = [
            Request(url=web.url(f"/{i}", name), kind="image") for i in range(6) for name in names
        ]
        config = web.config(
            min_delay_s=0.03,
            delay_factor=1.0,
            retries=1,
            breaker_failures=2,
            dns_timeout_s=0.1,
            connect_timeout_s=0.2,
            first_byte_timeout_s=0.2,
            slow_start_s=0.3,
            max_hosts_at_once=20,
        )
        start = time.monotonic()
        found = list(fetch(requests, config))
        assert time.monotonic() - start < 15

        assert sorted(f.url for f in found) == sorted(r.url for r in requests)
        by_url = {f.url: f for f in found}
        assert all(web.most_open[name] == 1 for name in names)
        for name in names:
            assert min(pauses(web, name), default=1) >= 0.03
        for name in names[:48]:
            forbidden = name in names[:5]
            reserved_here = name in names[5:10]
            third = by_url[web.url("/3", name)].status
            assert third is (
                Status.ROBOTS if forbidden else Status.OPT_OUT if reserved_here else Status.OK
            )
            n_asked = 5 if forbidden else 6
            assert sorted(web.paths(name)) == sorted(
                f"/{i}" for i in range(6) if i != 3 or n_asked > 5
            )
        for name in names[48:]:
            of_dead = [by_url[web.url(f"/{i}", name)].status for i in range(6)]
            assert set(of_dead) == {Status.TIMEOUT, Status.GIVEN_UP}
            assert len(web.paths(name)) == 2


def test_one_connection_is_used_for_all_and_closed_by_us_at_the_end() -> None:
    with Web(answers={f"/{i}": Reply(body=b"x") for i in range(20)}) as web:
        found = asked(web, *(f"/{i}" for i in range(20)))
        assert [f.url for f in found] == [web.url(f"/{i}") for i in range(20)]
        assert web.n_connections["127.0.0.2"] == 1
        assert web.open["127.0.0.2"] == 0


def test_rest_follows_how_long_the_host_took() -> None:
    answers = {"/a": Reply(body=b"x", delay_s=0.1), "/b": Reply(body=b"x")}
    with Web(answers=answers) as web:
        asked(web, "/a", "/b", delay_factor=3.0)
        assert pauses(web)[-1] >= 0.3


@pytest.mark.parametrize("value", ["1", "date"])
def test_retry_after_is_kept(value: str) -> None:
    headers = [("Retry-After", value)]
    if value == "date":
        headers = [
            ("Date", "Tue, 24 Nov 2026 12:00:00 GMT"),
            ("Retry-After", "Tue, 24 Nov 2026 12:00:01 GMT"),
        ]
    replies = [Reply(status=429, headers=headers), Reply(body=b"x"), Reply(body=b"y")]
    with Web(answers={"/a": lambda _: replies.pop(0), "/b": lambda _: replies.pop(0)}) as web:
        found = asked(web, "/a", "/b")
        assert [(f.status, f.n_attempts) for f in found] == [(Status.OK, 1), (Status.OK, 2)]
        assert web.paths() == ["/a", "/b", "/a"]
        assert pauses(web)[2] >= 1


def test_retry_after_over_the_limit_gives_the_host_up() -> None:
    later = Reply(status=503, headers=[("Retry-After", "3601")])
    with Web(hosts(2), {"127.0.0.2/a": later, "/b": Reply(body=b"x")}) as web:
        requests = [
            Request(url=web.url(path, name), kind="image")
            for path, name in (("/a", ""), ("/b", ""), ("/b", "127.0.0.3"))
        ]
        found = {f.url: f for f in fetch(requests, web.config())}
        first, second = found[web.url("/a")], found[web.url("/b")]
        assert (first.status, first.http_status, first.retryable) == (Status.HTTP_ERROR, 503, True)
        assert (second.status, second.n_attempts, second.retryable) == (Status.GIVEN_UP, 0, True)
        assert "max_retry_after_s" in second.detail
        assert found[web.url("/b", "127.0.0.3")].status is Status.OK
        assert web.paths() == ["/a"]
        # The next run of the process remembers; one that is willing to wait may wait.
        n_before = len(web.log)
        (again,) = asked(web, "/b")
        assert (again.status, again.retryable, len(web.log)) == (Status.GIVEN_UP, True, n_before)
        assert asked(web, "/b", max_retry_after_s=3602)[0].status is Status.OK


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_excuses_are_tried_again_with_growing_pauses(status: int) -> None:
    with Web(answers={"/a": Reply(status=status)}) as web:
        (found,) = asked(web, "/a", retries=3, backoff_s=0.05)
        assert (found.status, found.http_status) == (Status.HTTP_ERROR, status)
        assert (found.n_attempts, found.retryable) == (4, True)
        assert web.paths() == ["/a"] * 4
        rests = pauses(web)[-3:]
        assert all(rest >= want for rest, want in zip(rests, (0.05, 0.1, 0.2), strict=True))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 501, 505])
def test_other_errors_are_not(status: int) -> None:
    with Web(answers={"/a": Reply(status=status, body=b"sorry")}) as web:
        (found,) = asked(web, "/a")
        assert (found.status, found.http_status) == (Status.HTTP_ERROR, status)
        assert (found.n_attempts, found.retryable, found.body) == (1, False, b"")
        assert web.paths() == ["/a"]


def test_breaker_spares_a_dead_host_the_rest() -> None:
    with Web(answers={f"/{i}": Reply(status=500) for i in range(9)}) as web:
        found = asked(web, *(f"/{i}" for i in range(9)), retries=0, breaker_failures=3)
        statuses = [f.status for f in found]
        assert statuses == [Status.HTTP_ERROR] * 3 + [Status.GIVEN_UP] * 6
        assert all(f.retryable for f in found)
        assert "3 failures in a row" in found[-1].detail
        assert len(web.paths()) == 3


def test_breaker_is_closed_by_an_answer() -> None:
    answers = {f"/{i}": Reply(status=404 if i % 3 == 2 else 500) for i in range(9)}
    with Web(answers=answers) as web:
        found = asked(web, *(f"/{i}" for i in range(9)), retries=0, breaker_failures=3)
        assert {f.status for f in found} == {Status.HTTP_ERROR}


# -- redirects


def moved(to: str, status: int = 302) -> Reply:
    return Reply(status=status, headers=[("Location", to)])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(status: int) -> None:
    with Web(answers={"/a/b": moved("../c d?x=é#f", status)}) as web:
        web.answers["/c%20d?x=%C3%A9"] = Reply(body=b"x")
        (found,) = asked(web, "/a/b")
        assert (found.status, found.final_url) == (Status.OK, web.url("/c%20d?x=%C3%A9"))
        assert (found.n_attempts, found.http_status) == (1, 200)


@pytest.mark.parametrize(("n_hops", "status"), [(5, Status.OK), (6, Status.REDIRECTS)])
def test_at_most_five_redirects(n_hops: int, status: Status) -> None:
    with Web() as web:
        for i in range(n_hops):
            web.answers[f"/{i}"] = moved(f"/{i + 1}")
        web.answers[f"/{n_hops}"] = Reply(body=b"x")
        assert asked(web, "/0")[0].status is status
        assert len(web.paths()) == 6


@pytest.mark.parametrize(
    ("reply", "n_asked"), [(moved("/a"), 1), (moved("/b"), 2), (Reply(status=302), 1)]
)
def test_redirects_in_a_circle_and_to_nowhere(reply: Reply, n_asked: int) -> None:
    with Web(answers={"/a": reply, "/b": moved("/a")}) as web:
        (found,) = asked(web, "/a")
        assert (found.status, found.http_status) == (Status.REDIRECTS, 302)
        assert len(web.paths()) == n_asked


def test_a_redirect_waits_for_its_turn_with_the_other_host() -> None:
    """Twenty hosts redirect to one that is being served itself: it sees one connection."""
    names = hosts(21)
    other = names[20]
    with Web(names, {f"/{i}": Reply(body=b"x", delay_s=0.01) for i in range(20)}) as web:
        requests = [Request(url=web.url(f"/{i}", other), kind="image") for i in range(20)]
        for i, name in enumerate(names[:20]):
            web.answers[f"{name}/r"] = moved(web.url(f"/{i}", other))
            requests.append(Request(url=web.url("/r", name), kind="image"))
        found = list(fetch(requests, web.config(min_delay_s=0.01)))
        assert [f.status for f in found] == [Status.OK] * 40
        assert web.most_open[other] == 1
        assert len(web.paths(other)) == 40
        assert min(pauses(web, other)) >= 0.01
        assert sum(s.path == "/robots.txt" for s in web.log if s.host == other) == 1


def test_hosts_that_redirect_to_each_other_do_not_wait_for_ever() -> None:
    with Web(hosts(2), {"/end": Reply(body=b"x")}) as web:
        web.answers["127.0.0.2/a"] = moved(web.url("/end", "127.0.0.3"))
        web.answers["127.0.0.3/a"] = moved(web.url("/end", "127.0.0.2"))
        for name, other in (web.hosts, web.hosts[::-1]):
            web.answers[f"{name}/robots.txt"] = moved(web.url("/rules", other))
        requests = [Request(url=web.url("/a", name), kind="image") for name in web.hosts] * 5
        found = list(fetch(requests, web.config(max_hosts_at_once=1, min_delay_s=0.005)))
        assert [f.status for f in found] == [Status.OK] * 10
        assert max(web.most_open.values()) == 1


def test_a_robots_txt_on_a_host_that_is_being_served() -> None:
    """Twenty hosts keep their robots.txt with another one, which sees one connection."""
    names = hosts(21)
    other = names[20]
    answers = {f"/{i}": Reply(body=b"x", delay_s=0.005) for i in range(20)}
    with Web(names, {**answers, f"{other}/rules": Reply(body=b"User-agent: *")}) as web:
        requests = [Request(url=web.url(f"/{i}", other), kind="image") for i in range(20)]
        for name in names[:20]:
            web.answers[f"{name}/robots.txt"] = moved(web.url("/rules", other))
            requests.append(Request(url=web.url("/1", name), kind="image"))
        found = list(fetch(requests, web.config(min_delay_s=0.005)))
        assert [f.status for f in found] == [Status.OK] * 40
        assert web.paths(other).count("/rules") == 20
        assert web.most_open[other] == 1
        assert min(pauses(web, other)) >= 0.005


def test_two_fetchers_in_one_process_share_the_turns() -> None:
    """As in a Beam worker that runs two bundles: never two requests to a host at once."""
    now_served = 0
    most_served = 0

    async def slow(_: Seen, writer: asyncio.StreamWriter) -> None:
        nonlocal now_served, most_served
        now_served += 1
        most_served = max(most_served, now_served)
        await asyncio.sleep(0.01)
        writer.write(b"HTTP/1.1 200 X\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx")
        await writer.drain()
        now_served -= 1

    with Web(answers={f"/{i}": slow for i in range(10)}) as web:
        counts: list[int] = []

        def run() -> None:
            found = asked(web, *(f"/{i}" for i in range(10)))
            counts.append(sum(f.status is Status.OK for f in found))

        threads = [threading.Thread(target=run) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert counts == [10, 10, 10]
        assert most_served == 1


def test_a_host_that_rests_for_long_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "KEEP_ALIVE_S", 0.05)
    replies = [Reply(status=429, headers=[("Retry-After", "1")]), Reply(body=b"x")]
    with Web(hosts(3), {"127.0.0.2/a": lambda _: replies.pop(0), "/a": Reply(body=b"y")}) as web:
        requests = [Request(url=web.url("/a", name), kind="image") for name in web.hosts]
        found = list(fetch(requests, web.config(max_hosts_at_once=1)))
        assert [f.final_url for f in found] == [
            web.url("/a", name) for name in ("127.0.0.3", "127.0.0.4", "127.0.0.2")
        ]
        assert found[2].n_attempts == 2


def test_what_comes_while_a_connection_is_being_closed_is_not_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = places.close_session

    async def slowly(session: ClientSession) -> None:
        await asyncio.sleep(0.3)
        await real(session)

    monkeypatch.setattr(places, "close_session", slowly)
    with Web(hosts(2), {"/a": Reply(body=b"x"), "/b": Reply(body=b"x")}) as web:
        late = [("Location", web.url("/b", "127.0.0.2"))]
        web.answers["127.0.0.3/r"] = Reply(status=302, headers=late, delay_s=0.15)
        requests = [
            Request(url=web.url("/a", "127.0.0.2"), kind="image"),
            Request(url=web.url("/r", "127.0.0.3"), kind="image"),
        ]
        assert [f.status for f in fetch(requests, web.config())] == [Status.OK] * 2


def test_a_connection_in_use_for_another_hosts_rules_is_not_closed() -> None:
    """The host that lends it has nothing more to do, while the rules are still on their way."""
    with Web(hosts(2), {"127.0.0.2/a": Reply(body=b"x", delay_s=0.2)}) as web:
        rules = Reply(body=b"User-agent: *", delay_s=0.4)
        web.answers["127.0.0.2/rules"] = rules
        web.answers["127.0.0.2/robots.txt"] = Reply(body=b"User-agent: *\nDisallow: /no")
        elsewhere = moved(web.url("/rules", "127.0.0.2"))
        elsewhere.delay_s = 0.1
        web.answers["127.0.0.3/robots.txt"] = elsewhere
        web.answers["127.0.0.3/b"] = Reply(body=b"x")
        asked_for = [("/a", "127.0.0.2"), ("/no", "127.0.0.2"), ("/b", "127.0.0.3")]
        requests = [Request(url=web.url(path, name), kind="image") for path, name in asked_for]
        outcomes = fetch(requests, web.config(retries=0, max_waiting_outcomes=1))
        found = {}
        for outcome in outcomes:  # after the first the host is kept waiting, then goes on
            found[outcome.url] = outcome.status
            time.sleep(0.1)
        assert [found[r.url] for r in requests] == [Status.OK, Status.ROBOTS, Status.OK]
        assert web.most_open["127.0.0.2"] == 1
