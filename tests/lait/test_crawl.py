"""Does a crawl ask for the right things, account for all of them, and go on where it was?"""

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

import crawl.serve as serve_module
from crawl.asked import Asked
from crawl.fetch.config import FetchConfig
from crawl.fetch.outcome import Outcome, Request, Status
from crawl.raw import Growing
from crawl.sources.warc import read_archive
from lait.commands import crawling
from lait.crawl import crawl
from lait.crawl_plan import at_least_s, plan
from lait.crawl_report import Crawled
from lait.crawl_settings import CrawlJobConfig, Source, claimed, load
from lait.raw_folder import read_ledger, shards, table_of
from tests.lait.test_cli import lait, refused
from tests.lait.test_curate import page, picture, record

CONFIG = CrawlJobConfig(fetch=FetchConfig(contact="you@example.org", min_delay_s=0))
FETCHED_AT = "2026-01-02T03:04:05Z"


class Hosts:
    """A web without a wire: what each URL answers, and what was asked for."""

    def __init__(self) -> None:
        self.answers: dict[str, Outcome] = {}
        self.asked: list[Request] = []

    def put(self, url: str, body: bytes = b"", kind: str = "text/html", **changes) -> None:
        headers = (("content-type", kind), *changes.pop("headers", ()))
        values = {
            "url": url,
            "kind": "image" if kind.startswith("image/") else "page",
            "status": Status.OK,
            "final_url": url,
            "http_status": 200,
            "headers": headers,
            "body": body,
            "fetched_at": FETCHED_AT,
            "n_attempts": 1,
            "opt_out": (),
            "detail": "",
            "retryable": False,
        }
        self.answers[url] = Outcome(**values | changes)

    def fail(self, url: str, status: Status, kind: str, *, retryable: bool = False) -> None:
        http = 404 if status is Status.HTTP_ERROR else 0
        self.put(url, b"", kind, status=status, http_status=http, retryable=retryable)

    def fetch(self, requests: Iterable[Request], config: FetchConfig) -> Iterator[Outcome]:
        for request in requests:
            self.asked.append(request)
            yield self.answers[request.url]

    def urls(self) -> list[str]:
        return sorted(request.url for request in self.asked)


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> Hosts:
    web = troubled_web()
    monkeypatch.setattr(serve_module, "fetch", web.fetch)
    return web


def troubled_web() -> Hosts:
    """Two good pages with a picture each, and one of every trouble."""
    web = Hosts()
    for n in range(2):
        web.put(f"https://a.example/{n}", page(f"{n}.jpg", f"A red dog number {n} in the garden"))
        web.put(f"https://a.example/{n}.jpg", picture(n), "image/jpeg")
    web.put("https://b.example/gone", two_versions("big.jpg", "small.jpg"))
    web.fail("https://b.example/big.jpg", Status.HTTP_ERROR, "image/jpeg")
    web.put("https://b.example/small.jpg", picture(5), "image/jpeg")
    web.put("https://b.example/busy", two_versions("slow.jpg", "other.jpg"))
    web.fail("https://b.example/slow.jpg", Status.TIMEOUT, "image/jpeg", retryable=True)
    web.put("https://c.example/no", page("no.jpg", "A grey heron in the water").replace(
        b"<head>", b"<head><meta name=robots content=noimageai>"))  # fmt: skip
    web.fail("https://c.example/404", Status.HTTP_ERROR, "text/html")
    web.fail("https://d.example/", Status.ROBOTS, "text/html")
    web.fail("https://e.example/", Status.TIMEOUT, "text/html", retryable=True)
    return web


PAGES = [
    "https://a.example/0",
    "https://a.example/1",
    "https://b.example/gone",
    "https://b.example/busy",
    "https://c.example/no",
    "https://c.example/404",
    "https://d.example/",
    "https://e.example/",
]
IMAGES = ["https://a.example/0.jpg", "https://a.example/1.jpg", "https://b.example/big.jpg"]
IMAGES += ["https://b.example/small.jpg", "https://b.example/slow.jpg"]
STATUSES = (
    ("image", "http_error", 1),
    ("image", "ok", 3),
    ("image", "opt_out", 1),
    ("image", "timeout", 1),
    ("page", "http_error", 1),
    ("page", "ok", 5),
    ("page", "robots", 1),
    ("page", "timeout", 1),
)


