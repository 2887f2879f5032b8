"""Is a shard whole, verified and the same, whatever goes wrong on the way?"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shards import aside, write
from shards.sample import Sample
from shards.write import SCHEMA, n_shards_for, shard_of, write_regions_shard, write_shard

FILES = ["00000.parquet", "00000.tar", "00000_stats.json"]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_three_files_hold_the_samples(tmp_path: Path, make_samples) -> None:
    samples = make_samples(7)
    info = write_shard(tmp_path, "00000", samples)
    assert list(contents(tmp_path)) == FILES
    with tarfile.open(tmp_path / "00000.tar") as tar:
        members = [(m.name, tar.extractfile(m).read()) for m in tar]
    assert members == [
        member
        for s in samples
        for member in (
            (f"{s.key}.{s.extension}", s.image),
            (f"{s.key}.txt", s.text.encode()),
            (f"{s.key}.json", s.record.encode()),
        )
    ]
    table = pq.read_table(tmp_path / "00000.parquet")
    assert table.schema.equals(SCHEMA)
    for row, s in zip(table.to_pylist(), samples, strict=True):
        record = json.loads(s.record)
        assert (row["key"], row["text"], row["record"]) == (s.key, s.text, s.record)
        assert (row["extension"], row["n_bytes"]) == (s.extension, len(s.image))
        assert (row["width_px"], row["sha256"]) == (record["width_px"], record["sha256"])
        assert row["page_url"] is None
    stats = json.loads((tmp_path / "00000_stats.json").read_bytes())
    assert stats["n_samples"] == info.n_samples == 7
    assert sum(stats["extensions"].values()) == 7
    assert stats["words"] == sum(len(s.text.split()) for s in samples)


def test_the_info_describes_the_files(tmp_path: Path, make_samples) -> None:
    samples = make_samples(5)
    info = write_shard(tmp_path, "00012", samples)
    for name, n_bytes, sha256 in [
        (info.name, info.n_bytes, info.sha256),
        *((c.name, c.n_bytes, c.sha256) for c in info.companions),
    ]:
        data = (tmp_path / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (n_bytes, sha256)
    assert (info.stem, info.first_key, info.last_key) == ("00012", samples[0].key, samples[-1].key)


def test_same_samples_same_bytes(tmp_path: Path, make_samples) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = write_shard(tmp_path / "a", "00000", make_samples(9))
    assert first == write_shard(tmp_path / "b", "00000", iter(make_samples(9)))
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_an_empty_shard_is_a_shard(tmp_path: Path) -> None:
    info = write_shard(tmp_path, "00000", [])
    assert (info.n_samples, info.first_key, info.last_key) == (0, "", "")
    assert list(contents(tmp_path)) == FILES
    assert pq.read_table(tmp_path / "00000.parquet").num_rows == 0


@pytest.mark.parametrize("order", [[1, 0], [0, 0], [0, 2, 1]])
def test_keys_must_rise(order: list[int], tmp_path: Path, make_samples) -> None:
    samples = make_samples(3)
    with pytest.raises(ValueError, match="keys must rise"):
        write_shard(tmp_path, "00000", [samples[i] for i in order])
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"extension": "pkl"}, "'pkl' is not an image extension"),
        ({"extension": "txt"}, "'txt' is not an image extension"),
        ({"key": "a.b"}, "sample key 'a.b'"),
        ({"record": "[1]"}, "not a JSON object"),
        ({"record": "{"}, "Expecting"),
        ({"text": "x" * (2**20 + 1)}, "bytes of txt"),
    ],
)
def test_what_readers_refuse_is_not_written(
    fields: dict[str, str], match: str, tmp_path: Path
) -> None:
    sample = {"key": "a", "image": b"x", "extension": "jpg", "text": "t", "record": "{}"} | fields
    with pytest.raises(ValueError, match=match):
        write_shard(tmp_path, "00000", [Sample(**sample)])
    assert contents(tmp_path) == {}


def test_regions_shards_hold_npz_members(tmp_path: Path) -> None:
    info = write_regions_shard(tmp_path, "00000", [("a", b"one"), ("b", b"two")])
    assert (info.n_samples, info.first_key, info.last_key) == (2, "a", "b")
    with tarfile.open(tmp_path / "00000.tar") as tar:
        assert tar.getnames() == ["a.regions.npz", "b.regions.npz"]


# --- the failures under which a distributed sink must not lie -------------------------------------


def test_a_failed_rename_is_an_error_and_leaves_nothing(
    tmp_path: Path, make_samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path, target: Path) -> Path:
        raise PermissionError(f"no rename to {target}")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(PermissionError):
        write_shard(tmp_path, "00000", make_samples(3))
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("stale", [None, b"stale"])
def test_a_rename_that_only_says_it_succeeded_is_an_error(
    stale: bytes | None, tmp_path: Path, make_samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    if stale:
        (tmp_path / "00000.tar").write_bytes(stale)
    monkeypatch.setattr(Path, "replace", lambda _, target: target)
    with pytest.raises(OSError, match=r"00000\.tar"):
        write_shard(tmp_path, "00000", make_samples(3))


def test_a_completed_retry_changes_nothing(tmp_path: Path, make_samples) -> None:
    first = write_shard(tmp_path, "00000", make_samples(3))
    before = contents(tmp_path)
    assert write_shard(tmp_path, "00000", make_samples(3)) == first
    assert contents(tmp_path) == before


def test_a_partial_move_is_completed_by_the_retry(
    tmp_path: Path, make_samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def only_archives(path: Path, target: Path) -> Path:
        if target.suffix != ".tar":
            raise OSError("disk full")
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", only_archives)
        with pytest.raises(OSError, match="disk full"):
            write_shard(tmp_path, "00000", make_samples(3))
    assert list(contents(tmp_path)) == ["00000.tar"]
    write_shard(tmp_path, "00000", make_samples(3))
    assert list(contents(tmp_path)) == FILES


def test_a_stale_destination_is_replaced(tmp_path: Path, make_samples) -> None:
    write_shard(tmp_path, "00000", make_samples(5, seed=1))
    info = write_shard(tmp_path, "00000", make_samples(3))
    data = (tmp_path / "00000.tar").read_bytes()
    assert hashlib.sha256(data).hexdigest() == info.sha256
    assert pq.read_table(tmp_path / "00000.parquet").num_rows == 3


def test_a_missing_file_is_an_error(
    tmp_path: Path, make_samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def lose(path: Path, target: Path) -> Path:
        path.unlink()
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", lose)
    with pytest.raises(FileNotFoundError):
        write_shard(tmp_path, "00000", make_samples(3))
    assert contents(tmp_path) == {}


def test_a_disk_that_changes_bytes_is_found_before_the_rename(
    tmp_path: Path, make_samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = aside.xxh3_of

    def flip(path: Path) -> str:
        data = bytearray(path.read_bytes())
        data[600] ^= 1
        path.write_bytes(data)
        return read(path)

    monkeypatch.setattr(aside, "xxh3_of", flip)
    with pytest.raises(OSError, match=r"sha256 [0-9a-f]{64}, read back .* sha256 [0-9a-f]{64}"):
        write_shard(tmp_path, "00000", make_samples(3))
    assert contents(tmp_path) == {}


def test_samples_that_cannot_be_read_back_are_an_error(
    tmp_path: Path, make_samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes may be as intended and still not be all the samples."""
    real, lost = write.entry, make_samples(3)[1].key
    monkeypatch.setattr(write, "entry", lambda key, b: b"" if key == lost else real(key, b))
    with pytest.raises(OSError, match="wrote 3 samples, read back 2"):
        write_shard(tmp_path, "00000", make_samples(3))
    assert contents(tmp_path) == {}


