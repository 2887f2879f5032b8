"""Does one worker at a time serve a host, and does no retry ask or keep anything twice?"""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.testing.util import assert_that, equal_to

import crawl.serve as serve_module
from crawl.asked import Asked
from crawl.fetch.config import FetchConfig
from crawl.fetch.outcome import Outcome, Request, Status
from crawl.fetching import HELD, ROWS, WISHES, FetchByHost, NextAsks, partition_of
from crawl.raw import entries
from crawl.serve import Progress, Serving, read_progress, serve
from crawl.wish_files import WriteWishes, read_held, read_wishes
from crawl.wishes import Ask, Wish, of_page

CONFIG = FetchConfig(contact="you@example.org")


def answer(request: Request, status: Status = Status.OK, body: bytes = b"<html>") -> Outcome:
    return Outcome(
        url=request.url,
        kind=request.kind,
        status=status,
        final_url=request.url,
        http_status=200,
        headers=(("content-type", "text/html"),),
        body=body,
        fetched_at="2026-01-02T03:04:05Z",
        n_attempts=1,
        opt_out=(),
        detail="",
        retryable=False,
    )


class Hosts:
    """Stands in for the fetcher where the question is what is asked of it, not how it asks."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.fail_after: int | None = None

    def fetch(self, requests: Iterable[Request], config: FetchConfig) -> Iterator[Outcome]:
        assert config == CONFIG
        for request in requests:
            if len(self.asked) == self.fail_after:
                raise OSError("the worker dies")
            self.asked.append(request)
            yield answer(request)


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> Hosts:
    found = Hosts()
    monkeypatch.setattr(serve_module, "fetch", found.fetch)
    return found


def ask(url: str, refused: tuple[str, ...] = ()) -> Ask:
    return Ask(request=Request(url=url, kind="page"), page=url, refused=refused)


ASKS = [ask(f"https://{host}.example/{n}") for host in "abc" for n in range(4)]


def serving(folder: Path, shard_bytes: int = 2**20) -> Serving:
    about = (("software", "lait"),)
    return Serving(folder=folder, fetch=CONFIG, visit=1, shard_bytes=shard_bytes, about=about)


def in_files(folder: Path) -> list[Asked]:
    return [entry.asked for path in sorted(folder.glob(".*.part")) for entry in entries(path)]


def test_every_request_is_kept_with_its_row(hosts: Hosts, tmp_path: Path) -> None:
    spared = ask("https://d.example/", ("noai",))
    rows = list(serve(3, [*ASKS, spared], serving(tmp_path)))
    assert in_files(tmp_path) == rows
    assert Counter(row.url for row in rows) == Counter(one.request.url for one in [*ASKS, spared])
    assert spared.request not in hosts.asked
    (told,) = [row for row in rows if row.status is Status.OPT_OUT]
    assert (told.by_page, told.opt_out, told.n_attempts) == (True, ("noai",), 0)
    assert read_progress(tmp_path) == Progress(total=13, done=13, kept=12, hosts=0)


def test_a_worker_that_takes_over_asks_only_for_the_rest(hosts: Hosts, tmp_path: Path) -> None:
    hosts.fail_after = 5
    with pytest.raises(OSError, match="dies"):
        list(serve(0, ASKS, serving(tmp_path, 2000)))
    hosts.fail_after = None
    rows = list(serve(0, ASKS, serving(tmp_path, 2000)))
    assert len(rows) == len(ASKS) - 5
    assert list(serve(0, ASKS, serving(tmp_path, 2000))) == []
    assert sorted(one.url for one in hosts.asked) == sorted(one.request.url for one in ASKS)
    assert sorted(one.url for one in in_files(tmp_path)) == sorted(one.url for one in hosts.asked)


def test_full_shards_are_closed(hosts: Hosts, tmp_path: Path) -> None:
    list(serve(0, ASKS, serving(tmp_path, 2000)))
    parts = sorted(tmp_path.glob(".*.part"))
    assert len(parts) > 2
    assert all(path.stat().st_size < 4000 for path in parts)


def test_two_workers_with_one_partition_do_not_ask_twice(hosts: Hosts, tmp_path: Path) -> None:
    def work() -> None:
        for _ in serve(0, ASKS, serving(tmp_path, 2000)):
            time.sleep(0.01)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.url for one in hosts.asked) == sorted(one.request.url for one in ASKS)
    assert len(in_files(tmp_path)) == len(ASKS)


def test_a_fetcher_that_forgets_a_request_is_an_error(hosts, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(serve_module, "fetch", lambda requests, _: map(answer, list(requests)[1:]))
    with pytest.raises(RuntimeError, match=r"1 requests had no outcome.*https://a\.example/0"):
        list(serve(0, ASKS, serving(tmp_path)))


def test_partitions_are_stable_and_even() -> None:
    assert [partition_of(host, 7) for host in ("a.example", "b.example", "c")] == [4, 6, 3]
    spread = Counter(partition_of(f"h{n}.example", 4) for n in range(4000))
    assert max(spread.values()) - min(spread.values()) < 200


def test_on_beam_a_host_is_one_workers_and_what_is_known_is_not_asked(hosts, tmp_path) -> None:
    known = list(serve(9, ASKS[:2], serving(tmp_path)))
    hosts.asked.clear()
    done = [replace(row, shard="00000") for row in known]
    wishes = [of_page(one.request.url) for one in ASKS]
    pages = ("https://p.example/", "https://q.example/")
    images = [Wish(kind="image", page=page, urls=("https://b.example/i",)) for page in pages]
    held = Wish(kind="image", page=pages[0], urls=("https://b.example/held",))
    with beam.Pipeline("FnApiRunner") as pipeline:
        inputs = {
            WISHES: pipeline | "Wishes" >> beam.Create([*wishes, *wishes, *images, held]),
            ROWS: pipeline | "Rows" >> beam.Create(done),
            HELD: pipeline | "Held" >> beam.Create([("image", held.urls[0])]),
        }
        asks = inputs | NextAsks(visit=1, retry_failed=False)
        rows = asks | FetchByHost(serving(tmp_path), 2)
        expected = [one.request.url for one in ASKS[2:]] + ["https://b.example/i"]
        assert_that(rows | beam.Map(lambda row: row.url), equal_to(expected))
    assert sorted(one.url for one in hosts.asked) == sorted(expected)
    for host in "abc":
        parts = {
            path.name
            for path in tmp_path.glob(".000[01]-*.part")
            for entry in entries(path)
            if entry.asked.host == f"{host}.example"
        }
        assert parts == {f".{partition_of(f'{host}.example', 2):04d}-00000.part"}
    (image,) = [row for row in in_files(tmp_path) if row.kind == "image"]
    assert image.page == pages[0]


def test_wishes_come_back_from_their_files(tmp_path: Path) -> None:
    wishes = [of_page(f"https://a.example/{n}") for n in range(20)]
    wishes.append(Wish(kind="image", page="p", urls=("u", "v"), opt_out=("noai", "tdm")))
    held = [("image", "https://a.example/i"), ("image", "https://a.example/j")]
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        with beam.Pipeline("FnApiRunner") as pipeline:
            inputs = {
                "wishes": pipeline | "W" >> beam.Create([*wishes, *wishes]),
                "held": pipeline | "H" >> beam.Create(held),
            }
            _ = inputs | WriteWishes(folder, 4)
    files = sorted((tmp_path / "a").iterdir())
    assert 1 < len(files) <= 4
    assert {w for f in files for w in read_wishes(str(f))} == set(wishes)
    assert {k for f in files for k in read_held(str(f))} == set(held)
    assert [f.read_bytes() for f in sorted((tmp_path / "b").iterdir())] == [
        f.read_bytes() for f in files
    ]
