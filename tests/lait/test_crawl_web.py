"""Do fifty hosts, good and bad, see the manners that we promise, and does the crawl end?

The servers' own notes are what counts here, not what the crawl says of itself.
"""

import gzip
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from subprocess import PIPE

import pyarrow.parquet as pq
import pytest
from warcio.archiveiterator import ArchiveIterator

from crawl.asked import Asked
from lait.config import load_config
from lait.curate import curate
from lait.raw_folder import gather, read_ledger, shards
from tests.lait.loopback import Hit, Reply, Web, drip, flood, hang_up, never
from tests.lait.test_curate import page, picture

CONTACT = "you@example.org"
MIN_DELAY_S = 0.3
CRAWL_DELAY_S = 0.9
RETRY_AFTER_S = 2
SLACK_S = 0.01
"""Clocks of two processes on one machine, and a request's way through them."""
SETTINGS = {
    "min_delay_s": MIN_DELAY_S, "delay_factor": 0, "jitter_share": 0, "backoff_s": 0.2,
    "retries": 1, "breaker_failures": 3, "first_byte_timeout_s": 1.5, "read_timeout_s": 1.5,
    "slow_start_s": 1, "total_timeout_s": 2.5, "max_page_bytes": 200_000,
    "max_image_bytes": 400_000, "max_retry_after_s": 30,
}  # fmt: skip
GOOD = [f"127.0.0.{n}" for n in range(1, 31)]
"""Hosts with three pages and a picture each."""
DISALLOWING, DELAYING, BUSY, TAGGED, META, MOVED, TARGET, SILENT, DRIPPING, CLOSING, HUGE, BOMB = (
    f"127.0.0.{n}" for n in range(31, 43)
)
DOWN, LOOPING, STALE, ASLEEP, CDN, PRIVATE, RESERVED, UNHEARD = (
    f"127.0.0.{n}" for n in range(43, 51)
)
HTML = {"content-type": "text/html; charset=utf-8"}
JPEG = {"content-type": "image/jpeg"}
NOTHING = Reply(status=404)


def site(host: str, n: int) -> Reply:
    words = f"A red boat number {n} of {host} on the quiet lake"
    return Reply(page(f"/i{n}.jpg", words), headers=dict(HTML))


def good(hit: Hit) -> Reply:
    """Pages /p0 to /p2, pictures /i0.jpg to /i2.jpg, all with validators."""
    name = hit.path.rpartition(".")[0] or hit.path
    if name not in {f"/{letter}{n}" for letter in "pi" for n in range(3)}:
        return NOTHING
    n = int(name[-1])
    if hit.headers.get("if-none-match") == '"1"':
        return Reply(status=304, headers={"etag": '"1"'})
    if name[1] == "p":
        reply = site(hit.host, n)
    else:
        reply = Reply(picture(int(hit.host.rpartition(".")[2]) * 10 + n), headers=dict(JPEG))
    reply.headers["etag"] = '"1"'
    return reply


def with_robots(robots: str, status: int = 200):
    def answer(hit: Hit) -> Reply:
        if hit.path == "/robots.txt":
            return Reply(robots.encode(), status, {"content-type": "text/plain"})
        return good(hit)

    return answer


def after_robots(rest):
    return lambda hit: NOTHING if hit.path in ("/robots.txt", "/.well-known/tdmrep.json") else rest


def busy() -> object:
    """Says 429 to the first request for a page."""
    refused: list[Hit] = []

    def answer(hit: Hit) -> Reply:
        if hit.path == "/p0" and not refused:
            refused.append(hit)
            return Reply(status=429, headers={"retry-after": str(RETRY_AFTER_S)})
        return good(hit)

    return answer


def tagged(hit: Hit) -> Reply:
    reply = good(hit)
    if hit.path.startswith("/i"):
        reply.headers["x-robots-tag"] = "noimageai"
    return reply


def meta(hit: Hit) -> Reply:
    reply = good(hit)
    head = b"<head><meta name=robots content='noai, noimageai'>"
    return Reply(reply.body.replace(b"<head>", head), reply.status, reply.headers)


def reserved(hit: Hit) -> Reply:
    if hit.path == "/.well-known/tdmrep.json":
        return Reply(b'[{"location": "/p1", "tdm-reservation": 1}]')
    return good(hit)