def two_versions(big: str, small: str) -> bytes:
    return page(small, "A boat on the quiet lake").replace(
        b"width=640", f'srcset="{small} 480w, {big} 1200w" width=640'.encode()
    )


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return list_in(tmp_path)


def list_in(folder: Path) -> Source:
    path = folder / "urls.txt"
    path.write_text("\n".join([*PAGES, "no url", PAGES[0]]))
    return Source(lists=(str(path),))


def run(source: Source, out: Path, **options) -> Crawled:
    return crawl(source, out, **{"config": CONFIG} | options)


@dataclass
class Finished:
    """A crawl that is done; not to be changed."""

    out: Path
    crawled: Crawled
    asked: list[str]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder, web = tmp_path_factory.mktemp("finished"), troubled_web()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serve_module, "fetch", web.fetch)
        crawled = run(list_in(folder), folder / "out")
    return Finished(out=folder / "out", crawled=crawled, asked=web.urls())


@pytest.fixture
def again(finished: Finished, tmp_path: Path) -> Path:
    """A copy of it, to go on with."""
    shutil.copytree(finished.out, tmp_path / "out")
    return tmp_path / "out"


def ledger(out: Path) -> dict[str, Asked]:
    return {row.url: row for row in read_ledger(out / "raw")}


def bodies(out: Path) -> list[str]:
    found = []
    for warc in shards(out / "raw"):
        items = read_archive(str(warc), max_page_bytes=2**22, max_image_bytes=2**25)
        found += [item.url for item in items if getattr(item, "n_bytes", 1)]
    return sorted(found)


def test_everything_is_asked_once_and_accounted_for(finished: Finished) -> None:
    crawled = finished.crawled
    assert finished.asked == sorted([*PAGES, *IMAGES])
    assert crawled.statuses == STATUSES
    assert crawled.n_requests == crawled.n_asked == sum(n for *_, n in STATUSES)
    assert sum(n for _, n, _ in crawled.hosts) == crawled.n_requests
    assert crawled.hosts[0] == ("b.example", 5, 3)
    assert bodies(finished.out) == sorted([*PAGES[:5], *IMAGES[:2], IMAGES[3]])
    rows = ledger(finished.out)
    assert rows["https://c.example/no.jpg"].opt_out == ("noimageai",)
    assert rows["https://b.example/small.jpg"].page == "https://b.example/gone"
    assert rows["https://a.example/0"].shard == "00000"


def test_the_manifest_tells_what_is_there(finished: Finished) -> None:
    out, crawled = finished.out, finished.crawled
    manifest = json.loads((out / "crawl.json").read_text())
    assert manifest["requests"] == crawled.n_requests
    assert manifest["statuses"]["page"] == {"http_error": 1, "ok": 5, "robots": 1, "timeout": 1}
    assert manifest["bytes"] == crawled.n_bytes == sum(row.n_bytes for row in ledger(out).values())
    assert manifest["bad_lines"] == crawled.n_bad_lines == 1
    assert manifest["config"]["fetch"]["contact"] == "you@example.org"
    assert sum(one["n_requests"] for one in manifest["shards"]) == crawled.n_requests
    assert len(manifest["shards"]) == len(shards(out / "raw"))
    for one in manifest["shards"]:
        for name in ("warc", "table"):
            data = (out / "raw" / one[name]["name"]).read_bytes()
            assert one[name]["sha256"] == hashlib.sha256(data).hexdigest()
    (letter,) = pq.read_table(out / "dead_letter").to_pylist()
    assert "line 9" in letter["detail"]
    assert {path.name for path in out.iterdir()} == {
        "crawl.json", "crawl-settings.json", "dead_letter", "raw",
    }  # fmt: skip


def test_the_same_command_asks_nobody_again(hosts, source, again) -> None:
    first = run(source, again)
    (again / "crawl.json").unlink()
    second = run(source, again)
    assert hosts.asked == []
    assert first.statuses == second.statuses == STATUSES
    assert first.n_asked == second.n_asked == 0