def test_short_writes_are_continued(
    tmp_path: Path, make_samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    os_write = os.write
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    write_shard(tmp_path / "a", "00000", make_samples(3))
    monkeypatch.setattr(os, "write", lambda fd, data: os_write(fd, data[:100]))
    write_shard(tmp_path / "b", "00000", make_samples(3))
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_two_writers_of_one_shard_do_not_disturb_each_other(tmp_path: Path, make_samples) -> None:
    samples = make_samples(40)

    def slowly() -> Iterator[Sample]:
        for sample in samples:
            time.sleep(0.0005)
            yield sample

    with ThreadPoolExecutor(4) as pool:
        infos = list(pool.map(lambda _: write_shard(tmp_path, "00000", slowly()), range(4)))
    assert len(set(infos)) == 1
    assert list(contents(tmp_path)) == FILES
    data = (tmp_path / "00000.tar").read_bytes()
    assert hashlib.sha256(data).hexdigest() == infos[0].sha256


KILLED = """
import hashlib, sys
from pathlib import Path
from shards.sample import Sample
from shards.write import write_shard

def samples():
    images = [bytes([i % 251]) * (30_000 + i) for i in range(400)]
    pairs = sorted((hashlib.sha256(image).hexdigest()[:32], image) for image in images)
    for key, image in pairs:
        yield Sample(key=key, image=image, extension="jpg", text="t", record="{}")

print("go", flush=True)
while True:
    write_shard(Path(sys.argv[1]), "00000", samples())
    if len(sys.argv) > 2:
        break
"""


def test_a_killed_writer_never_leaves_a_part_under_the_final_name(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    subprocess.run([sys.executable, "-c", KILLED, whole, "once"], check=True, capture_output=True)
    killed = tmp_path / "killed"
    killed.mkdir()
    for delay_s in (0.01, 0.05, 0.09, 0.2):
        process = subprocess.Popen([sys.executable, "-c", KILLED, killed], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        for name, data in contents(killed).items():
            assert name.startswith(".") or data == (whole / name).read_bytes(), (name, delay_s)
    subprocess.run([sys.executable, "-c", KILLED, killed, "once"], check=True, capture_output=True)
    assert {n: d for n, d in contents(killed).items() if n[0] != "."} == contents(whole)


# --- which shard ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "per_shard", "n_shards"), [(0, 10, 1), (1, 10, 1), (10, 10, 1), (11, 10, 2)]
)
def test_number_of_shards(count: int, per_shard: int, n_shards: int) -> None:
    assert n_shards_for(count, per_shard) == n_shards


hex_keys = st.text("0123456789abcdef", min_size=32, max_size=32)


@given(keys=st.lists(hex_keys, min_size=2, max_size=20), n_shards=st.integers(1, 10**6))
def test_shards_are_contiguous_ranges_of_keys(keys: list[str], n_shards: int) -> None:
    shards = [shard_of(key, n_shards) for key in sorted(keys)]
    assert shards == sorted(shards)
    assert 0 <= shards[0] <= shards[-1] < n_shards


def test_shards_are_even() -> None:
    n_shards, n_keys = 8, 8000
    counts = [0] * n_shards
    for i in range(n_keys):
        counts[shard_of(hashlib.sha256(str(i).encode()).hexdigest()[:32], n_shards)] += 1
    assert min(counts) > 880
    assert max(counts) < 1120


def test_the_ends_of_the_key_space() -> None:
    assert shard_of("0" * 32, 7) == 0
    assert shard_of("f" * 32, 7) == 6
