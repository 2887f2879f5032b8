"""How many URLs does a CPU-second fetch, beside img2dataset?

    python bench/fetch.py [--urls 2000] [--img2dataset PYTHON]

A web server in a process of its own serves small JPEGs on many loopback addresses, among them 404s,
429s, slow answers, huge bodies and redirects. The same list of URLs is fetched by `crawl.fetch`,
which asks every host for its robots.txt and tdmrep.json first and is set to wait for nobody, and by
img2dataset 1.47.0 run with PYTHON, without resizing or re-encoding: once with its `dummy` writer,
which keeps nothing, once into shards. Time is the CPU-time of each fetcher with its children (for
img2dataset from the first import on); the server's is not counted. Memory is the largest resident
set of one process. Huge bodies (8 MiB) are over our limit of 1 MiB and count as good for
img2dataset, which has no limit.
"""

import argparse
import asyncio
import io
import json
import multiprocessing
import os
import random
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from crawl.fetch.config import FetchConfig
from crawl.fetch.fetch import fetch
from crawl.fetch.outcome import Request, Status

N_HOSTS = 100
SLOW_S = 0.5
HUGE_BYTES = 8 * 2**20
MAX_BYTES = 2**20
PEER_THREADS = 64
PEER_PATIENCE_S = 900
PEER = """
import json, os, resource, sys, time
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
from img2dataset import download
start = time.perf_counter()
download(
    url_list=sys.argv[1], output_folder=sys.argv[2], input_format="txt",
    output_format=sys.argv[3], resize_mode="no", disable_all_reencoding=True, processes_count=1,
    thread_count=int(sys.argv[4]), timeout=10, retries=0, enable_wandb=False,
    number_sample_per_shard=10000,
)
wall = time.perf_counter() - start
own = resource.getrusage(resource.RUSAGE_SELF)
children = resource.getrusage(resource.RUSAGE_CHILDREN)
good = sum(
    json.load(open(os.path.join(sys.argv[2], name)))["successes"]
    for name in os.listdir(sys.argv[2]) if name.endswith("_stats.json")
)
print("RESULT" + json.dumps({
    "cpu": own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
    "wall": wall, "good": good, "rss": max(own.ru_maxrss, children.ru_maxrss),
}))
"""


def jpegs() -> list[bytes]:
    """A few small photographs' worth of noise: 3 to 12 KB each."""
    rng = random.Random(0)
    made = []
    for side in (64, 80, 96, 112):
        noise = Image.frombytes("RGB", (side, side), rng.randbytes(side * side * 3))
        out = io.BytesIO()
        noise.save(out, "jpeg", quality=60)
        made.append(out.getvalue())
    return made


def paths(n_urls: int) -> Iterator[str]:
    """Mostly pictures, and every kind of trouble."""
    rng = random.Random(1)
    kinds = ("missing", "busy", "slow", "huge", "moved")
    for i in range(n_urls):
        kind = rng.choices(("good", *kinds), (88, 5, 1, 1, 1, 4))[0]
        yield f"/{kind}/{i}.jpg"


async def serve(listening: list[socket.socket]) -> None:
    """A server that spends as little as it can: the bench is about who asks."""
    bodies = jpegs()
    huge = bytes(HUGE_BYTES)

    def head(status: int, n_bytes: int, more: str = "") -> bytes:
        return (
            f"HTTP/1.1 {status} X\r\nContent-Type: image/jpeg\r\nContent-Length: {n_bytes}\r\n"
            f"{more}\r\n"
        ).encode()

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                path = request.split(" ", 2)[1]
                kind = path.split("/")[1]
                body = bodies[len(path) % len(bodies)]
                if kind == "slow":
                    await asyncio.sleep(SLOW_S)
                if kind in ("good", "slow"):
                    writer.write(head(200, len(body)) + body)
                elif kind == "moved":
                    writer.write(head(302, 0, f"Location: {path.replace('moved', 'good')}\r\n"))
                elif kind == "busy":
                    writer.write(head(429, 0))
                elif kind == "huge":
                    writer.write(head(200, len(huge)) + huge)
                else:
                    writer.write(head(404, 0))
                await writer.drain()
                if "connection: close" in request.lower():
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    servers = [await asyncio.start_server(client, sock=sock) for sock in listening]
    await asyncio.gather(*(server.serve_forever() for server in servers))