def test_retry_failed_asks_only_for_what_may_succeed_now(hosts, source, again) -> None:
    hosts.put("https://b.example/slow.jpg", picture(8), "image/jpeg")
    crawled = run(source, again, retry_failed=True)
    assert hosts.urls() == ["https://b.example/slow.jpg", "https://e.example/"]
    assert ("image", "ok", 4) in crawled.statuses
    assert ("page", "timeout", 1) in crawled.statuses
    assert crawled.n_requests == sum(n for *_, n in STATUSES)


def test_a_longer_list_asks_for_what_is_new(hosts, source, tmp_path) -> None:
    run(Source(lists=source.lists, limit=2), tmp_path / "out")
    assert hosts.urls() == sorted([*PAGES[:2], *IMAGES[:2]])
    hosts.asked.clear()
    crawled = run(source, tmp_path / "out")
    assert hosts.urls() == sorted([*PAGES[2:], *IMAGES[2:]])
    assert crawled.statuses == STATUSES


@pytest.mark.parametrize(("images", "expected"), [("none", []), ("all", IMAGES)])
def test_which_images(hosts, source, tmp_path, images, expected) -> None:
    config = CONFIG.model_copy(update={"images": images})
    run(source, tmp_path / "out", config=config)
    assert hosts.urls() == sorted([*PAGES, *expected])


def test_pages_of_archives_are_not_asked_for(hosts, tmp_path) -> None:
    archive = tmp_path / "cc.warc"
    data = b"".join(
        record(n, url, "text/html", hosts.answers[url].body) for n, url in enumerate(PAGES[:4])
    )
    archive.write_bytes(data + record(9, "https://a.example/1.jpg", "image/jpeg", picture(1)))
    out = tmp_path / "out"
    crawled = run(Source(archives=(str(archive),)), out)
    assert hosts.urls() == sorted([IMAGES[0], *IMAGES[2:]]), "1.jpg is at hand"
    assert {kind for kind, *_ in crawled.statuses} == {"image"}
    assert bodies(out) == ["https://a.example/0.jpg", "https://b.example/small.jpg"]
    assert [warc.name for warc in shards(out / "raw")] == [
        "images-00000.warc.gz", "images-00001.warc.gz",
    ]  # fmt: skip
    assert run(Source(archives=(str(archive),)), out).n_asked == 0
    hosts.asked.clear()
    limited = Source(archives=(str(archive),), limit=1)
    run(limited, tmp_path / "one")
    assert hosts.urls() == ["https://a.example/0.jpg"]


