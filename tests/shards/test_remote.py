"""Are sets in object stores read whole, verified, through a bounded cache, and put there safely?"""

from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest

from shards.manifest import read_manifest
from shards.order import order_in_blocks
from shards.push import push
from shards.read import RegionsReader, ShardReader, torch_loader
from shards.sample import Sample
from tests.shards.test_derive import with_regions

URL = "memory://bucket/set"


@pytest.fixture(autouse=True)
def memory() -> Iterator[object]:
    """An object store in this process, empty."""
    store = fsspec.filesystem("memory")
    store.store.clear()
    yield store
    store.store.clear()


@pytest.fixture
def folder(tmp_path: Path, make_samples, make_set) -> Path:
    make_set(tmp_path / "run" / "shards", make_samples(30))
    with_regions(tmp_path / "run", tmp_path / "run" / "regions")
    return tmp_path / "run"


@pytest.fixture
def samples(make_samples) -> list[Sample]:
    return make_samples(30)


def cached(cache: Path) -> int:
    return sum(path.stat().st_size for path in cache.rglob("[0-9]*") if path.is_file())


def test_what_was_pushed_is_read(folder: Path, samples, tmp_path: Path) -> None:
    push(folder, URL)
    push(folder / "regions", f"{URL}/regions")
    with ShardReader(URL, cache=tmp_path / "cache") as reader:
        assert [reader.sample(i) for i in range(30)] == samples
        assert reader.digest == read_manifest(folder).digest
    with RegionsReader(f"{URL}/regions", cache=tmp_path / "cache") as regions:
        assert regions.npz(samples[7].key) == f"grid {samples[7].key}".encode()


def test_the_cache_is_bounded_and_used(folder: Path, samples, tmp_path: Path, memory) -> None:
    push(folder, URL)
    most = 2 * max(shard.n_bytes for shard in read_manifest(folder).shards)
    with ShardReader(URL, cache=tmp_path / "cache", cache_bytes=most) as reader:
        for i in np.random.default_rng(0).permutation(30).tolist():
            assert reader.sample(i) == samples[i]
            assert cached(tmp_path / "cache") <= most
    push(folder, URL)
    with ShardReader(URL, cache=tmp_path / "cache2") as reader:
        [reader.sample(i) for i in range(30)]
        for name in memory.find("/bucket/set"):
            if name.endswith(".tar"):
                memory.rm_file(name)
    with ShardReader(URL, cache=tmp_path / "cache2") as reader:
        assert [reader.sample(i) for i in range(30)] == samples


def test_blocks_need_few_shards_at_a_time(folder: Path, samples, tmp_path: Path) -> None:
    push(folder, URL)
    sizes = [shard.n_samples for shard in read_manifest(folder).shards]
    starts = np.cumsum([0, *sizes])
    visited = order_in_blocks(3, 0, "d", sizes, 2)
    assert sorted(visited.tolist()) == list(range(30))
    shards = (np.searchsorted(starts, visited, side="right") - 1).tolist()
    for at in range(30):
        # Begun, and not yet at its end.
        assert len(set(shards[: at + 1]) & set(shards[at:])) <= 2
    assert not np.array_equal(visited, order_in_blocks(3, 1, "d", sizes, 2))
    assert not np.array_equal(visited, order_in_blocks(4, 0, "d", sizes, 2))
    with (
        ShardReader(URL, cache=tmp_path / "c", shards_per_block=2) as reader,
        ShardReader(folder) as whole,
    ):
        assert sorted(reader.order(0, 0).tolist()) == list(range(30))
        assert reader.digest != whole.digest
        loader = torch_loader(
            reader,
            len,
            position=reader.start(0),
            rank=0,
            world_size=1,
            batch_size_per_rank=7,
            end_epoch=1,
        )
        assert sum(batch.value for batch in loader) == 30
    with pytest.raises(ValueError, match="shards_per_block=3"):
        ShardReader(URL, cache=tmp_path / "c", cache_bytes=50_000, shards_per_block=3)


def test_blocks_of_what_tombstones_leave(folder: Path, samples, tmp_path: Path) -> None:
    stones = tmp_path / "stones.jsonl"
    gone = {samples[i].key for i in (0, 7, 29)}
    stones.write_text(
        "".join(
            f'{{"kind": "key", "value": "{key}", "reason": "r", "date": "2026-01-01"}}\n'
            for key in sorted(gone)
        )
    )
    with ShardReader(folder, tombstones=[stones], shards_per_block=2) as reader:
        keys = [reader.sample(int(i)).key for i in reader.order(0, 0)]
    assert sorted(keys) == sorted({sample.key for sample in samples} - gone)


def test_workers_share_a_cache(folder: Path, samples, tmp_path: Path) -> None:
    # An object store that other processes see, too.
    with ShardReader(f"local://{folder}", cache=tmp_path / "cache") as reader:
        loader = torch_loader(
            reader,
            _keys,
            position=reader.start(0),
            rank=0,
            world_size=1,
            batch_size_per_rank=3,
            end_epoch=1,
            n_workers=2,
        )
        keys = [key for batch in loader for key in batch.value]
    assert sorted(keys) == [sample.key for sample in samples]
    assert not list((tmp_path / "cache").rglob("*.tmp"))


