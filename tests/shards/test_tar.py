"""Are archives written as the standard library would, and is every hostile archive refused?"""

import io
import os
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from shards.tar import BLOCK, Member, ending, entries, entry, header, members

KEY = "0123456789abcdef0123456789abcdef"
BODIES = [("jpg", b"\xff\xd8" + b"x" * 1000), ("txt", "a猫".encode()), ("json", b"{}" * 256)]


def archive(*pieces: bytes) -> bytes:
    data = b"".join(pieces)
    return data + ending(len(data))


def stdlib(*infos: tarfile.TarInfo, form: int = tarfile.USTAR_FORMAT) -> bytes:
    """An archive by the standard library; each member's body is as many `x` as its size says."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for info in infos:
            tar.addfile(info, io.BytesIO(b"x" * info.size))
    return out.getvalue()


def info(name: str, size: int = 10, **fields: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size = size
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def walk(tmp_path: Path, data: bytes) -> list[Member]:
    path = tmp_path / "00007.tar"
    path.write_bytes(data)
    fd = os.open(path, os.O_RDONLY)
    try:
        return [member for _, group in entries(fd, path.name) for member in group.values()]
    finally:
        os.close(fd)


def test_bytes_are_those_of_the_standard_library() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for extension, body in BODIES:
            tar.addfile(info(f"{KEY}.{extension}", len(body)), io.BytesIO(body))
    assert archive(entry(KEY, BODIES)) == out.getvalue()


def test_what_is_written_is_found(tmp_path: Path) -> None:
    data = archive(entry(KEY, BODIES), entry("z" * 64, [("regions.npz", b"")]))
    found = walk(tmp_path, data)
    bodies = [(m.key, m.extension, data[m.offset : m.offset + m.n_bytes]) for m in found]
    assert bodies == [
        *((KEY, extension, body) for extension, body in BODIES),
        ("z" * 64, "regions.npz", b""),
    ]


def test_an_empty_archive_has_no_members(tmp_path: Path) -> None:
    assert walk(tmp_path, archive()) == []


def test_plain_archives_of_others_are_read(tmp_path: Path) -> None:
    data = stdlib(info("a.jpg", mtime=1_700_000_000, mode=0o600, uname="me"))
    assert [member.key for member in walk(tmp_path, data)] == ["a"]
    gnu = stdlib(info("a.jpg"), form=tarfile.GNU_FORMAT)
    assert [member.key for member in walk(tmp_path, gnu)] == ["a"]


@pytest.mark.parametrize("key", ["", "a.b", "a/b", "..", "ä", "a" * 65, "a\0b", "a b"])
def test_strange_keys_are_not_written(key: str) -> None:
    with pytest.raises(ValueError, match="sample key"):
        entry(key, BODIES)


@pytest.mark.parametrize("extension", ["pkl", "pickle", "pyd", "JPG", "", "cls", "npz", "tar"])
def test_strange_extensions_are_not_written(extension: str) -> None:
    with pytest.raises(ValueError, match="not allowed"):
        entry(KEY, [(extension, b"x")])


def test_oversized_bodies_are_not_written() -> None:
    with pytest.raises(ValueError, match="1048577 bytes of txt, at most 1048576"):
        entry(KEY, [("txt", bytes(2**20 + 1))])


GOOD = info("good.jpg")
ATTACKS = {
    "parent": stdlib(GOOD, info("../evil.jpg")),
    "absolute": stdlib(GOOD, info("/etc/evil.jpg")),
    "folder in the name": stdlib(GOOD, info("a/evil.jpg")),
    "prefix": stdlib(GOOD, info("a" * 60 + "/" + "b" * 60 + ".jpg")),
    "symbolic link": stdlib(GOOD, info("a.jpg", 0, type=tarfile.SYMTYPE, linkname="/etc/passwd")),
    "hard link": stdlib(GOOD, info("a.jpg", 0, type=tarfile.LNKTYPE, linkname="good.jpg")),
    "regular file with a link target": stdlib(GOOD, info("a.jpg", linkname="/etc/passwd")),
    "device": stdlib(GOOD, info("a.jpg", 0, type=tarfile.CHRTYPE, devmajor=1, devminor=3)),
    "pipe": stdlib(GOOD, info("a.jpg", 0, type=tarfile.FIFOTYPE)),
    "folder": stdlib(GOOD, info("a.jpg", 0, type=tarfile.DIRTYPE)),
    "contiguous": stdlib(GOOD, info("a.jpg", type=tarfile.CONTTYPE)),
    "sparse": stdlib(GOOD, info("a.jpg", type=tarfile.GNUTYPE_SPARSE)),
    "PAX path": stdlib(
        GOOD, info("a.jpg", pax_headers={"path": "../evil.jpg"}), form=tarfile.PAX_FORMAT
    ),
    "PAX size": stdlib(GOOD, info("a.jpg", pax_headers={"size": "9"}), form=tarfile.PAX_FORMAT),
    "GNU long name": stdlib(GOOD, info("a" * 120 + ".jpg"), form=tarfile.GNU_FORMAT),
    "no extension": stdlib(GOOD, info("a")),
    "dot in the key": stdlib(GOOD, info("a.b.jpg")),
    "hidden": stdlib(GOOD, info(".jpg")),
    "upper case": stdlib(GOOD, info("a.JPG")),
    "no ASCII": stdlib(GOOD, info("ä.jpg")),
    "pkl": stdlib(GOOD, info("a.pkl")),
    "pickle": stdlib(GOOD, info("a.pickle")),
    "pyd": stdlib(GOOD, info("a.pyd")),
    "second pickle extension": stdlib(GOOD, info("a.jpg.pkl")),
    "same member twice": stdlib(GOOD, GOOD),
    "same key again": stdlib(GOOD, info("b.jpg"), info("good.txt")),
    "ten gigabytes in base 256": stdlib(GOOD)[:1024]
    + stdlib(info("a.jpg", 0))[:124]
    + b"\x80\0\0\0\0\0\0\2\x54\x0b\xe4\0"
    + bytes(376),
    "eight gigabytes": archive(entry("good", BODIES[:1]), header(b"a.jpg", 8**11 - 1)),
    "text of two megabytes": archive(entry("good", BODIES[:1]), header(b"a.txt", 2**21)),
    "flipped bit in a header": archive(
        entry("good", BODIES[:1]), bytes([entry("a", BODIES[:1])[0] ^ 1]), entry("a", BODIES)[1:]
    ),
    "wrong magic": archive(entry("good", BODIES[:1]), b"a.jpg".ljust(BLOCK, b"\0")),
    "no tar at all": b"\x89PNG" + bytes(2000),
    "empty file": b"",
    "bytes after the end": archive(entry("good", BODIES[:1])) + b"PK",
    "bytes hidden in the end": archive(entry("good", BODIES[:1]))[:-1] + b"!",
    "megabytes of end": archive(entry("good", BODIES[:1])) + bytes(2**21),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_are_refused_with_shard_and_offset(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^shard 00007\.tar, offset \d+: ") as caught:
        walk(tmp_path, ATTACKS[name])
    offset = int(re.findall(r"offset (\d+)", str(caught.value))[0])
    # All attacks but two begin after the first, good member.
    assert offset > 0 or name in ("no tar at all", "empty file")


REASONS: dict[str, str] = {
    "symbolic link": "regular files",
    "hard link": "regular files",
    "device": "regular files",
    "sparse": "regular files",
    "PAX path": "regular files",
    "prefix": "path prefix",
    "parent": "member name",
    "pickle": "not allowed",
    "pyd": "not allowed",
    "ten gigabytes in base 256": "checksum|octal",
    "eight gigabytes": "at most",
    "text of two megabytes": "at most 1048576",
    "flipped bit in a header": "checksum",
    "same member twice": "duplicate member good.jpg",
    "same key again": "duplicate key good.txt",
}


@pytest.mark.parametrize("name", REASONS)
def test_attacks_are_refused_for_their_reason(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=REASONS[name]):
        walk(tmp_path, ATTACKS[name])


def test_base_256_sizes_are_refused_behind_a_right_checksum(tmp_path: Path) -> None:
    block = bytearray(header(b"a.jpg", 0))
    block[124:136] = b"\x80\0\0\0\0\0\0\2\x54\x0b\xe4\0"
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + sum(b" " * 8) + sum(block[156:]))
    with pytest.raises(ValueError, match="not an octal number"):
        walk(tmp_path, archive(bytes(block)))


def test_a_cut_archive_is_never_taken_for_whole(tmp_path: Path) -> None:
    whole = archive(entry("a", BODIES), entry("b", BODIES))
    end = len(entry("a", BODIES) + entry("b", BODIES)) + 2 * BLOCK
    for length in range(0, end, 61):
        with pytest.raises(ValueError, match=r"^shard 00007\.tar, offset \d+: trunc") as caught:
            walk(tmp_path, whole[:length])
        assert int(re.findall(r"offset (\d+)", str(caught.value))[0]) <= length
    assert len(walk(tmp_path, whole[:end])) == 6


def test_members_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies are skipped, not read: a header claims memory only for itself."""
    path = tmp_path / "big.tar"
    path.write_bytes(archive(entry("a", [("jpg", bytes(10**6))])))
    read: list[int] = []
    pread: Callable[[int, int, int], bytes] = os.pread

    def counting(fd: int, n_bytes: int, offset: int) -> bytes:
        read.append(n_bytes)
        return pread(fd, n_bytes, offset)

    monkeypatch.setattr(os, "pread", counting)
    with path.open("rb") as file:
        assert len(list(members(file.fileno(), "big.tar"))) == 1
    assert sum(read) < 20_000