def test_a_refresh_keeps_what_is_the_same_and_replaces_what_is_not(hosts, source, tmp_path) -> None:
    out = tmp_path / "out"
    validators = (("etag", '"1"'), ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT"))
    for n in (0, 1):
        hosts.put(f"https://a.example/{n}.jpg", picture(n), "image/jpeg", headers=validators)
    run(source, out)
    before = ledger(out)
    hosts.asked.clear()
    same = {"status": Status.NOT_MODIFIED, "http_status": 304}
    hosts.put("https://a.example/0.jpg", b"", "image/jpeg", **same)
    hosts.put("https://a.example/1.jpg", picture(77), "image/jpeg", headers=validators)
    hosts.fail("https://a.example/0", Status.TIMEOUT, "text/html", retryable=True)
    hosts.fail("https://a.example/1", Status.ROBOTS, "text/html")
    hosts.put("https://e.example/", page("new.jpg", "A new thing on the old bridge"))
    hosts.put("https://e.example/new.jpg", picture(78), "image/jpeg")
    crawled = run(source, out, refresh=True)
    conditional = {request.url: (request.etag, request.last_modified) for request in hosts.asked}
    assert conditional["https://a.example/0.jpg"] == tuple(value for _, value in validators)
    assert conditional["https://a.example/0"] == ("", "")
    assert "https://a.example/1.jpg" not in conditional, "its page is withdrawn"
    assert crawled.n_requests == len(before) + 1
    found = bodies(out)
    assert found.count("https://a.example/0.jpg") == found.count("https://a.example/0") == 1
    assert "https://a.example/1" not in found
    assert "https://e.example/new.jpg" in found
    assert json.loads((out / "crawl.json").read_text())["visit"] == 2
    hosts.asked.clear()
    run(source, out, refresh=True)
    assert {r.url: r.etag for r in hosts.asked}["https://a.example/0.jpg"] == '"1"'


def test_a_crash_between_any_two_steps_loses_nothing(hosts, source, again) -> None:
    raw = again / "raw"
    # Killed while gathering: one shard is still a worker's, cut amid a record; another has its
    # number, but no table yet.
    last, first = shards(raw)[-1], shards(raw)[0]
    data = last.read_bytes()
    (raw / ".0000-00000.part").write_bytes(data + data[:500])
    last.unlink()
    table_of(last).unlink()
    table = table_of(first).read_bytes()
    table_of(first).unlink()
    (raw / ".0001-00000.part").write_bytes(b"")
    (again / "crawl.json").unlink()
    assert run(source, again).statuses == STATUSES
    assert hosts.asked == []
    assert last.read_bytes() == data
    assert table_of(first).read_bytes() == table
    assert not list(raw.glob(".*.*"))


def test_a_dry_run_asks_nobody_and_writes_nothing(hosts, source, tmp_path, again) -> None:
    found = plan(source, tmp_path / "new", config=CONFIG)
    assert found == (
        ("a.example", 2), ("b.example", 2), ("c.example", 2), ("d.example", 1), ("e.example", 1),
    )  # fmt: skip
    assert not (tmp_path / "new").exists()
    # Of a crawl in which the pictures of one shard are missing, those are planned.
    last = max(shards(again / "raw"))
    lost = {row.host for row in read_ledger(again / "raw") if row.shard == last.name[:5]}
    last.unlink()
    table_of(last).unlink()
    before = {path: path.stat().st_mtime_ns for path in again.rglob("*")}
    assert plan(source, again, config=CONFIG) == tuple((host, 1) for host in sorted(lost))
    assert {path: path.stat().st_mtime_ns for path in again.rglob("*")} == before
    assert hosts.asked == []


def test_a_plan_says_how_long_it_takes_at_least() -> None:
    fetch = CONFIG.fetch.model_copy(update={"min_delay_s": 2.0, "max_hosts_at_once": 2})
    config = CONFIG.model_copy(update={"fetch": fetch})
    assert at_least_s([], config) == 0
    assert at_least_s([3], config) == 10
    assert at_least_s([1] * 10, config) == 30


def test_a_folder_that_is_not_this_crawls(hosts, source, tmp_path, again) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(ValueError, match=r"--out .*letter\.txt"):
        run(source, tmp_path / "mine")
    with pytest.raises(ValueError, match=r"--out .*letter\.txt is not a folder"):
        run(source, tmp_path / "mine" / "letter.txt")
    with pytest.raises(ValueError, match=r"--out .*images was main, is all"):
        run(source, again, config=CONFIG.model_copy(update={"images": "all"}))
    with (
        claimed(again, CONFIG, refresh=False),
        pytest.raises(ValueError, match=r"--out .*another `lait crawl`"),
    ):
        run(source, again)


def test_what_workers_keep_is_safe_from_a_second_opener(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from crawl.raw import Growing\n"
        "with Growing(Path(sys.argv[1]), {}): print('in', flush=True)\n"
    )
    with Growing(tmp_path / "part", {}):
        other = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "part")], stdout=subprocess.PIPE
        )
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(2)
    assert other.communicate(timeout=20)[0] == b"in\n"


