"""Does training get exactly the samples that were written, from verified files only?"""

import io
import os
import pickle
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shards import archives
from shards.archives import Archives
from shards.aside import file_info
from shards.manifest import Manifest, RegionsInfo, begin, write_manifest
from shards.read import RegionsReader, ShardReader, torch_loader
from shards.sample import Sample
from shards.tar import ending, entry
from shards.write import write_regions_shard


def test_every_sample_is_what_was_written(tmp_path: Path, make_samples, make_set) -> None:
    samples = make_samples(30)
    manifest = make_set(tmp_path / "shards", samples)
    with ShardReader(tmp_path) as reader:
        assert len(reader) == 30
        assert reader.manifest == manifest
        order = np.random.default_rng(0).permutation(30)
        assert [reader.sample(i) for i in order] == [samples[i] for i in order]
        assert [reader.key(i) for i in range(30)] == [sample.key for sample in samples]
        assert [reader.find(sample.key) for sample in samples] == list(range(30))


def test_empty_shards_are_passed_over(tmp_path: Path, make_samples, make_set) -> None:
    samples = make_samples(5)
    manifest = make_set(tmp_path, samples, per_shard=1)
    assert 0 in [shard.n_samples for shard in manifest.shards]
    with ShardReader(tmp_path) as reader:
        assert [reader.sample(i) for i in range(5)] == samples
        assert [reader.find(sample.key) for sample in samples] == list(range(5))


@pytest.mark.parametrize("key", ["0" * 32, "f" * 32, "8" * 32, "", "é", "f" * 32 + "f"])
def test_unknown_keys_are_not_found(key: str, tmp_path: Path, make_samples, make_set) -> None:
    make_set(tmp_path, make_samples(9), per_shard=2)
    with ShardReader(tmp_path) as reader:
        assert reader.find(key) is None


@pytest.mark.parametrize("i", [-1, 9, 10**9])
def test_indices_beyond_the_set_are_errors(i: int, tmp_path: Path, make_samples, make_set) -> None:
    make_set(tmp_path, make_samples(9))
    with ShardReader(tmp_path) as reader, pytest.raises(IndexError, match="of 9"):
        reader.sample(i)


def test_a_set_of_nothing_is_empty(tmp_path: Path, make_set) -> None:
    make_set(tmp_path, [])
    with ShardReader(tmp_path) as reader:
        assert len(reader) == 0
        assert reader.find("a") is None


# --- damage and malice ----------------------------------------------------------------------------


def test_a_flipped_bit_is_named_before_anything_is_read(
    tmp_path: Path, make_samples, make_set
) -> None:
    samples = make_samples(9)
    manifest = make_set(tmp_path, samples, per_shard=20)
    path = tmp_path / "00000.tar"
    data = bytearray(path.read_bytes())
    at = data.index(samples[4].image)
    data[at + 9] ^= 1
    path.write_bytes(data)
    found = file_info(path, path.name).sha256
    with ShardReader(tmp_path) as reader, pytest.raises(ValueError, match=r"00000\.tar") as caught:
        reader.sample(0)
    message = str(caught.value)
    assert f"offset {at} " in message
    assert found in message
    assert manifest.shards[0].sha256 in message