def listen() -> list[socket.socket]:
    """One port on `N_HOSTS` loopback addresses."""
    listening: list[socket.socket] = []
    port = 0
    for i in range(N_HOSTS):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((f"127.0.1.{1 + i}", port))
        sock.listen(512)
        port = sock.getsockname()[1]
        listening.append(sock)
    return listening


def urls(n_urls: int, port: int) -> Iterator[str]:
    """The list: every host in turn."""
    for i, path in enumerate(paths(n_urls)):
        yield f"http://127.0.1.{1 + i % N_HOSTS}:{port}{path}"


def ours(n_urls: int, port: int) -> dict[str, float]:
    """Fetch the list. `rss` in KiB, of this process."""
    config = FetchConfig(
        contact="bench@example.org",
        allow_net=("127.0.0.0/8",),
        ports=(port,),
        min_delay_s=0,
        delay_factor=0,
        retries=0,
        backoff_s=0,
        breaker_failures=10**9,
        max_image_bytes=MAX_BYTES,
    )
    counts: Counter[str] = Counter()
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    for outcome in fetch((Request(url=url, kind="image") for url in urls(n_urls, port)), config):
        counts[outcome.status] += 1
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert sum(counts.values()) == n_urls, counts
    return {
        "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "wall": wall,
        "good": counts[Status.OK],
        "rss": after.ru_maxrss,
    }


def measured(n_urls: int, port: int) -> dict[str, float]:
    """`ours` in a process of its own, so that its memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(ours, (n_urls, port))


def peer(python: str, n_urls: int, port: int, output: str) -> dict[str, float] | None:
    """Fetch the list with img2dataset. None if that does not end."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "urls.txt"
        listed.write_text("\n".join(urls(n_urls, port)))
        command = [python, "-c", PEER, str(listed), f"{folder}/out", output, str(PEER_THREADS)]
        env = {**os.environ, "NO_ALBUMENTATIONS_UPDATE": "1", "no_proxy": "*"}
        try:
            run = subprocess.run(
                command,
                capture_output=True,
                text=True,
                env=env,
                timeout=PEER_PATIENCE_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
    found = [line for line in run.stdout.splitlines() if line.startswith("RESULT")]
    if not found:
        raise RuntimeError(f"img2dataset: {run.stderr[-2000:]}")
    result: dict[str, float] = json.loads(found[-1].removeprefix("RESULT"))
    return result


def row(name: str, n_urls: int, result: dict[str, float] | None) -> str:
    """One row of the table."""
    if result is None:
        return f"{name:<28}{n_urls:>8}   not finished after {PEER_PATIENCE_S} s"
    return (
        f"{name:<28}{n_urls:>8}{result['good']:>8.0f}{result['wall']:>9.1f}{result['cpu']:>9.2f}"
        f"{n_urls / result['cpu']:>12.0f}{result['rss'] / 1024:>7.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--urls", type=int, default=2000, help="and twenty times as many")
    parser.add_argument("--img2dataset", metavar="PYTHON", help="an interpreter that has it")
    args = parser.parse_args()
    listening = listen()
    port = listening[0].getsockname()[1]
    server = multiprocessing.get_context("fork").Process(
        target=lambda: asyncio.run(serve(listening)), daemon=True
    )
    server.start()
    try:
        compare((args.urls, 20 * args.urls), port, args.img2dataset)
    finally:
        server.terminate()


def compare(sizes: tuple[int, int], port: int, python: str | None) -> None:
    """Print both fetchers' figures for both sizes."""
    print(f"{'':<28}{'URLs':>8}{'good':>8}{'wall s':>9}{'CPU s':>9}{'URLs/CPU s':>12}{'MiB':>7}")
    own = [measured(n_urls, port) for n_urls in sizes]
    for n_urls, result in zip(sizes, own, strict=True):
        print(row("crawl.fetch", n_urls, result))
    if python is None:
        print("img2dataset skipped: name an interpreter that has it with --img2dataset")
    else:
        others = [(n_urls, output) for output in ("dummy", "webdataset") for n_urls in sizes]
        for n_urls, output in others:
            result = peer(python, n_urls, port, output)
            print(row(f"img2dataset to {output}", n_urls, result))
            if result is not None:
                ours_s = own[sizes.index(n_urls)]["cpu"]
                print(f"{'':<28}{result['cpu'] / ours_s:>8.1f} times its URLs per CPU-second")
    print(f"memory at twenty times the list: {own[1]['rss'] / own[0]['rss']:.2f} times")


if __name__ == "__main__":
    main()
