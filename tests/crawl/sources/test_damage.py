"""Does damage cost the damaged records only, wherever it is and whatever it is?"""

import gzip
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator
from warcio.archiveiterator import ArchiveIterator as WarcioIterator
from warcio.exceptions import ArchiveLoadFailed

from crawl.damage import Damage
from crawl.image_ref import ImageRef
from crawl.page import Page
from crawl.sources.layout import Kind, Layout, probe_view, spooled
from crawl.sources.view import View, open_view
from crawl.sources.walk import Record, Walk
from tests.crawl.sources.archives import (
    HTML,
    JPEG,
    damages,
    page_record,
    read,
    record,
    response,
    write,
)
from tests.crawl.sources.test_arc import arc_page, version_block

LIMIT = 10**8


def small(arc: bool) -> list[bytes]:
    if arc:
        return [version_block("1 0"), *(arc_page(n, 60) for n in range(1, 4))]
    image = record("http://example.org/a.jpg", response(JPEG[:300], "image/jpeg"))
    return [page_record(1), image, page_record(2), page_record(3)]


@pytest.mark.parametrize("arc", [False, True])
@pytest.mark.parametrize("kind", ["plain", "members", "stream"])
def test_truncation_at_every_byte(tmp_path: Path, kind: str, arc: bool) -> None:
    path, offsets = write(tmp_path / "a", small(arc), kind)
    data = path.read_bytes()
    whole = [item for item in read(path) if not isinstance(item, Damage)]
    least = 0
    for end in range(30, len(data)):
        path.write_bytes(data[:end])
        try:
            items = read(path)
        except ValueError:
            assert end < 120
            continue
        found = [item for item in items if not isinstance(item, Damage)]
        assert found == whole[: len(found)]
        if kind != "stream":
            last_ends = 4 if kind == "plain" else 0  # its line ends may be missing
            assert len(found) >= sum(
                offsets[offsets.index(item.offset) + 1] - last_ends <= end for item in whole
            ) - (0 if kind == "members" or not arc else 1)
        least = max(least, len(found))
    assert least >= len(whole) - (kind != "stream" and kind != "plain")


def packed(rng: random.Random, kind: str) -> tuple[list[bytes], list[bytes]]:
    """Records, and the same as they lie in a file."""
    records = [page_record(n, HTML + rng.randbytes(rng.randrange(4000))) for n in range(1, 30)]
    return records, [gzip.compress(r, mtime=0) for r in records] if kind == "members" else records


