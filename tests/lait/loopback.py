"""A little web on 127.0.0.x: one server for all hosts, which notes who asked for what when."""

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

PHRASES = {200: "OK", 301: "Moved Permanently", 302: "Found", 304: "Not Modified", 404: "Not Found"}


@dataclass
class Hit:
    """One request as the server saw it."""

    host: str
    path: str
    at: float
    headers: dict[str, str]
    done: float = 0.0
    """When the last byte of the answer was written, or the connection given up."""


@dataclass
class Reply:
    """What a host answers."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    """Content-Length, where it is not that of the body."""


Stream = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""A host that misbehaves: it writes what it likes, as long as it likes."""
Answer = Callable[[Hit], Reply | Stream]


class Web:
    """Hosts by address; each answers by a function of the request."""

    def __init__(self) -> None:
        self.hosts: dict[str, Answer] = {}
        self.hits: list[Hit] = []
        self.open: dict[str, set[asyncio.StreamWriter]] = defaultdict(set)
        self.most_open: dict[str, int] = defaultdict(int)
        """Most connections to a host at one time."""
        self.port = 0

    def url(self, host: str, path: str) -> str:
        return f"http://{host}:{self.port}{path}"

    def of(self, host: str, path: str | None = None) -> list[Hit]:
        return [hit for hit in self.hits if hit.host == host and path in (None, hit.path)]

    def paths(self, host: str) -> list[str]:
        return [hit.path for hit in self.of(host)]

    @contextlib.contextmanager
    def serving(self) -> Iterator["Web"]:
        """Listens on all addresses of `hosts`, at one port, while the block lasts."""
        sockets = _listen(sorted(self.hosts))
        self.port = sockets[0].getsockname()[1]
        loop = asyncio.new_event_loop()
        ready = threading.Event()

        async def run() -> None:
            self._over = asyncio.Event()
            servers = [await asyncio.start_server(self._serve, sock=sock) for sock in sockets]
            ready.set()
            await self._over.wait()
            for server in servers:
                server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

        thread = threading.Thread(target=loop.run_until_complete, args=(run(),), daemon=True)
        thread.start()
        ready.wait()
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(self._over.set)
            thread.join(10)
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = writer.get_extra_info("sockname")[0]
        self.open[host] = {other for other in self.open[host] if not _hung_up(other)} | {writer}
        self.most_open[host] = max(self.most_open[host], len(self.open[host]))
        over = (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError)
        with contextlib.suppress(*over):
            while await self._answer(host, reader, writer):
                pass
        self.open[host].discard(writer)
        writer.close()

    async def _answer(
        self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *fields = head.strip().split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (one.partition(": ") for one in fields)
        }
        hit = Hit(host=host, path=line.split(" ")[1], at=time.monotonic(), headers=headers)
        self.hits.append(hit)
        answer = self.hosts[host](hit)
        try:
            if isinstance(answer, Reply):
                await _write(writer, answer)
                return True
            await answer(writer)
            return False
        finally:
            hit.done = time.monotonic()


async def _write(writer: asyncio.StreamWriter, reply: Reply) -> None:
    length = len(reply.body) if reply.length is None else reply.length
    headers = {"content-length": str(length)} | reply.headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    status = f"{reply.status} {PHRASES.get(reply.status, 'Odd')}"
    writer.write(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode("latin-1") + reply.body)
    await writer.drain()


def _hung_up(writer: asyncio.StreamWriter) -> bool:
    """Whether the other side has closed, even if our loop has not come to notice it."""
    if writer.is_closing():
        return True
    with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as twin:
        try:
            return twin.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


def _listen(hosts: list[str]) -> list[socket.socket]:
    """A listening socket for every host, all at one free port."""
    for _ in range(20):
        sockets: list[socket.socket] = []
        port = 0
        try:
            for host in hosts:
                sockets.append(socket.create_server((host, port)))
                port = sockets[0].getsockname()[1]
        except OSError:
            for one in sockets:
                one.close()
            continue
        return sockets
    raise AssertionError("no port is free on all hosts")


async def never(writer: asyncio.StreamWriter) -> None:
    """Takes the request and says nothing."""
    await asyncio.sleep(3600)


async def drip(writer: asyncio.StreamWriter) -> None:
    """Sends a byte now and then, without end."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def flood(writer: asyncio.StreamWriter) -> None:
    """Sends without end, as fast as it can."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>")
    while True:
        writer.write(b" " * 65_536)
        await writer.drain()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Closes without a word."""