def test_shards_are_hashed_once(
    tmp_path: Path, make_samples, make_set, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_set(tmp_path, make_samples(30), per_shard=10)
    hashed: list[str] = []
    digest = archives.hashlib.file_digest
    monkeypatch.setattr(
        archives.hashlib, "file_digest", lambda *a: hashed.append("x") or digest(*a)
    )
    monkeypatch.setattr(archives, "MAX_OPEN_FILES", 1)
    with ShardReader(tmp_path) as reader:
        for _ in range(3):
            for i in range(30):
                reader.sample(i)
        assert len(hashed) == len(reader.manifest.shards) > 2


def test_a_file_replaced_behind_a_closed_handle_is_hashed_again(
    tmp_path: Path, make_samples, make_set, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_set(tmp_path, make_samples(30), per_shard=10)
    monkeypatch.setattr(archives, "MAX_OPEN_FILES", 1)
    with ShardReader(tmp_path) as reader:
        reader.sample(0)
        reader.sample(29)
        path = tmp_path / "00000.tar"
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data[:600] + b"!" + data[601:])
        with pytest.raises(ValueError, match="the manifest says"):
            reader.sample(0)


def test_few_files_are_open_at_once(
    tmp_path: Path, make_samples, make_set, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_set(tmp_path, make_samples(12), per_shard=1)
    monkeypatch.setattr(archives, "MAX_OPEN_FILES", 4)
    before = len(os.listdir("/proc/self/fd"))
    with ShardReader(tmp_path) as reader:
        for i in range(12):
            reader.sample(i)
        assert len(os.listdir("/proc/self/fd")) <= before + 4
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_missing_shard_is_named(tmp_path: Path, make_samples, make_set) -> None:
    make_set(tmp_path, make_samples(9))
    (tmp_path / "00001.tar").unlink()
    with ShardReader(tmp_path) as reader, pytest.raises(ValueError, match=r"00001\.tar .*missing"):
        [reader.sample(i) for i in range(9)]


def test_a_shard_cut_while_it_is_read_is_an_error(tmp_path: Path, make_samples, make_set) -> None:
    make_set(tmp_path, make_samples(3))
    with ShardReader(tmp_path) as reader:
        reader.sample(0)
        os.truncate(tmp_path / "00000.tar", 600)
        with pytest.raises(ValueError, match=r"00000\.tar, offset \d+: \d+ of \d+ bytes"):
            reader.sample(2)


def forge(folder: Path, manifest: Manifest, data: bytes) -> None:
    """Puts an archive in the place of the set's first one, and a manifest that vouches for it."""
    (folder / "00000.tar").write_bytes(data)
    info = file_info(folder / "00000.tar", "00000.tar")
    shard = replace(manifest.shards[0], n_bytes=info.n_bytes, sha256=info.sha256, companions=())
    begin(folder)
    write_manifest(folder, replace(manifest, shards=(shard, *manifest.shards[1:])))


class Payload:
    """Unpickling this makes a marker file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (str(self.marker), "w")


@pytest.mark.parametrize("extension", ["pkl", "pickle", "pyd", "jpg.pkl", "npy", "pth"])
def test_pickles_are_refused_and_never_run(
    extension: str, tmp_path: Path, make_samples, make_set
) -> None:
    manifest = make_set(tmp_path / "set", make_samples(1))
    marker = tmp_path / "marker"
    payload = pickle.dumps(Payload(marker))
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        info = tarfile.TarInfo(f"a.{extension}")
        info.size = len(payload)
        tar.addfile(info, io.BytesIO(payload))
    forge(tmp_path / "set", manifest, out.getvalue())
    with ShardReader(tmp_path / "set") as reader, pytest.raises(ValueError, match="not allowed"):
        reader.sample(0)
    assert not marker.exists()
    pickle.loads(payload).close()
    assert marker.exists(), "the payload itself must work, or this test shows nothing"


@pytest.mark.parametrize(
    ("bodies", "match"),
    [
        ([("jpg", b"x"), ("txt", b"x")], "it must have an image, txt and json"),
        ([("txt", b"x"), ("json", b"x")], "it must have"),
        ([("jpg", b"x"), ("json", b"x"), ("txt", b"x")], "in this order"),
        ([("jpg", b"x"), ("png", b"x"), ("txt", b"x"), ("json", b"x")], "it must have"),
        ([("regions.npz", b"x")], "it must have"),
    ],
)
def test_incomplete_samples_are_refused(
    bodies: list[tuple[str, bytes]], match: str, tmp_path: Path, make_samples, make_set
) -> None:
    manifest = make_set(tmp_path, make_samples(1))
    data = entry("a", bodies)
    forge(tmp_path, manifest, data + ending(len(data)))
    with ShardReader(tmp_path) as reader, pytest.raises(ValueError, match=match):
        reader.sample(0)


def test_a_manifest_that_miscounts_is_refused(tmp_path: Path, make_samples, make_set) -> None:
    manifest = make_set(tmp_path, make_samples(3))
    data = entry("a", [("jpg", b"x"), ("txt", b"x"), ("json", b"x")])
    forge(tmp_path, manifest, data + ending(len(data)))
    with ShardReader(tmp_path) as reader, pytest.raises(ValueError, match=r"1 samples, .* says 3"):
        reader.sample(0)


def test_keys_that_do_not_rise_are_refused(tmp_path: Path, make_samples, make_set) -> None:
    manifest = make_set(tmp_path, make_samples(2))
    bodies = [("jpg", b"x"), ("txt", b"x"), ("json", b"x")]
    data = entry("b", bodies) + entry("a", bodies)
    forge(tmp_path, manifest, data + ending(len(data)))
    with ShardReader(tmp_path) as reader, pytest.raises(ValueError, match="keys must rise"):
        reader.sample(0)


def test_pipes_are_refused(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    with pytest.raises(ValueError, match="pipe:"):
        ShardReader(Path(f"pipe:touch {marker}"))
    assert not marker.exists()


# --- regions --------------------------------------------------------------------------------------


@pytest.fixture
def regions_set(tmp_path: Path) -> Path:
    folder = tmp_path / "regions"
    folder.mkdir()
    shards = (
        write_regions_shard(folder, "00000", [("a", b"one"), ("b", b"two")]),
        write_regions_shard(folder, "00001", []),
        write_regions_shard(folder, "00002", [("c", b"three")]),
    )
    info = RegionsInfo(detector="x", feature_dim=1, class_names=("c",), source_digest="d")
    manifest = Manifest(
        kind="regions",
        config_hash="",
        code_version="",
        shards=shards,
        seen=3,
        kept=3,
        regions=info,
    )
    write_manifest(folder, manifest)
    return folder


def test_regions_are_found_by_key(regions_set: Path) -> None:
    with RegionsReader(regions_set) as reader:
        assert len(reader) == 3
        assert [reader.npz(key) for key in "cab"] == [b"three", b"one", b"two"]
        with pytest.raises(KeyError):
            reader.npz("bb")
        assert reader.manifest.regions is not None


def test_samples_and_regions_are_not_mistaken(regions_set: Path, tmp_path: Path, make_set) -> None:
    with pytest.raises(ValueError, match="holds regions, samples are needed here"):
        ShardReader(regions_set)
    make_set(tmp_path / "samples", [])
    with pytest.raises(ValueError, match="holds samples, regions are needed here"):
        RegionsReader(tmp_path / "samples")


# --- the torch loader -----------------------------------------------------------------------------


def keys_of(samples: list[Sample]) -> list[str]:
    return [sample.key for sample in samples]


@pytest.mark.parametrize("n_workers", [0, 1, 2])
def test_workers_do_not_change_the_order(
    n_workers: int, tmp_path: Path, make_samples, make_set
) -> None:
    make_set(tmp_path, make_samples(23))
    with ShardReader(tmp_path) as reader:
        loader = torch_loader(
            reader,
            keys_of,
            position=reader.start(seed=5),
            rank=0,
            world_size=1,
            batch_size_per_rank=4,
            end_epoch=2,
            n_workers=n_workers,
        )
        batches = list(loader)
        from shards.order import order

        expected = [
            reader.key(int(i)) for e in (0, 1) for i in order(5, e, reader.manifest.digest, 23)
        ]
    assert [key for batch in batches for key in batch.value] == expected
    assert [batch.n_global for batch in batches] == [4] * 11 + [2]


def test_a_run_resumes_with_other_ranks_and_workers(tmp_path: Path, make_samples, make_set) -> None:
    make_set(tmp_path, make_samples(23))
    with ShardReader(tmp_path) as reader:

        def run(position, world_size: int, n_workers: int, n_steps: int):
            """(ids of n_steps global steps, the position after them)"""
            ranks = [
                iter(
                    torch_loader(
                        reader,
                        keys_of,
                        position=position,
                        rank=rank,
                        world_size=world_size,
                        batch_size_per_rank=2,
                        n_workers=n_workers,
                    )
                )
                for rank in range(world_size)
            ]
            keys = []
            for _ in range(n_steps):
                for rank in ranks:
                    batch = next(rank)
                    keys += batch.value
                position = batch.position
            return keys, position

        expected, end = run(reader.start(seed=1), 1, 0, 24)
        first, position = run(reader.start(seed=1), 3, 1, 4)  # the workers have read further ahead
        then, position = run(position, 2, 0, 3)
        last, position = run(position, 1, 2, 6)
    assert first + then + last == expected
    assert position == end
    assert set(expected[:23]) == {sample.key for sample in make_samples(23)}


def test_a_loader_refuses_the_position_of_another_set(
    tmp_path: Path, make_samples, make_set
) -> None:
    make_set(tmp_path / "a", make_samples(5))
    make_set(tmp_path / "b", make_samples(5, seed=1))
    with (
        ShardReader(tmp_path / "a") as a,
        ShardReader(tmp_path / "b") as b,
        pytest.raises(ValueError, match="belongs to the shard set"),
    ):
        torch_loader(b, keys_of, position=a.start(0), rank=0, world_size=1, batch_size_per_rank=1)


def test_readers_travel_to_other_processes(tmp_path: Path, make_samples, make_set) -> None:
    samples = make_samples(5)
    make_set(tmp_path, samples)
    with ShardReader(tmp_path) as reader:
        reader.sample(0)
        with pickle.loads(pickle.dumps(reader)) as copy:
            assert copy.sample(4) == samples[4]


@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(0, 5), min_size=1, max_size=8))
def test_any_shard_sizes(sizes: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    from shards.write import write_shard

    folder = tmp_path_factory.mktemp("set")
    n_total = sum(sizes)
    samples = [
        Sample(key=f"{i:032x}", image=b"x" * i, extension="png", text=str(i), record="{}")
        for i in range(n_total)
    ]
    starts = np.cumsum([0, *sizes])
    shards = tuple(
        write_shard(folder, f"{n:05d}", samples[starts[n] : starts[n] + size])
        for n, size in enumerate(sizes)
    )
    write_manifest(
        folder,
        Manifest(config_hash="", code_version="", shards=shards, seen=n_total, kept=n_total),
    )
    reader = Archives(folder, kind="samples")
    for i in range(n_total):
        shard, row = reader.locate(i)
        assert (starts[shard] + row, reader.find(samples[i].key)) == (i, i)
    reader.close()
    with ShardReader(folder) as whole:
        assert [whole.sample(i) for i in range(n_total)] == samples


def test_reading_needs_no_torch() -> None:
    code = "import sys, shards.read, shards.pack, shards.verify; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