def web() -> Web:
    """The hosts, and what each does."""
    made = Web()
    made.hosts = dict.fromkeys(GOOD, good)

    def moved(hit: Hit) -> Reply:
        """Everything has gone to another host, but for the robots.txt."""
        if hit.path == "/robots.txt":
            return NOTHING
        return Reply(status=301, headers={"location": made.url(TARGET, hit.path)})

    def stale(hit: Hit) -> Reply:
        """The large version of the picture is gone, the small one is there."""
        if hit.path == "/p0":
            srcset = b'srcset="/i0.jpg 480w, /gone.jpg 1200w" width=640'
            return Reply(site(hit.host, 0).body.replace(b"width=640", srcset), headers=dict(HTML))
        return good(hit)

    def embedding(hit: Hit) -> Reply:
        """Its pictures lie where robots.txt forbids to fetch them, and on a host that moved."""
        if hit.path in ("/p0", "/p1"):
            host = {"/p0": DISALLOWING, "/p1": MOVED}[hit.path]
            path = {"/p0": "/private/x.jpg", "/p1": "/i2.jpg"}[hit.path]
            words = f"A grey horse on the green hill of {hit.path}"
            return Reply(page(made.url(host, path), words), headers=dict(HTML))
        return good(hit)

    bomb = gzip.compress(b"<html>" + bytes(30_000_000))
    made.hosts |= {
        DISALLOWING: with_robots("User-agent: laitbot\nDisallow: /private/\nDisallow: /p1\n"),
        DELAYING: with_robots(f"User-agent: *\nCrawl-delay: {CRAWL_DELAY_S}\n"),
        BUSY: busy(),
        TAGGED: tagged,
        META: meta,
        MOVED: moved,
        TARGET: good,
        SILENT: after_robots(never),
        DRIPPING: after_robots(drip),
        CLOSING: after_robots(hang_up),
        HUGE: after_robots(flood),
        BOMB: after_robots(Reply(bomb, headers=HTML | {"content-encoding": "gzip"})),
        DOWN: with_robots("sorry", 503),
        LOOPING: lambda hit: Reply(status=302, headers={"location": f"{hit.path}?"}),
        STALE: stale,
        ASLEEP: lambda hit: Reply(status=429, headers={"retry-after": "86400"})
        if hit.path == "/p0" else good(hit),
        CDN: embedding,
        PRIVATE: with_robots("User-agent: *\nDisallow: /\n"),
        RESERVED: reserved,
    }  # fmt: skip
    return made


def listed(web: Web) -> list[str]:
    """Three pages of every host; the last host does not exist."""
    hosts = [*web.hosts, UNHEARD]
    return [web.url(host, f"/p{n}") for host in hosts for n in range(3)]


def command(pages: Path, out: Path, port: int, *more: object) -> list[str]:
    settings = SETTINGS | {"ports": f"[{port}]", "allow_net": "[127.0.0.0/8]"}
    overrides = [f"fetch.{name}={value}" for name, value in settings.items()]
    options = [word for override in overrides for word in ("--set", override)]
    given = ["crawl", "--pages", pages, "--out", out, "--contact", CONTACT, *options, *more]
    return [sys.executable, "-c", "from lait.cli import main; main()", *map(str, given)]


def run(pages: Path, out: Path, web: Web, *more: object) -> subprocess.CompletedProcess[str]:
    arguments = command(pages, out, web.port, *more)
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    return done


class Crawl:
    """A finished crawl of the fifty hosts."""

    def __init__(self, web: Web, folder: Path) -> None:
        self.web = web
        self.out = folder / "out"
        pages = folder / "urls.txt"
        pages.write_text("\n".join(listed(web)))
        started = time.monotonic()
        self.done = run(pages, self.out, web)
        self.seconds = time.monotonic() - started
        self.rows: dict[str, Asked] = {row.url: row for row in read_ledger(self.out / "raw")}

    def row(self, host: str, path: str) -> Asked:
        return self.rows[self.web.url(host, path)]

    def statuses(self, host: str) -> dict[str, str]:
        return {
            row.url.partition(f":{self.web.port}")[2]: str(row.status)
            for row in self.rows.values()
            if row.host == host
        }


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawl]:
    with web().serving() as serving:
        yield Crawl(serving, tmp_path_factory.mktemp("crawl"))


ALL_OK = {f"/{name}": "ok" for n in range(3) for name in (f"p{n}", f"i{n}.jpg")}


def test_good_hosts_are_fetched_whole(crawled: Crawl) -> None:
    for host in GOOD:
        assert crawled.statuses(host) == ALL_OK, host


def test_no_host_has_two_connections_at_any_time(crawled: Crawl) -> None:
    assert dict(crawled.web.most_open) == dict.fromkeys(crawled.web.hosts, 1)


def rests(hits: list[Hit]) -> list[float]:
    """Seconds between an answer and the next request."""
    return [after.at - before.done for before, after in pairwise(hits)]


def test_hosts_rest_between_requests(crawled: Crawl) -> None:
    for host in crawled.web.hosts:
        least = CRAWL_DELAY_S if host == DELAYING else MIN_DELAY_S
        hits = crawled.web.of(host)
        if host in (SILENT, DRIPPING, CLOSING, HUGE):  # when they end is not ours to say
            hits = [replace(hit, done=hit.at) for hit in hits]
        if host == DELAYING:  # its wish is not known before its robots.txt is read
            hits = [hit for hit in hits if hit.path != "/robots.txt"]
        assert min(rests(hits), default=least) >= least - SLACK_S, host


