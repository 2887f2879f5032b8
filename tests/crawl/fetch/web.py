"""A small web on loopback: many hosts on one port, scripted answers, a log of what was asked."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from crawl.fetch.config import FetchConfig


@dataclass(kw_only=True)
class Seen:
    """One request, as the server saw it."""

    host: str
    path: str
    headers: dict[str, str]
    start: float
    connection: int
    end: float = 0.0
    """Just before the last byte of the answer was sent."""


@dataclass(kw_only=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: Iterable[tuple[str, str]] = ()
    delay_s: float = 0.0
    length: int | None = None
    """Content-Length, where it is to be a lie."""
    close: bool = False


Raw = Callable[[Seen, asyncio.StreamWriter], Awaitable[None]]
"""Writes whatever it likes; the connection is closed afterwards."""
Answer = Reply | Raw | Callable[[Seen], Reply | Raw]


@dataclass
class Web:
    """A context manager. `hosts` are addresses such as 127.0.0.2."""

    hosts: tuple[str, ...] = ("127.0.0.2",)
    answers: dict[str, Answer] = field(default_factory=dict)
    """By `host/path` or `/path`; anything else is 404."""

    def __post_init__(self) -> None:
        self.port = 0
        self.log: list[Seen] = []
        self.open: Counter[str] = Counter()
        self.most_open: Counter[str] = Counter()
        self.n_connections: Counter[str] = Counter()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)
        assert not self._thread.is_alive()

    def url(self, path: str, host: str = "") -> str:
        return f"http://{host or self.hosts[0]}:{self.port}{path}"

    def config(self, **settings: object) -> FetchConfig:
        """Settings under which this web is asked, with delays that tests can wait for."""
        given: dict[str, object] = {
            "contact": "tests@example.org",
            "ports": (self.port,),
            "allow_net": ("127.0.0.0/8",),
            "min_delay_s": 0.0,
            "delay_factor": 0.0,
            "jitter_share": 0.0,
            "backoff_s": 0.01,
            **settings,
        }
        return FetchConfig.model_validate(given)

    def paths(self, host: str = "") -> list[str]:
        """What a host was asked for, its robots.txt and tdmrep.json left out."""
        own = ("/robots.txt", "/.well-known/tdmrep.json")
        seen = [s.path for s in self.log if s.host == (host or self.hosts[0])]
        return [path for path in seen if path not in own]

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        servers: list[asyncio.Server] = []
        for host in self.hosts:
            server = await asyncio.start_server(self._client, host, self.port, backlog=512)
            self.port = server.sockets[0].getsockname()[1]
            servers.append(server)
        self._ready.set()
        await self._stop.wait()
        for server in servers:
            server.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = writer.get_extra_info("sockname")[0]
        self.open[host] += 1
        self.n_connections[host] += 1
        self.most_open[host] = max(self.most_open[host], self.open[host])
        connection = sum(self.n_connections.values())
        try:
            while await self._request(reader, writer, host, connection):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open[host] -= 1
            writer.close()

    async def _request(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, connection: int
    ) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in pairs}
        seen = Seen(
            host=host,
            path=head[0].split(" ")[1],
            headers=headers,
            start=time.monotonic(),
            connection=connection,
        )
        self.log.append(seen)
        answer = self.answers.get(host + seen.path) or self.answers.get(seen.path)
        if answer is None:
            answer = Reply(status=404)
        elif not isinstance(answer, Reply) and not asyncio.iscoroutinefunction(answer):
            answer = answer(seen)  # type: ignore[call-arg, assignment]
        if not isinstance(answer, Reply):
            await _until_gone(answer(seen, writer), reader)  # type: ignore[call-arg, arg-type]
            seen.end = time.monotonic()
            return False
        if answer.delay_s:
            await asyncio.sleep(answer.delay_s)
        seen.end = time.monotonic()
        await _send(answer, writer)
        return not answer.close and headers.get("connection", "").lower() != "close"


async def _until_gone(writing: Coroutine[None, None, None], reader: asyncio.StreamReader) -> None:
    """Write until the client closes its connection."""
    tasks = {asyncio.ensure_future(writing), asyncio.ensure_future(reader.read(1))}
    done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for task in done:
        task.exception()


async def _send(reply: Reply, writer: asyncio.StreamWriter) -> None:
    length = len(reply.body) if reply.length is None else reply.length
    head = [f"HTTP/1.1 {reply.status} X", f"Content-Length: {length}"]
    head += [f"{name}: {value}" for name, value in reply.headers]
    writer.write("\r\n".join([*head, "", ""]).encode() + reply.body)
    await writer.drain()


def hosts(n: int) -> tuple[str, ...]:
    """So many loopback addresses, 127.0.0.2 the first."""
    assert n < 250
    return tuple(f"127.0.0.{2 + i}" for i in range(n))
