"""Are archives far away read as those at hand, by ranges and in bounded memory?"""

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawl.damage import Damage
from crawl.image_ref import ImageRef
from crawl.page import Page
from crawl.sources import view as view_module
from crawl.sources.parts import parts
from crawl.sources.view import Pieces, search
from crawl.sources.walk import Item
from crawl.sources.warc import ArchiveReader, check_archive, read_archive, read_part
from tests.crawl.sources.archives import HTML, JPEG, page_record, record, response, write
from tests.crawl.sources.server import Server, serving

LIMIT = 10**7


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as running:
        yield running


def records(n: int) -> list[bytes]:
    rng = random.Random(1)
    found = [page_record(i, HTML + rng.randbytes(rng.randrange(30_000))) for i in range(n)]
    found[2] = record("http://e.org/2.jpg", response(JPEG, "image/jpeg"))
    return found


def without_file(items: list[Item]) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for item in items:
        assert item.file.startswith(("http://", "/"))
        kept = {name: getattr(item, name) for name in item.__slots__ if name != "file"}
        found.append((type(item), *kept.values()))
    return found


def read(path: str) -> list[Item]:
    return list(read_archive(path, max_page_bytes=LIMIT, max_image_bytes=LIMIT))


@pytest.mark.parametrize("kind", ["plain", "members", "stream"])
def test_remote_archives(server: Server, kind: str) -> None:
    path, _ = write(server.folder / "a.warc", records(40), kind)
    url = f"{server.base}/a.warc"
    local, remote = read(str(path)), read(url)
    assert len(local) == 40
    assert without_file(remote) == without_file(local)
    assert {item.file for item in remote} == {url}
    found = [
        item
        for part in parts(url, 100_000)
        for item in read_part(part, max_page_bytes=LIMIT, max_image_bytes=LIMIT)
    ]
    assert found == remote
    with ArchiveReader(url) as reader:
        for item in reversed(remote):
            assert isinstance(item, Page | ImageRef)
            body = item.body if isinstance(item, Page) else JPEG
            assert reader.body(item.offset, LIMIT) == body


def test_damage_far_away(server: Server) -> None:
    path, offsets = write(server.folder / "a.warc", records(40), "members")
    data = bytearray(path.read_bytes())
    data[offsets[20] + 50 : offsets[20] + 80] = bytes(30)
    path.write_bytes(data[:-9])
    remote = read(f"{server.base}/a.warc")
    assert without_file(remote) == without_file(read(str(path)))
    places = [(item.reason, item.offset) for item in remote if isinstance(item, Damage)]
    assert places == [("bad_record", offsets[20]), ("truncated", offsets[39])]


def test_one_record_asks_for_little(server: Server) -> None:
    _, offsets = write(server.folder / "a.warc", records(400), "members")
    assert offsets[-1] > 5 * 10**6
    with ArchiveReader(f"{server.base}/a.warc") as reader:
        server.asked.clear()
        reader.body(offsets[200], LIMIT)
        reader.body(offsets[50], LIMIT)
    assert server.sent_bytes <= 4 * view_module._FIRST_BYTES


def test_a_part_asks_for_itself_and_little_more(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view_module, "_MOST_BYTES", 256 * 2**10)
    _, offsets = write(server.folder / "a.warc", records(400), "members")
    cut = list(parts(f"{server.base}/a.warc", offsets[-1] // 3))
    server.asked.clear()
    list(read_part(cut[1], max_page_bytes=LIMIT, max_image_bytes=LIMIT))
    assert server.sent_bytes < offsets[-1] // 3 + 3 * 2**19


def test_a_network_failure_is_no_damage(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawl.sources.storage._WAIT_S", 0.01)
    write(server.folder / "a.warc", records(40), "members")
    url = f"{server.base}/a.warc"
    items = read_archive(url, max_page_bytes=LIMIT, max_image_bytes=LIMIT)
    next(items)
    server.failures = 1000
    with pytest.raises(OSError, match="503"):
        list(items)


def test_what_is_no_archive(server: Server) -> None:
    (server.folder / "a.html").write_bytes(HTML)
    with pytest.raises(ValueError, match="does not begin with 'WARC/'"):
        check_archive(f"{server.base}/a.html")
    with pytest.raises(FileNotFoundError, match=r"b\.warc does not exist"):
        check_archive(f"{server.base}/b.warc")


def test_a_view_is_as_the_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_module, "_FIRST_BYTES", 64)
    monkeypatch.setattr(view_module, "_MOST_BYTES", 1000)
    monkeypatch.setattr(view_module, "_WINDOW_BYTES", 500)
    rng = random.Random(2)
    data = bytes(rng.choice(b"abc\n") for _ in range(20_000))
    far = Pieces("x", len(data), lambda offset, n: data[offset : offset + n])
    assert len(far) == len(data)
    for _ in range(200):
        start = rng.randrange(len(data) + 5)
        length = rng.choice([0, 1, 30, 5000])
        assert far[start : start + length] == data[start : start + length]
        needle = bytes(rng.choice(b"abc\n") for _ in range(rng.choice([1, 4, 8, 12])))
        assert far.find(needle, start) == data.find(needle, start)
    assert sum(len(piece) for _, piece in far._pieces) <= 3 * 1000


def test_search_finds_what_lies_across_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_module, "_WINDOW_BYTES", 10)
    pattern = re.compile(rb"(?:\A|(?<=\n))x[ab]{5}")
    for n in range(40):
        data = b"." * n + b"\nxababa" + b"." * 30
        assert search(data, pattern, 0, 6) == n + 1
        assert search(data, pattern, n + 1, 6) == n + 1
        assert search(data, pattern, n + 2, 6) is None
    assert search(b"xababa", pattern, 0, 6) == 0
    assert search(b".xababa", pattern, 1, 6) is None