@pytest.mark.parametrize(
    ("arguments", "needles"),
    [
        ([], ["--contact"]),
        (["--contact", "you@example.org", "--set", "fetch.min_delay=3"], ["fetch.min_delay_s"]),
        (["--contact", "yoü@example.org"], ["--contact yoü@example.org"]),
        (["--contact", "you@example.org", "--images", "some"], ["--images some"]),
        (["--contact", "you@example.org", "--limit", "0"], ["--limit 0"]),
        (["--contact", "you@example.org", "--archives", "a.warc"], ["--pages", "--archives"]),
        (["--contact", "you@example.org", "b.warc"], ["b.warc", "--archives"]),
        (["--contact", "you@example.org", "--set", "known_bad=[gone.txt]"], ["gone.txt"]),
        (["--contact", "you@example.org", "--workers", "2", "--", "--runner=FlinkRunner"],
         ["--workers"]),
    ],
)  # fmt: skip
def test_options_that_cannot_be(source, tmp_path, arguments, needles) -> None:
    given = ["--pages", source.lists[0], "--out", str(tmp_path / "out"), *arguments]
    error = invoke(*given).exception
    assert isinstance(error, ValueError | OSError)
    assert "\n" not in str(error)
    for needle in needles:
        assert needle in str(error)
    assert not (tmp_path / "out").exists()


def test_a_known_bad_image_is_never_stored(hosts, tmp_path) -> None:
    """Nor is another version of it asked for. A page of the same bytes is none."""
    bad = picture(7)
    hosts.put("https://b.example/big.jpg", bad, "image/jpeg")
    pages, listed = tmp_path / "urls.txt", tmp_path / "bad.txt"
    pages.write_text("https://b.example/gone\nhttps://a.example/0")
    page_hash = hashlib.sha256(hosts.answers["https://a.example/0"].body).hexdigest()
    listed.write_text(f"{hashlib.sha256(bad).hexdigest()}\n{page_hash}\n")
    config = CONFIG.model_copy(update={"known_bad": (str(listed),)})
    run(Source(lists=(str(pages),)), tmp_path / "out", config=config)
    row = ledger(tmp_path / "out")["https://b.example/big.jpg"]
    assert (row.status, row.sha256, row.n_bytes, row.offset) == (Status.KNOWN_BAD, "", 0, -1)
    assert "https://b.example/small.jpg" not in hosts.urls()
    assert {"https://a.example/0", "https://a.example/0.jpg"} <= set(bodies(tmp_path / "out"))
    stored = b"".join(gzip.decompress(warc.read_bytes()) for warc in shards(tmp_path / "out/raw"))
    assert picture(0) in stored
    assert bad not in stored


def test_bad_input_is_one_line_and_exit_code_2(source, tmp_path) -> None:
    done = lait("crawl", "--pages", source.lists[0], "--out", tmp_path / "out")
    refused(done, "--contact is missing")


def invoke(*arguments: str) -> Result:
    app = typer.Typer()
    crawling.register(app)
    return CliRunner().invoke(app, arguments)


def test_the_screen_shows_plan_statuses_and_hosts(hosts, source, tmp_path) -> None:
    more = ["--contact", "you@example.org", "--set", "fetch.min_delay_s=0"]
    given = ["--pages", source.lists[0], "--out", str(tmp_path / "out"), *more]
    shown = invoke(*given, "--dry-run").stdout
    words = " ".join(shown.split())
    assert "8 requests to 5 hosts" in words
    assert "images of pages that are not fetched yet come on top" in words
    shown = invoke(*given).stdout
    words = " ".join(shown.split())
    assert "asked 14, 14 of them by this run" in words
    assert "1 lines name no page: see dead_letter" in words
    for kind, status, n in STATUSES:
        assert [kind, status, str(n)] in [line.split() for line in shown.splitlines()]
    assert ["b.example", "5", "3"] in [line.split() for line in shown.splitlines()]


@pytest.mark.parametrize(
    ("name", "text", "needle"),
    [("gone.txt", None, "gone.txt"), ("urls.txt", "x\n", "holds no URL"), ("a.pdf", "x", ".txt")],
)
def test_lists_that_cannot_be(tmp_path, name, text, needle) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    source = Source(lists=(str(tmp_path / name),))
    with pytest.raises((ValueError, OSError), match=needle):
        run(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_settings_come_from_file_overrides_and_options(tmp_path) -> None:
    path = tmp_path / "crawl.yaml"
    path.write_text("fetch: {min_delay_s: 7, contact: a@example.org}\nimages: all\n")
    config = load(path, ["fetch.min_delay_s=9"], "b@example.org", "none")
    assert (config.fetch.min_delay_s, config.fetch.contact) == (9, "b@example.org")
    assert config.images == "none"
    assert load(path, [], "", None).images == "all"
