"""Is every changed, missing or surplus byte of a set found and named?"""

import hashlib
from pathlib import Path

import pytest

from shards.manifest import listed_files, read_manifest
from shards.sample import Sample
from shards.verify import Problem, total_bytes, verify


@pytest.fixture
def folder(tmp_path: Path, make_samples, make_set) -> Path:
    make_set(tmp_path, make_samples(12))
    return tmp_path


def test_a_whole_set_has_no_problems(folder: Path) -> None:
    seen: list[int] = []
    assert verify(folder, seen.append) == []
    assert sum(seen) == total_bytes(folder)


def test_every_byte_counts(folder: Path) -> None:
    for file in listed_files(read_manifest(folder).shards):
        path = folder / file.name
        whole = path.read_bytes()
        for at in range(0, len(whole), len(whole) // 5):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
            (problem,) = verify(folder)
            assert (problem.file, problem.kind) == (file.name, "changed")
            assert file.sha256 in problem.detail
            assert hashlib.sha256(path.read_bytes()).hexdigest() in problem.detail
        path.write_bytes(whole)


def test_missing_and_surplus_files_are_named(folder: Path) -> None:
    (folder / "00001.tar").unlink()
    (folder / "00009.tar").write_bytes(b"")
    (folder / ".00001.tar.0a1b.tmp").write_bytes(b"")
    (folder / "README.md").write_bytes(b"cards are not shards")
    assert [(p.file, p.kind) for p in verify(folder)] == [
        ("00001.tar", "missing"),
        (".00001.tar.0a1b.tmp", "extra"),
        ("00009.tar", "extra"),
    ]
    assert isinstance(verify(folder)[0], Problem)


def test_a_shorter_archive_is_told_by_its_length(folder: Path) -> None:
    path = folder / "00000.tar"
    n_bytes = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-1])
    (problem,) = verify(folder)
    assert f"{n_bytes - 1} bytes, {n_bytes} expected" in problem.detail


@pytest.mark.parametrize("part", ["image", "text", "record"])
def test_the_damaged_member_is_named(part: str, folder: Path, make_samples) -> None:
    path = folder / "00001.tar"
    whole = path.read_bytes()
    samples: list[Sample] = make_samples(12)
    sample = next(s for s in reversed(samples) if s.key.encode() in whole)
    body = getattr(sample, part)
    body = body if isinstance(body, bytes) else body.encode()
    at = whole.index(body) + 5
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
    (problem,) = verify(folder)
    member = {"image": sample.extension, "text": "txt", "record": "json"}[part]
    assert f"offset {at - 5} (in {sample.key}.{member})" in problem.detail


def test_a_damaged_header_is_named(folder: Path) -> None:
    path = folder / "00001.tar"
    data = bytearray(path.read_bytes())
    data[130] ^= 1
    path.write_bytes(data)
    (problem,) = verify(folder)
    assert "offset 0: header checksum" in problem.detail


def test_no_manifest_no_verdict(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    with pytest.raises(ValueError, match="not a finished shard set"):
        verify(folder)