@pytest.mark.parametrize("kind", ["plain", "members"])
def test_untouched_records_survive_corruption(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.warc"
    n_lost = n_kept = 0
    for seed in range(150):
        rng = random.Random(seed)
        _, lying = packed(rng, kind)
        path.write_bytes(b"".join(lying))
        whole = {item.url: item for item in read(path, LIMIT) if isinstance(item, Page)}
        touched = set(rng.sample(range(len(lying)), rng.randint(1, 6)))
        for n in touched:
            data = bytearray(lying[n])
            at, length = rng.randrange(len(data)), rng.choice([1, 4, 40, 800])
            data[at : at + length] = rng.randbytes(rng.choice([0, length, length, length + 9]))
            lying[n] = bytes(data)
        path.write_bytes(b"".join(lying))
        items = read(path, LIMIT)
        found = {item.url: item.body for item in items if isinstance(item, Page)}
        for n, (url, page) in enumerate(whole.items()):
            if n not in touched:
                assert found.get(url) == page.body, (seed, n, sorted(touched), damages(items))
        n_lost += len(whole) - len(found)
        n_kept += len(found)
    assert n_kept > 3000
    assert n_lost > (100 if kind == "members" else 10)


def test_no_damaged_member_gives_a_page(tmp_path: Path) -> None:
    """A gzip member carries a checksum: what does not match it is nothing anybody served."""
    path = tmp_path / "a.warc.gz"
    for seed in range(60):
        rng = random.Random(seed)
        records, lying = packed(rng, "members")
        bodies = {r.partition(b"\r\n\r\n")[2].partition(b"\r\n\r\n")[2][:-4] for r in records}
        data = bytearray(b"".join(lying))
        for _ in range(5):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        assert {item.body for item in read(path, LIMIT) if isinstance(item, Page)} <= bodies


def test_members_after_a_damaged_one_of_a_stream(tmp_path: Path) -> None:
    """Several records a member: the records of the sound members are there, the hole is told."""
    rng = random.Random(1)
    groups = [
        b"".join(page_record(10 * g + n, HTML + rng.randbytes(500)) for n in range(5))
        for g in range(1, 5)
    ]
    members = [gzip.compress(group, mtime=0) for group in groups]
    hurt = bytearray(members[1])
    hurt[len(hurt) // 2 : len(hurt) // 2 + 40] = bytes(40)
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join([members[0], bytes(hurt), *members[2:]]))
    items = read(path, LIMIT)
    urls = [item.url for item in items if isinstance(item, Page)]
    assert {
        f"http://example.org/{n}.html" for g in (1, 3, 4) for n in range(10 * g, 10 * g + 5)
    } <= set(urls)
    assert [reason for reason, _ in damages(items)].count("bad_gzip") == 1


def test_a_stream_that_grows_without_end_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crawl.sources.layout.SPOOL_BYTES_LEAST", 10**6)
    path = tmp_path / "a.warc.gz"
    bomb = record("http://e.org/b", response(bytes(30_000_000), "application/zip"))
    path.write_bytes(gzip.compress(page_record(1) + page_record(2) + bomb + page_record(3)))
    items = read(path, LIMIT)
    assert [item.url[-6:] for item in items if isinstance(item, Page)] == ["1.html", "2.html"]
    assert ("bad_gzip" in dict(damages(items))) is True
    with open_view(str(path)) as view, spooled(view, probe_view(view, "").form) as (inner, _):
        assert len(inner) < 5 * 10**6


def positions(path: Path) -> int:
    """How many records an archive has, the damaged ones counted."""
    with open_view(str(path)) as view:
        kind = probe_view(view, str(path))
        if kind.layout is not Layout.STREAM:
            return records_of(view, kind)
        with spooled(view, kind.form) as (inner, missing):
            return records_of(inner, Kind(layout=Layout.PLAIN, form=kind.form)) + len(missing)


def records_of(view: View, kind: Kind) -> int:
    seen: list[int] = []

    def consume(each: Record) -> tuple[()]:
        seen.append(each.offset)
        return ()

    walk = Walk(file="", view=view, form=kind.form, layout=kind.layout, consume=consume)
    n_damaged = sum(isinstance(item, Damage) for item in walk.run(0, None))
    return n_damaged + len(set(seen))


def count_until_error(records: Callable[[], object]) -> int:
    n = 0
    try:
        for _ in records():  # type: ignore[attr-defined]
            n += 1
    except (OSError, EOFError, ArchiveLoadFailed, zlib.error):
        pass
    return n


def test_no_record_of_any_real_archive_is_lost(shared_data: Path) -> None:
    """Beside two other readers, whichever gets further."""
    for folder in ("warc", "corpora/warc/warcio"):
        for path in sorted((shared_data / folder).iterdir()):
            if "arc" not in path.name:
                continue
            with path.open("rb") as one, path.open("rb") as other:
                fastwarc = count_until_error(lambda f=one: ArchiveIterator(f, parse_http=False))
                warcio = count_until_error(lambda f=other: WarcioIterator(f))
            assert positions(path) >= max(fastwarc, warcio) > 0, (path.name, fastwarc, warcio)


@pytest.mark.parametrize("n_bytes", [300, 400_000])
def test_a_wrong_checksum_is_damage(tmp_path: Path, n_bytes: int) -> None:
    """However much of the record could be read before it shows."""
    body = JPEG[:200] + random.Random(1).randbytes(n_bytes)
    image = record("http://example.org/a.jpg", response(body, "image/jpeg"))
    path, offsets = write(tmp_path / "a.warc", [page_record(1), image, page_record(2)], "members")
    data = bytearray(path.read_bytes())
    data[offsets[2] - 6] ^= 255
    path.write_bytes(data)
    items = read(path)
    assert not [item for item in items if isinstance(item, ImageRef)]
    assert damages(items) == [("bad_record", offsets[1])]


def test_a_checksum_that_comes_alone_is_looked_at(tmp_path: Path) -> None:
    """The record is all there before the last piece that is read, which is the checksum."""
    sizes = range(15_000, 16_400)
    members = (gzip.compress(page_record(1, bytes(n)), compresslevel=0, mtime=0) for n in sizes)
    member = next(each for each in members if (len(each) - 8) % (16 * 2**10) == 0)
    path = tmp_path / "a.warc.gz"
    path.write_bytes(member + gzip.compress(page_record(2)))
    assert len(read(path)) == 2
    path.write_bytes(member[:-8] + bytes(8) + gzip.compress(page_record(2)))
    items = read(path)
    assert [item.url[-6:] for item in items if isinstance(item, Page)] == ["2.html"]
    assert damages(items) == [("bad_record", 0)]


def test_a_member_shorter_than_its_record_is_damage(tmp_path: Path) -> None:
    long = page_record(2).replace(b"Content-Length: ", b"Content-Length: 9")
    path, offsets = write(tmp_path / "a.warc", [page_record(1), long, page_record(3)], "members")
    items = read(path)
    assert [item.url[-6:] for item in items if isinstance(item, Page)] == ["1.html", "3.html"]
    assert damages(items) == [("bad_record", offsets[1])]


def test_what_follows_a_record_in_its_member_is_told(tmp_path: Path) -> None:
    several = [page_record(n) for n in range(1, 20)]
    several[17] += b"something else"
    path, offsets = write(tmp_path / "a.warc", several, "members")
    items = read(path)
    assert len([item for item in items if isinstance(item, Page)]) == 19
    assert damages(items) == [("bad_record", offsets[17])]
