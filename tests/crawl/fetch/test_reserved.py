"""Is what reserves its rights left unread, and are its signals kept?"""

import asyncio
import json

import pytest

from crawl.fetch.fetch import fetch
from crawl.fetch.outcome import Outcome, Request, Status
from tests.crawl.fetch.web import Reply, Seen, Web, hosts


def one(web: Web, path: str = "/a", **settings: object) -> Outcome:
    (found,) = fetch([Request(url=web.url(path), kind="image")], web.config(**settings))
    return found


@pytest.mark.parametrize(
    ("headers", "signals"),
    [
        ([("X-Robots-Tag", "noai")], ("noai",)),
        ([("x-robots-tag", "index"), ("X-ROBOTS-TAG", "noimageai")], ("noimageai",)),
        ([("X-Robots-Tag", "googlebot: noindex"), ("X-Robots-Tag", "laitbot: noai")], ("noai",)),
        (
            [("X-Robots-Tag", "unavailable_after: Friday, 25-Jun-30 15:00:00 UTC, noimageindex")],
            ("noimageindex",),
        ),
        ([("TDM-Reservation", "1"), ("TDM-Policy", "https://example.org/p.json")], ("tdm",)),
        ([("X-Robots-Tag", "none"), ("TDM-Reservation", "1")], ("noindex", "tdm")),
    ],
)
def test_signals_in_headers(headers: list[tuple[str, str]], signals: tuple[str, ...]) -> None:
    with Web(answers={"/a": Reply(body=b"mine", headers=headers)}) as web:
        found = one(web)
        assert (found.status, found.body, found.opt_out) == (Status.OPT_OUT, b"", signals)
        assert (found.http_status, found.retryable) == (200, False)
        told = one(web, obey_opt_outs=False)
        assert (told.status, told.body, told.opt_out) == (Status.OK, b"mine", signals)


@pytest.mark.parametrize(
    "headers",
    [
        [("X-Robots-Tag", "googlebot: noai, noindex")],
        [("X-Robots-Tag", "max-snippet: 20, all")],
        [("TDM-Reservation", "0")],
        [("TDM-Reservation", "yes")],
    ],
)
def test_what_is_no_signal(headers: list[tuple[str, str]]) -> None:
    with Web(answers={"/a": Reply(body=b"x", headers=headers)}) as web:
        found = one(web)
        assert (found.status, found.opt_out) == (Status.OK, ())


def test_the_body_is_not_read() -> None:
    """The server finds its connection closed long before it has sent the body."""
    broken: list[int] = []

    async def write(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 X\r\nX-Robots-Tag: noai\r\nContent-Length: 30000000\r\n\r\n")
        n_sent = 0
        try:
            for _i in range(300):
                writer.write(bytes(100_000))
                await writer.drain()
                n_sent += 100_000
        except ConnectionError:
            broken.append(n_sent)
            raise

    with Web(answers={"/a": write}) as web:
        assert one(web).status is Status.OPT_OUT
    assert broken
    assert broken[0] < 20_000_000


def test_a_redirect_that_reserves_is_not_followed() -> None:
    hop = Reply(status=302, headers=[("Location", "/b"), ("X-Robots-Tag", "noai")])
    with Web(answers={"/a": hop, "/b": Reply(body=b"x")}) as web:
        assert one(web).status is Status.OPT_OUT
        assert web.paths() == ["/a"]
        told = one(web, obey_opt_outs=False)
        assert (told.status, told.opt_out, told.body) == (Status.OK, ("noai",), b"x")


def test_not_modified_that_reserves_is_an_opt_out() -> None:
    reply = Reply(status=304, headers=[("X-Robots-Tag", "noai")])
    with Web(answers={"/a": reply}) as web:
        (found,) = fetch([Request(url=web.url("/a"), kind="page", etag='"1"')], web.config())
        assert (found.status, found.opt_out) == (Status.OPT_OUT, ("noai",))


def test_signals_of_an_error_are_kept_and_it_stays_an_error() -> None:
    with Web(answers={"/a": Reply(status=404, headers=[("X-Robots-Tag", "noindex")])}) as web:
        found = one(web)
        assert (found.status, found.opt_out) == (Status.HTTP_ERROR, ("noindex",))


def tdmrep(*rules: tuple[str, object], **more: object) -> Reply:
    made = [{"location": location, "tdm-reservation": value} for location, value in rules]
    return Reply(body=json.dumps(made).encode(), **more)  # type: ignore[arg-type]


def test_tdmrep_json_is_read_once_and_obeyed_before_anything_is_asked_for() -> None:
    with Web(answers={"/a/1": Reply(body=b"x"), "/b/1": Reply(), "/b/2": Reply()}) as web:
        web.answers["/.well-known/tdmrep.json"] = tdmrep(("/b", 1), ("/", 0))
        requests = [Request(url=web.url(p), kind="image") for p in ("/b/1", "/a/1", "/b/2")]
        found = {f.url: f for f in fetch(requests, web.config())}
        assert found[web.url("/a/1")].status is Status.OK
        for path in ("/b/1", "/b/2"):
            reserved = found[web.url(path)]
            assert (reserved.status, reserved.opt_out) == (Status.OPT_OUT, ("tdm",))
            assert reserved.n_attempts == 0
        paths = [seen.path for seen in web.log]
        assert paths == ["/robots.txt", "/.well-known/tdmrep.json", "/a/1"]


def test_tdmrep_json_is_kept_as_a_signal_where_it_is_not_obeyed() -> None:
    with Web(answers={"/a": Reply(body=b"x")}) as web:
        web.answers["/.well-known/tdmrep.json"] = tdmrep(("/", 1))
        found = one(web, obey_opt_outs=False)
        assert (found.status, found.opt_out) == (Status.OK, ("tdm",))


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"{"),
        Reply(body=b"<html>"),
        tdmrep(("/", "perhaps")),
        Reply(status=500, body=b'[{"location": "/", "tdm-reservation": 1}]'),
        Reply(body=b'[{"location": "/", "tdm-reservation": 1}]', length=999, close=True),
        Reply(body=b" " * 10**6 + b'[{"location": "/", "tdm-reservation": 1}]'),
    ],
)
def test_tdmrep_json_that_cannot_be_read_is_not_set(reply: Reply) -> None:
    with Web(answers={"/a": Reply(body=b"x"), "/.well-known/tdmrep.json": reply}) as web:
        found = one(web)
        assert (found.status, found.opt_out) == (Status.OK, ())


def test_tdmrep_json_of_the_host_that_is_redirected_to() -> None:
    with Web(hosts(2), {"/b": Reply(body=b"x")}) as web:
        target = web.url("/b", "127.0.0.3")
        web.answers["127.0.0.2/a"] = Reply(status=301, headers=[("Location", target)])
        web.answers["127.0.0.3/.well-known/tdmrep.json"] = tdmrep(("/", 1))
        found = one(web)
        assert (found.status, found.opt_out) == (Status.OPT_OUT, ("tdm",))
        assert web.paths("127.0.0.3") == []
