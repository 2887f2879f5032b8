"""Does every request end in bounded time and memory, whatever the server does?"""

import asyncio
import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from crawl.fetch.config import FetchConfig
from crawl.fetch.fetch import fetch
from crawl.fetch.outcome import Outcome, Request, Status
from tests.crawl.fetch.web import Reply, Seen, Web

Write = Callable[[Seen, asyncio.StreamWriter], Awaitable[None]]
FOREVER_S = 60.0
TEXT = b"<p>hello</p>" * 500


def one(web: Web, path: str = "/a", **settings: object) -> Outcome:
    config = web.config(**{"retries": 0, **settings})
    (found,) = fetch([Request(url=web.url(path), kind="image")], config)
    return found


def written(*parts: bytes, every_s: float = 0.0, then_s: float = 0.0) -> Write:
    """An answer in pieces, after which the connection stays open for a while, then closes."""

    async def write(_: Seen, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            if every_s:
                await asyncio.sleep(every_s)
        await asyncio.sleep(then_s)

    return write


def encoded(body: bytes, coding: str) -> Reply:
    return Reply(body=body, headers=[("Content-Encoding", coding)])


# -- size


@pytest.mark.parametrize("kind", ["page", "image"])
def test_limit_of_plain_bodies(kind: str) -> None:
    with Web(answers={"/fits": Reply(body=b"x" * 999), "/not": Reply(body=b"x" * 1001)}) as web:
        limits = {"max_page_bytes": 10**6, "max_image_bytes": 10**6, f"max_{kind}_bytes": 1000}
        asked = [Request(url=web.url(p), kind=kind) for p in ("/fits", "/not")]  # type: ignore[arg-type]
        fits, not_ = fetch(asked, web.config(**limits))
    assert (fits.status, len(fits.body)) == (Status.OK, 999)
    assert (not_.status, not_.body, not_.http_status) == (Status.TOO_LARGE, b"", 200)
    assert not not_.retryable


def test_declared_length_over_the_limit_is_not_read_at_all() -> None:
    sent = []

    async def write(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 X\r\nContent-Length: 99999999\r\n\r\n")
        for _i in range(1000):
            writer.write(bytes(65536))
            await writer.drain()
            sent.append(65536)

    with Web(answers={"/a": write}) as web:
        assert one(web).status is Status.TOO_LARGE
    assert sum(sent) < 16 * 2**20  # no more than the sockets' buffers took


def test_endless_body_is_cut_off() -> None:
    async def write(_: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 X\r\n\r\n")
        while True:
            writer.write(bytes(65536))
            await writer.drain()

    with Web(answers={"/a": write}) as web:
        start = time.monotonic()
        assert one(web, max_image_bytes=2**20).status is Status.TOO_LARGE
        assert time.monotonic() - start < 3


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip", "zstd"])
def test_bombs_are_refused_while_streaming(coding: str, shared_data: Path) -> None:
    bomb = (shared_data / f"corpora/http/scrapy-compressed/bomb-{coding}.bin").read_bytes()
    with Web(answers={"/a": encoded(bomb, coding)}) as web:
        tracemalloc.start()
        try:
            found = one(web, max_image_bytes=10**6)
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert found.status is Status.TOO_LARGE
        assert most < 9 * 10**6  # a slice of zstd comes to 4 MiB; all of it to 11.5 MB
        whole = one(web, max_image_bytes=12 * 10**6)
        assert (whole.status, len(whole.body)) == (Status.OK, 11_511_612)


def test_limit_of_what_is_sent_holds_even_if_it_decodes_to_nothing() -> None:
    sent = b"HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"") * 100
    with Web(answers={"/a": written(sent)}) as web:
        found = one(web, max_image_bytes=1000)
        assert (found.status, found.detail) == (Status.TOO_LARGE, "body is over 1000 bytes as sent")
        assert one(web, max_image_bytes=10_000).status is Status.OK


def test_encoded_bodies_are_decoded() -> None:
    with Web(answers={"/a": encoded(gzip.compress(TEXT), "gzip")}) as web:
        found = one(web)
    assert (found.status, found.body) == (Status.OK, TEXT)
    assert ("content-encoding", "gzip") in found.headers


@pytest.mark.parametrize(
    ("reply", "retryable"),
    [
        (encoded(gzip.compress(TEXT)[:-9], "gzip"), False),
        (encoded(gzip.compress(TEXT)[:-1], "gzip"), False),
        (encoded(gzip.compress(TEXT), "x-unheard-of"), False),
        (encoded(gzip.compress(TEXT), ", ".join(["gzip"] * 5)), False),
        (Reply(body=TEXT, length=len(TEXT) + 1, close=True), True),
        (written(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), True),
        (written(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe"), True),
        (written(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nhello"), False),
        (written(b"hello\r\n\r\n"), False),
        (written(b"HTTP/1.1 200 X\r\nContent-Length: -1\r\n\r\n"), False),
        (written(b"HTTP/1.1 200 X\r\nContent-Length: 1"), True),
        (written(), True),
        (written(b"HTTP/1.1 200 X\r\nA: " + b"x" * 10**5 + b"\r\n\r\n"), False),
        (written(b"HTTP/1.1 200 X\r\n" + b"A: x\r\n" * 1000 + b"\r\n"), False),
    ],
)
def test_what_breaks_the_protocol_is_broken(reply: Reply | Write, retryable: bool) -> None:
    with Web(answers={"/a": reply}) as web:
        found = one(web)
        assert (found.status, found.body, found.retryable) == (Status.BROKEN, b"", retryable)
        assert found.detail
        assert "\n" not in found.detail
        assert web.paths() == ["/a"]  # and nothing was asked for twice behind our back


def test_lost_connection_is_tried_again_as_often_as_allowed() -> None:
    with Web(answers={"/a": written()}) as web:
        found = one(web, retries=2)
        assert (found.status, found.n_attempts) == (Status.BROKEN, 3)
        assert web.paths() == ["/a"] * 3


# -- time


@pytest.mark.parametrize(
    ("answer", "phase"),
    [
        (written(then_s=FOREVER_S), "headers"),
        (written(b"HTTP/1.1 200 X\r\n", then_s=FOREVER_S), "headers"),
        (written(b"HTTP/1.1 200 X\r\n", *[b"A: b\r\n"] * 100, every_s=0.05), "headers"),
        (written(*[b"HTTP/1.1 102 X\r\n\r\n"] * 100, every_s=0.05), "headers"),
        (written(b"HTTP/1.1 200 X\r\n\r\nx", then_s=FOREVER_S), "body"),
        (written(b"HTTP/1.1 200 X\r\n\r\n", *[b"x"] * 100, every_s=0.05), "too slow"),
        (written(b"HTTP/1.1 404 X\r\nContent-Length: 9\r\n\r\n", then_s=FOREVER_S), "body"),
        (
            written(b"HTTP/1.1 404 X\r\nContent-Length: 99\r\n\r\n", *[b"x"] * 98, every_s=0.05),
            "too slow",
        ),
    ],
)
def test_silence_and_drips_end_in_time(answer: Write, phase: str) -> None:
    with Web(answers={"/a": answer}) as web:
        start = time.monotonic()
        found = one(
            web,
            dns_timeout_s=0.1,
            connect_timeout_s=0.1,
            first_byte_timeout_s=0.2,
            read_timeout_s=0.2,
            slow_start_s=0.3,
        )
        assert time.monotonic() - start < 2
        assert (found.status, found.retryable) == (Status.TIMEOUT, True)
        assert found.detail.startswith(phase)


def test_total_time_bounds_a_body_that_is_just_fast_enough() -> None:
    drip = written(b"HTTP/1.1 200 X\r\n\r\n", *[b"x" * 2000] * 100, every_s=0.05)
    with Web(answers={"/a": drip}) as web:
        start = time.monotonic()
        found = one(web, total_timeout_s=0.5)
        assert time.monotonic() - start < 2
    assert (found.status, found.detail) == (Status.TIMEOUT, "total: no answer in time")


def test_a_port_that_accepts_nothing() -> None:
    """A full backlog drops what else wants to connect, as a dead host behind a filter does."""
    with socket.socket() as full, Web() as web:
        full.bind(("127.0.0.9", web.port))
        full.listen(0)
        others = []
        for _ in range(4):
            other = socket.socket()
            other.setblocking(False)
            other.connect_ex(("127.0.0.9", web.port))
            others.append(other)
        time.sleep(0.05)
        start = time.monotonic()
        config = web.config(retries=0, connect_timeout_s=0.3)
        (found,) = fetch([Request(url=web.url("/a", "127.0.0.9"), kind="page")], config)
        assert time.monotonic() - start < 2
        assert (found.status, found.n_attempts) == (Status.TIMEOUT, 0)
        assert "connect" in found.detail
        for other in others:
            other.close()


def test_a_port_that_is_closed() -> None:
    with Web() as web:
        config = web.config(retries=0)
        (found,) = fetch([Request(url=web.url("/a", "127.0.0.9"), kind="page")], config)
    assert (found.status, found.retryable) == (Status.CONNECT, True)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 X\r\n\r\n"])
def test_tls_that_never_begins(answer: bytes) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.9", 0))
        listening.listen(8)
        accepted: list[socket.socket] = []

        def serve() -> None:
            accepted.append(listening.accept()[0])
            accepted[0].sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        host, port = listening.getsockname()
        config = FetchConfig(
            contact="tests@example.org",
            allow_net=("127.0.0.9/32",),
            ports=(port,),
            retries=0,
            connect_timeout_s=0.3,
            backoff_s=0.0,
            min_delay_s=0.0,
        )
        start = time.monotonic()
        (found,) = fetch([Request(url=f"https://{host}:{port}/", kind="page")], config)
        assert time.monotonic() - start < 2
        accepted[0].close()
    assert found.status is (Status.CONNECT if answer else Status.TIMEOUT)
    assert found.detail.startswith("robots.txt: ")


def test_a_name_that_does_not_resolve() -> None:
    def lookup(_: str) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with Web() as web:
        asked = [Request(url=web.url("/a", "nobody.example"), kind="page")]
        (found,) = fetch(asked, web.config(), lookup)
    assert (found.status, found.retryable, found.n_attempts) == (Status.DNS, False, 0)


def test_a_name_server_that_fails_is_asked_again() -> None:
    n_lookups = 0

    def lookup(_: str) -> Sequence[str]:
        nonlocal n_lookups
        n_lookups += 1
        if n_lookups < 3:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return ("127.0.0.2",)

    with Web(answers={"/a": Reply(body=b"x")}) as web:
        (found,) = fetch(
            [Request(url=web.url("/a", "x.example"), kind="page")], web.config(), lookup
        )
    assert (found.status, n_lookups) == (Status.OK, 3)


def test_a_name_server_that_hangs_holds_up_neither_the_others_nor_the_end() -> None:
    released = threading.Event()

    def lookup(name: str) -> Sequence[str]:
        if name == "hangs.example":
            released.wait(FOREVER_S)
        return ("127.0.0.2",)

    try:
        with Web(answers={"/a": Reply(body=b"x")}) as web:
            names = ("hangs.example", "works.example")
            asked = [Request(url=web.url("/a", name), kind="page") for name in names]
            start = time.monotonic()
            config = web.config(retries=0, dns_timeout_s=0.3)
            works, hangs = fetch(asked, config, lookup)
            assert time.monotonic() - start < 2
        assert (works.status, hangs.status) == (Status.OK, Status.TIMEOUT)
        assert hangs.detail.startswith("robots.txt: dns: ")
    finally:
        released.set()


def test_large_bodies_wait_for_each_other_and_all_arrive() -> None:
    body = bytes(3 * 2**20)
    names = tuple(f"127.0.0.{i}" for i in range(2, 10))
    with Web(names, {"/a": Reply(body=body)}) as web:
        asked = [Request(url=web.url("/a", name), kind="image") for name in names]
        found = list(fetch(asked, web.config(max_large_at_once=1)))
    assert [(f.status, len(f.body)) for f in found] == [(Status.OK, len(body))] * len(names)
