"""Are archives of Zstandard frames read whole, and damaged ones around the damage?"""

from pathlib import Path

import pytest
import zstandard

from crawl.sources import layout
from crawl.sources.parts import Part, parts
from crawl.sources.warc import ArchiveReader, check_archive
from crawl.sources.zstd_frames import DICTIONARY, FRAME, frame_end
from tests.crawl.sources.archives import (
    HTML,
    JPEG,
    damages,
    page_record,
    pages,
    read,
    record,
    write,
)
from tests.crawl.sources.archives import response as http

RECORDS = [page_record(n, HTML + b"%d" % n * 40) for n in range(30)]
RECORDS += [record("http://example.org/a.jpg", http(JPEG, "image/jpeg"))]
WORDS = zstandard.ZstdCompressionDict(b"".join(RECORDS[:9]))
"""What any bytes are: a dictionary without tables."""


def frames(records: list[bytes], **how: object) -> list[bytes]:
    compressor = zstandard.ZstdCompressor(level=9, **how)  # type: ignore[arg-type]
    return [compressor.compress(each) for each in records]


def dictionary_frame(content: bytes) -> bytes:
    return DICTIONARY + len(content).to_bytes(4, "little") + content


def trained() -> zstandard.ZstdCompressionDict:
    return zstandard.train_dictionary(4096, [b"%d" % n + r for n in range(9) for r in RECORDS[:30]])


def saved(tmp_path: Path, *pieces: bytes) -> Path:
    path = tmp_path / "a.warc.zst"
    path.write_bytes(b"".join(pieces))
    return path


@pytest.mark.parametrize("given", ["none", "raw", "trained", "compressed"])
def test_all_that_a_plain_archive_holds(tmp_path: Path, given: str) -> None:
    plain, offsets = write(tmp_path / "a.warc", RECORDS, "plain")
    used = {"none": None, "raw": WORDS}.get(given, trained())
    content = used.as_bytes() if used else b""
    if given == "compressed":
        content = zstandard.compress(content)
    start = [dictionary_frame(content)] if used else []
    path = saved(tmp_path, *start, *frames(RECORDS, dict_data=used, write_checksum=True))
    assert path.stat().st_size < plain.stat().st_size
    assert pages(read(path)) == pages(read(plain))
    assert len(read(path)) == len(RECORDS)
    assert list(parts(str(path), 100)) == [Part(file=str(path))]
    with ArchiveReader(str(path)) as reader:
        assert reader.body(offsets[-2], 10**6) == JPEG


def test_one_frame_of_many_records_and_frames_to_be_skipped(tmp_path: Path) -> None:
    skipped = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"abc"
    all_in_one = frames([b"".join(RECORDS[:20])])
    path = saved(tmp_path, *all_in_one, skipped, *frames(RECORDS[20:]), skipped)
    assert (len(read(path)), damages(read(path))) == (len(RECORDS), [])


def test_a_damaged_frame_costs_its_record_alone(tmp_path: Path) -> None:
    pieces = frames(RECORDS, write_checksum=True)
    pieces[4] = pieces[4][:-1] + bytes([pieces[4][-1] ^ 1])  # its checksum is wrong
    pieces[9] = b"\0" * len(pieces[9])
    found = read(saved(tmp_path, *pieces))
    assert len(pages(found)) >= 30 - 2
    assert pages(found)[-1] == "9.html"  # the last is number 29
    assert [reason for reason, _ in damages(found)].count("bad_gzip") == 2


def test_a_frame_cut_short_is_damage_at_the_end(tmp_path: Path) -> None:
    found = read(saved(tmp_path, b"".join(frames(RECORDS))[:-5]))
    assert len(pages(found)) == 30
    assert damages(found)


def test_a_bomb_fills_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "SPOOL_BYTES_LEAST", 2**20)
    monkeypatch.setattr(layout, "SPOOL_RATIO", 1)
    bomb = zstandard.compress(RECORDS[0] + b"\0" * 2**28)
    found = read(saved(tmp_path, bomb))
    assert len(bomb) < 2**20
    assert len(pages(found)) == 1
    assert any(reason == "bad_gzip" and offset < 2**21 for reason, offset in damages(found))


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="first Zstandard frame holds none"):
        check_archive(str(saved(tmp_path, *frames([b"Dear reader"]))))
    with pytest.raises(ValueError, match="dictionary of 99999 bytes"):
        check_archive(str(saved(tmp_path, DICTIONARY, (99_999).to_bytes(4, "little"), b"x")))
    with pytest.raises(ValueError, match="dictionary cannot be read"):
        check_archive(str(saved(tmp_path, dictionary_frame(FRAME + b"\xff" * 40))))


def test_the_end_of_a_frame_is_read_from_its_heads() -> None:
    for size in (0, 1, 1000, 10**6):
        for body in (b"a" * size, bytes(range(256)) * (size // 256)):
            for how in ({}, {"write_checksum": True}, {"write_content_size": False}):
                (frame,) = frames([body], **how)
                assert frame_end(b"xy" + frame + b"more", 2) == len(frame) + 2
                assert frame_end(frame[:-1], 0) is None
