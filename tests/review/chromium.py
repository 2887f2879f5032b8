"""What does a real browser do with a page: what does it run, and whom does it ask?"""

import shutil
import socket
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")

needs_chromium = pytest.mark.skipif(BROWSER is None, reason="no chromium on PATH")

_OWN = ("clients2.google.com", "update.googleapis.com", "accounts.google.com")
"""Hosts that Chromium asks for reasons of its own, whatever the page."""

CANARY = """<script>
for (const name of ['alert', 'confirm', 'prompt', 'print', 'open'])
  window[name] = () => { document.title = 'ALIVE'; };
</script>"""
"""Put first into a page: whatever opens a dialog afterwards changes the title instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came of a page."""

    dom: str
    requests: tuple[str, ...]
    """First line of every request that the page made, to whatever host."""


def browse(page: Path, *, screenshot: Path | None = None, size: str = "1200,1600") -> Seen:
    """Open a local page in a headless Chromium whose every request ends in a proxy of ours."""
    assert BROWSER is not None
    with _Proxy() as proxy, tempfile.TemporaryDirectory() as profile:
        flags = [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-extensions", "--no-first-run", "--disable-default-apps",
            "--disable-domain-reliability", "--disable-client-side-phishing-detection",
            "--disable-features=OptimizationHints,MediaRouter,Translate",
            f"--proxy-server=http://127.0.0.1:{proxy.port}", "--proxy-bypass-list=<-loopback>",
            f"--user-data-dir={profile}", f"--window-size={size}",
            # Long enough for error handlers, timers and animations to fire.
            "--virtual-time-budget=4000",
            f"--screenshot={screenshot}" if screenshot else "--dump-dom",
        ]  # fmt: skip
        done = subprocess.run(
            [BROWSER, *flags, page.as_uri()], capture_output=True, timeout=120, check=True
        )
        asked = tuple(line for line in proxy.requests if not any(own in line for own in _OWN))
        return Seen(dom=done.stdout.decode(), requests=asked)


class _Proxy:
    """Accepts every connection, writes down what is asked for, and answers nothing."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "_Proxy":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closing a socket does not wake who waits in accept: a last connection does.
        self.closing = True
        socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join()
        self._socket.close()

    closing = False

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                if self.closing:
                    return
                connection.settimeout(2)
                try:
                    line = connection.recv(4096).split(b"\r\n", 1)[0]
                except OSError:
                    line = b"(connected, silent)"
                self.requests.append(line.decode("latin-1"))