def _keys(samples: list[Sample]) -> list[str]:
    return [sample.key for sample in samples]


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b[::-1]])
def test_other_bytes_never_reach_the_cache(
    change, folder: Path, tmp_path: Path, memory, caplog: pytest.LogCaptureFixture
) -> None:
    push(folder, URL)
    shard = next(shard for shard in read_manifest(folder).shards if shard.n_samples)
    name = f"/bucket/set/{shard.name}"
    memory.pipe_file(name, change(memory.cat_file(name)))
    with (
        ShardReader(URL, cache=tmp_path / "cache") as reader,
        pytest.raises(ValueError, match=rf"set/{shard.name}: sha256 is \w+, the manifest says"),
    ):
        reader.sample(0)
    assert cached(tmp_path / "cache") == 0
    assert "try 1" in caplog.text


def test_what_a_killed_download_left_goes(folder: Path, tmp_path: Path) -> None:
    push(folder, URL)
    most = 2 * max(shard.n_bytes for shard in read_manifest(folder).shards)
    with ShardReader(URL, cache=tmp_path / "cache", cache_bytes=most) as reader:
        (held,) = [path for path in (tmp_path / "cache").iterdir() if path.name[0] != "."]
        left = held / f".00007.tar.{'0' * 32}.tmp"
        left.write_bytes(bytes(most))
        [reader.sample(i) for i in range(30)]
    assert not left.exists()
    assert cached(tmp_path / "cache") <= most


def test_another_version_never_gets_this_ones_files(
    folder: Path, samples, tmp_path: Path, make_set, make_samples
) -> None:
    push(folder, URL)
    with ShardReader(URL, cache=tmp_path / "cache") as reader:
        reader.sample(0)
    others = make_samples(30, seed=5)
    make_set(tmp_path / "other", others)
    with pytest.raises(ValueError, match="holds another set: give another URL, or --replace"):
        push(tmp_path / "other", URL)
    push(tmp_path / "other", URL, replace=True)
    with ShardReader(URL, cache=tmp_path / "cache") as reader:
        assert [reader.sample(i) for i in range(30)] == others


def test_an_interrupted_push_is_no_set_and_goes_on(
    folder: Path, tmp_path: Path, memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    put_file = type(memory).put_file

    def failing(self: object, local: str, name: str, **more: object) -> None:
        if len(sent) == 5:
            raise ConnectionError("the network is down")
        sent.append(name)
        put_file(self, local, name, **more)

    with monkeypatch.context() as patch:
        patch.setattr(type(memory), "put_file", failing)
        with pytest.raises(
            OSError, match=r"memory://bucket/set/\S+ cannot be written: the network"
        ):
            push(folder, URL)
    with pytest.raises(ValueError, match="not a finished shard set"):
        ShardReader(URL, cache=tmp_path / "cache")
    first = list(sent)
    sent.clear()
    sent += [""] * 6
    monkeypatch.setattr(type(memory), "put_file", failing)
    push(folder, URL)
    assert not set(first) & set(sent)
    with ShardReader(URL, cache=tmp_path / "cache") as reader:
        assert len(reader) == 30
    n_sent = len(sent)
    push(folder, URL)
    assert len(sent) == n_sent


def test_a_store_that_keeps_other_bytes_is_noticed(
    folder: Path, memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def corrupting(self, local: str, name: str, **_: object) -> None:
        self.pipe_file(name, Path(local).read_bytes().replace(b"a cat", b"a dog"))

    monkeypatch.setattr(type(memory), "put_file", corrupting)
    with pytest.raises(OSError, match="read back"):
        push(folder, URL)
    assert not memory.exists("/bucket/set/manifest.json")


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda tmp: ShardReader(URL), "name a cache folder"),
        (lambda tmp: ShardReader(URL, cache=tmp / "c"), "not a finished shard set"),
        (lambda tmp: ShardReader("nosuch://b/x", cache=tmp / "c"), "nosuch"),
        (lambda tmp: ShardReader(f"pipe:touch {tmp}/marker http://x"), "pipe:"),
        (lambda tmp: push(tmp / "run", "folder"), "no URL of an object store"),
        (lambda tmp: push(tmp / "nothing", URL), "not a finished shard set"),
    ],
)
def test_refusals(call, match: str, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=match):
        call(tmp_path)
    assert not (tmp_path / "marker").exists()


def test_a_file_larger_than_the_cache_is_refused(folder: Path, tmp_path: Path) -> None:
    push(folder, URL)
    with pytest.raises(ValueError, match="more than the cache of 1000 bytes holds"):
        ShardReader(URL, cache=tmp_path / "cache", cache_bytes=1000)


def test_file_urls_are_folders(folder: Path, samples) -> None:
    with ShardReader(f"file://{folder}") as reader:
        assert reader.sample(3) == samples[3]