def test_many_hosts_are_served_at_once(crawled: Crawl) -> None:
    firsts = [crawled.web.of(host)[0].at for host in GOOD]
    assert max(firsts) - min(firsts) < 3 * MIN_DELAY_S + 2
    n_hits = sum(len(crawled.web.of(host)) for host in GOOD)
    assert crawled.seconds < n_hits * MIN_DELAY_S, "one host after the other takes longer"


def test_robots_txt_comes_first_and_is_obeyed(crawled: Crawl) -> None:
    for host in crawled.web.hosts:
        assert crawled.web.paths(host)[0] == "/robots.txt", host
    assert "/p1" not in crawled.web.paths(DISALLOWING)
    assert not [path for path in crawled.web.paths(DISALLOWING) if path.startswith("/private")]
    assert set(crawled.web.paths(PRIVATE)) == {"/robots.txt"}
    assert set(crawled.web.paths(DOWN)) == {"/robots.txt"}
    assert crawled.statuses(PRIVATE) == dict.fromkeys(("/p0", "/p1", "/p2"), "robots")
    assert crawled.statuses(DOWN) == dict.fromkeys(("/p0", "/p1", "/p2"), "robots")
    assert crawled.row(DISALLOWING, "/private/x.jpg").status == "robots"
    assert crawled.row(DISALLOWING, "/p1").n_attempts == 0


def test_retry_after_is_obeyed(crawled: Crawl) -> None:
    hits = crawled.web.of(BUSY)
    (refused,) = [n for n, hit in enumerate(hits) if hit.path == "/p0"][:1]
    assert rests(hits)[refused] >= RETRY_AFTER_S - SLACK_S
    assert crawled.statuses(BUSY) == ALL_OK
    assert crawled.row(BUSY, "/p0").n_attempts == 2
    refusals = [n for n, hit in enumerate(crawled.web.of(ASLEEP)) if hit.path == "/p0"]
    assert len(refusals) == 1, "it wants to be left alone for a day"
    assert len(crawled.web.of(ASLEEP)) == refusals[0] + 1


def test_opt_outs_are_obeyed(crawled: Crawl) -> None:
    assert {crawled.row(TAGGED, f"/i{n}.jpg").status for n in range(3)} == {"opt_out"}
    assert not [path for path in crawled.web.paths(META) if path.startswith("/i")]
    row = crawled.row(META, "/i0.jpg")
    assert (row.status, row.opt_out, row.n_attempts) == ("opt_out", ("noai", "noimageai"), 0)
    assert "/p1" not in crawled.web.paths(RESERVED)
    assert crawled.row(RESERVED, "/p1").status == "opt_out"
    # Nothing of what was reserved is on the disk.
    for warc in shards(crawled.out / "raw"):
        with warc.open("rb") as file:
            for record in ArchiveIterator(file):
                uri = record.rec_headers.get_header("WARC-Target-URI") or ""
                if f"{TAGGED}:" in uri and "/i" in uri and record.rec_type == "response":
                    assert record.content_stream().read() == b""


def test_redirects_between_hosts(crawled: Crawl) -> None:
    row = crawled.row(MOVED, "/p0")
    assert (row.status, row.final_url) == ("ok", crawled.web.url(TARGET, "/p0"))
    assert crawled.row(MOVED, "/i2.jpg").final_url == crawled.web.url(TARGET, "/i2.jpg")
    assert {crawled.row(LOOPING, f"/p{n}").status for n in range(3)} == {"redirects"}


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        (SILENT, {"timeout", "given_up"}),
        (DRIPPING, {"timeout", "given_up"}),
        (CLOSING, {"broken", "given_up", "connect"}),
        (HUGE, {"too_large"}),
        (BOMB, {"too_large"}),
        (UNHEARD, {"connect", "given_up"}),
    ],
)
def test_hosts_that_misbehave_do_not_hold_anything_up(crawled: Crawl, host, allowed) -> None:
    found = crawled.statuses(host)
    assert set(found) == {"/p0", "/p1", "/p2"}
    assert set(found.values()) <= allowed
    assert not any(crawled.row(host, path).n_bytes for path in found)


def test_it_ends_in_time(crawled: Crawl) -> None:
    assert crawled.seconds < 60


def test_the_next_version_is_tried_when_the_best_is_gone(crawled: Crawl) -> None:
    found = crawled.statuses(STALE)
    assert (found["/gone.jpg"], found["/i0.jpg"]) == ("http_error", "ok")


