"""A web server on loopback that serves a folder, by ranges or not, and fails as it is told."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@dataclass(slots=True, kw_only=True)
class Server:
    """What is served, how, and what was asked."""

    folder: Path
    base: str = ""
    ranges: bool = True
    tells_size: bool = True
    encoding: str = ""
    """Said of every body, true or not."""
    failures: int = 0
    """So many requests for bytes are answered with 503."""
    cut_bytes: int = 0
    """Bodies end early by so many bytes, once."""
    asked: list[tuple[int, int]] = field(default_factory=list)
    """Offset and length of every range that was sent."""

    @property
    def sent_bytes(self) -> int:
        return sum(length for _, length in self.asked)


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Serve the files of a folder at `Server.base`."""
    server = Server(folder=folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            path = server.folder / self.path.lstrip("/").partition("?")[0]
            if path.is_dir():
                names = sorted(each.name for each in path.iterdir())
                links = "".join(f'<a href="{name}">{name}</a>' for name in names)
                return self._send(200, links.encode(), with_body)
            if not path.is_file():
                return self._send(404, b"nothing here", with_body)
            data = path.read_bytes()
            if with_body and server.failures:
                server.failures -= 1
                return self._send(503, b"come back later", with_body)
            asked = _RANGE.fullmatch(self.headers.get("Range", ""))
            if asked is None or not server.ranges:
                return self._send(200, data, with_body)
            start, stop = int(asked[1]), min(int(asked[2]) + 1, len(data))
            if start >= len(data):
                return self._send(416, b"", with_body)
            server.asked.append((start, stop - start))
            place = f"bytes {start}-{stop - 1}/{len(data)}"
            return self._send(206, data[start:stop], with_body, place)

        def _send(self, status: int, body: bytes, with_body: bool, place: str = "") -> None:
            self.send_response(status)
            if server.tells_size:
                self.send_header("Content-Length", str(len(body)))
            else:
                self.send_header("Connection", "close")
            if server.encoding:
                self.send_header("Content-Encoding", server.encoding)
            if place:
                self.send_header("Content-Range", place)
            self.end_headers()
            if with_body and status == 206 and server.cut_bytes:
                body, server.cut_bytes = body[: -server.cut_bytes], 0
                self.close_connection = True
            if with_body:
                try:
                    self.wfile.write(body)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.daemon_threads = True
        thread = threading.Thread(target=httpd.serve_forever, args=(0.02,))
        thread.start()
        server.base = f"http://127.0.0.1:{httpd.server_address[1]}"
        try:
            yield server
        finally:
            httpd.shutdown()
            thread.join()
