"""Do the parts of an archive hold together what one pass holds, whatever their size?"""

import gzip
import random
from pathlib import Path

import pytest

from crawl.damage import Damage
from crawl.sources import parts as parts_module
from crawl.sources.parts import Part, first_position, parts
from crawl.sources.view import open_view
from crawl.sources.walk import Item, place
from crawl.sources.warc import ArchiveReader, read_part
from tests.crawl.sources.archives import HTML, page_record, pages, read, record, response, write

LIMIT = 10**8


def read_parts(path: Path, part_bytes: int) -> list[list[Item]]:
    return [
        list(read_part(part, max_page_bytes=LIMIT, max_image_bytes=LIMIT))
        for part in parts(str(path), part_bytes)
    ]


def joined(path: Path, part_bytes: int) -> list[Item]:
    return [item for part in read_parts(path, part_bytes) for item in part]


def random_pages(seed: int, n: int, most: int = 8_000) -> list[bytes]:
    rng = random.Random(seed)
    return [page_record(i, HTML + rng.randbytes(rng.randrange(most))) for i in range(n)]


def test_parts_cover_a_file_without_overlap(tmp_path: Path) -> None:
    path, _ = write(tmp_path / "a.warc.gz", random_pages(1, 30), "members")
    size = path.stat().st_size
    for part_bytes in (999, size // 3, size - 1):
        cut = list(parts(str(path), part_bytes))
        assert [part.start for part in cut] == list(range(0, size, part_bytes))
        assert [part.end for part in cut[:-1]] == [part.start for part in cut[1:]]
        assert cut[-1].end is None
    assert list(parts(str(path), size)) == [Part(file=str(path))]


def test_plain_archives_are_cut_between_records(tmp_path: Path) -> None:
    path, offsets = write(tmp_path / "a.warc", random_pages(2, 30), "plain")
    cut = list(parts(str(path), 20_000))
    assert 4 < len(cut) < 12
    assert {part.start for part in cut} <= set(offsets)
    assert all(part.end is None or part.end - part.start >= 20_000 for part in cut)


def test_one_stream_is_one_part(tmp_path: Path) -> None:
    path, _ = write(tmp_path / "a.warc.gz", random_pages(3, 30), "stream")
    assert list(parts(str(path), 100)) == [Part(file=str(path))]


@pytest.mark.parametrize("kind", ["plain", "members"])
def test_many_parts_have_something_to_read(tmp_path: Path, kind: str) -> None:
    path, _ = write(tmp_path / "a.warc", random_pages(4, 200), kind)
    found = read_parts(path, path.stat().st_size // 10)
    assert len(found) in (10, 11)
    assert min(len(items) for items in found[:-1]) > 5
    assert [item for items in found for item in items] == read(path, LIMIT)


def archives(shared_data: Path) -> list[Path]:
    places = (shared_data / "warc", shared_data / "corpora/warc/warcio")
    return sorted(path for place in places for path in place.iterdir() if "arc" in path.name)


def test_every_part_size_of_every_corpus_archive(shared_data: Path) -> None:
    rng = random.Random(5)
    n_parts = 0
    files = archives(shared_data)
    assert len(files) == 21
    for path in files:
        size = path.stat().st_size
        whole = read(path, LIMIT)
        for least in (size // 40, size // 10, size // 2):
            found = read_parts(path, rng.randint(max(least, 1), max(2 * least, 2)))
            n_parts += len(found)
            assert [item for items in found for item in items] == whole, path
    assert n_parts > 400


def damaged(seed: int) -> tuple[bytes, str]:
    """An archive of 200 to 400 kilobytes with holes, cuts, doubled and foreign bytes."""
    rng = random.Random(seed)
    kind = rng.choice(["plain", "members"])
    records = random_pages(seed, 60)
    packed = [gzip.compress(each, mtime=0) if kind == "members" else each for each in records]
    data = bytearray(b"".join(packed))
    for _ in range(rng.randrange(12)):
        at, n = rng.randrange(len(data) - 4000), rng.choice([1, 8, 200, 3000])
        data[at : at + n] = rng.choice(
            [b"", bytes(n), rng.randbytes(n), data[at + n : at + 2 * n] * 2, bytes(data[:n])]
        )
    return bytes(data), kind


def test_every_part_size_of_damaged_archives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also that damage is reported once, in whichever part it lies."""
    # Small archives would be read from their beginning for every part.
    monkeypatch.setattr(parts_module, "_FIRST_REACH", 2_000)
    monkeypatch.setattr(parts_module, "_CERTAIN_BYTES", 9_000)
    path = tmp_path / "a.warc"
    rng = random.Random(6)
    n_damage = 0
    for seed in range(40):
        data, _ = damaged(seed)
        path.write_bytes(data)
        whole = read(path, LIMIT)
        n_damage += sum(isinstance(item, Damage) for item in whole)
        for part_bytes in (rng.randint(3_000, 20_000), rng.randint(20_000, 200_000)):
            assert joined(path, part_bytes) == whole, (seed, part_bytes)
    assert n_damage > 60


def test_truncation_at_a_border(tmp_path: Path) -> None:
    path, offsets = write(tmp_path / "a.warc.gz", random_pages(7, 20), "members")
    data = path.read_bytes()
    border = offsets[15]
    for end in range(border - 3, border + 12):
        path.write_bytes(data[:end])
        whole = read(path, LIMIT)
        for part_bytes in (border - 1, border, border + 1):
            assert joined(path, part_bytes) == whole, (end, part_bytes)


def forged(seed: int, n: int, n_bytes: int, kind: str) -> bytes:
    """A whole archive, such as somebody could serve to have pages of others invented."""
    rng = random.Random(seed)
    records = [
        record(
            f"http://forged.example/{i}.html", response(HTML + rng.randbytes(n_bytes), "text/html")
        )
        for i in range(n)
    ]
    return b"".join(gzip.compress(r) if kind == "members" else r for r in records)


def stored(each: bytes) -> bytes:
    """A gzip member that keeps its bytes as they are, which is what becomes of compressed ones."""
    return gzip.compress(each, compresslevel=0, mtime=0)


@pytest.mark.parametrize("kind", ["plain", "members"])
@pytest.mark.parametrize(("n", "n_bytes"), [(4_000, 300), (300, 5_000), (24, 60_000)])
def test_an_archive_inside_an_archive_forges_nothing(
    tmp_path: Path, kind: str, n: int, n_bytes: int
) -> None:
    inner = forged(n, n, n_bytes, kind)
    assert len(inner) > parts_module._FIRST_REACH
    payloads = [inner, HTML, HTML + bytes(500), b"x" + inner, HTML + b"z"]
    records = [
        record(f"http://example.org/{i}.html", response(payload, "text/html"))
        for i, payload in enumerate(payloads)
    ]
    path = tmp_path / "a.warc"
    path.write_bytes(b"".join(stored(each) if kind == "members" else each for each in records))
    whole = read(path, LIMIT)
    assert pages(whole) == [f"/{i}.html"[-6:] for i in range(5)]
    for part_bytes in (200_000, 333_333, len(inner) + 7):
        assert joined(path, part_bytes) == whole


def test_forgeries_lie_open_in_the_file(tmp_path: Path) -> None:
    """The test above means something: the inner members can be seen in the outer file."""
    inner = forged(1, 300, 5_000, "members")
    path = tmp_path / "a.warc.gz"
    path.write_bytes(stored(record("http://e.org/", response(inner, "text/html"))))
    with open_view(str(path)) as view:
        naive = parts_module.next_member(view, parts_module.Format.WARC, len(inner) // 2)
        assert naive is not None
        assert first_position(view, parts_module.Format.WARC, len(inner) // 2) is None


def test_archives_glued_from_two_kinds(tmp_path: Path) -> None:
    """Long after its first members an archive goes on with members of several records."""
    records = random_pages(8, 30)
    single = [gzip.compress(each, mtime=0) for each in records[:20]]
    several = [gzip.compress(b"".join(records[i : i + 5]), mtime=0) for i in (20, 25)]
    last = gzip.compress(page_record(99), mtime=0)
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"".join([*single, *several, last]))
    items = read(path, LIMIT)
    assert pages(items) == [f"/{n}.html"[-6:] for n in (*range(30), 99)]
    start = sum(len(each) for each in single)
    assert [item.offset for item in items[20:25]] == [place(start, i) for i in range(5)]
    assert [item.offset for item in items[20:21]] == [start]
    with ArchiveReader(str(path)) as reader:
        for item in items:
            assert not isinstance(item, Damage)
            assert reader.body(item.offset, LIMIT) == item.body
    for part_bytes in (1_000, 20_000):
        assert joined(path, part_bytes) == items