def test_we_say_who_we_are(crawled: Crawl) -> None:
    agents = {hit.headers.get("user-agent", "") for hit in crawled.web.hits}
    assert len(agents) == 1
    (agent,) = agents
    assert agent.startswith("laitbot/")
    assert CONTACT in agent
    assert not [hit for hit in crawled.web.hits if {"cookie", "referer"} & set(hit.headers)]


def test_everything_asked_is_accounted_for(crawled: Crawl) -> None:
    pages = {url for url, row in crawled.rows.items() if row.kind == "page"}
    assert pages == set(listed(crawled.web))
    table = crawled.done.stdout
    assert f"asked {len(crawled.rows):,}, {len(crawled.rows):,} of them by this run" in table
    for status in ("ok", "robots", "opt_out", "timeout", "too_large", "redirects", "given_up"):
        assert f" {status} " in table, status


def test_the_same_command_again_asks_nobody(crawled: Crawl) -> None:
    before = len(crawled.web.hits)
    (crawled.out / "crawl.json").unlink()
    done = run(crawled.out.parent / "urls.txt", crawled.out, crawled.web)
    assert len(crawled.web.hits) == before
    assert f"asked {len(crawled.rows):,}, 0 of them by this run" in done.stdout


def test_curate_takes_what_was_crawled(crawled: Crawl, tmp_path: Path) -> None:
    archives = [str(warc) for warc in shards(crawled.out / "raw")]
    funnel = curate(archives, tmp_path / "run", config=load_config(None, []), relevance=None)
    rows = pq.read_table(tmp_path / "run" / "ledger").to_pylist()
    kept = {row["image_url"] for row in rows if row["kept"]}
    assert funnel.kept == len(kept)
    assert {crawled.web.url(host, f"/i{n}.jpg") for host in GOOD for n in range(3)} <= kept
    assert crawled.web.url(STALE, "/gone.jpg") in kept, "by its smaller version"
    reasons = {row["image_url"]: row["reason"] for row in rows}
    assert reasons[crawled.web.url(TAGGED, "/i0.jpg")] == "opt_out"
    assert reasons[crawled.web.url(META, "/i0.jpg")] == "opt_out"
    assert reasons[crawled.web.url(DISALLOWING, "/private/x.jpg")] == "image_missing"


def killed_and_finished(folder: Path, kills: Iterable[int]) -> None:
    """Kill a crawl of twelve hosts again and again, after so many requests each time; hold what
    the servers saw against what was kept at each kill."""
    made = Web()
    made.hosts = dict.fromkeys(GOOD[:12], good)
    out = folder / "out"
    kept: list[tuple[int, set[str]]] = []
    with made.serving():
        pages = folder / "urls.txt"
        pages.write_text("\n".join(listed(made)[:-3]))
        quick = ("--set", "fetch.min_delay_s=0.1")
        arguments = command(pages, out, made.port, *quick)
        for n_more in kills:
            before = len(made.hits)
            crawling = subprocess.Popen(arguments, stdout=PIPE, stderr=PIPE)
            while len(made.hits) < before + n_more:
                assert crawling.poll() is None, "it was to be killed in the middle"
                time.sleep(0.01)
            crawling.send_signal(signal.SIGKILL)
            crawling.communicate()
            assert not (out / "crawl.json").exists()
            kept.append((len(made.hits), urls_kept(out, folder / f"copy{len(kept)}")))
        run(pages, out, made, *quick)
        rows = {row.url: row for row in read_ledger(out / "raw")}
        assert len(rows) == 12 * 6
        assert {str(row.status) for row in rows.values()} == {"ok"}
        n_hits = len(made.hits)
        done = run(pages, out, made, *quick, "--refresh")
    conditions = [hit.headers.get("if-none-match") for hit in made.hits[n_hits:]]
    assert conditions.count('"1"') == 12 * 6, "another visit asks whether something has changed"
    assert "not_modified" in done.stdout
    del made.hits[n_hits:]
    for n_killed, (n_hits, urls) in enumerate(kept, start=1):
        later = {made.url(hit.host, hit.path) for hit in made.hits[n_hits:]}
        assert not later & urls
        served = {made.url(hit.host, hit.path) for hit in made.hits[:n_hits] if hit.path[1] in "pi"}
        # Lost is only what was under way: one request a host.
        assert urls <= served
        assert len(served - urls) <= 12 * n_killed
    assert len(kept[-1][1]) > len(kept[0][1])


def test_a_killed_crawl_asks_no_host_again_for_what_it_has_kept(tmp_path: Path) -> None:
    killed_and_finished(tmp_path, [50, 40])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_crawl_killed_many_times(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    killed_and_finished(tmp_path, [draw.randint(26, 44) for _ in range(4)])


def urls_kept(out: Path, copy: Path) -> set[str]:
    """What a killed crawl holds."""
    shutil.copytree(out / "raw", copy)
    gather(copy)
    return {row.url for row in read_ledger(copy)}
