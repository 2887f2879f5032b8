"""Does a set go to S3 and come back, with several processes reading it?"""

from pathlib import Path

import pytest

from shards.push import push
from shards.read import ShardReader, torch_loader


@pytest.mark.slow
@pytest.mark.usefixtures("s3")
def test_s3(tmp_path: Path, make_samples, make_set) -> None:
    s3fs = pytest.importorskip("s3fs")
    s3fs.S3FileSystem().mkdir("sets")
    samples = make_samples(40)
    make_set(tmp_path / "set", samples)
    url = "s3://sets/first/shards"
    with pytest.raises(ValueError, match="not a finished shard set"):
        ShardReader(url, cache=tmp_path / "cache")
    push(tmp_path / "set", url)
    push(tmp_path / "set", url)
    most = 3 * max(path.stat().st_size for path in (tmp_path / "set").glob("*.tar"))
    with ShardReader(
        "s3://sets/first", cache=tmp_path / "cache", cache_bytes=most, shards_per_block=2
    ) as reader:
        assert sorted(reader.sample(int(i)).key for i in reader.order(0, 0)) == [
            sample.key for sample in samples
        ]
        # fsspec does not survive a fork: workers must be spawned.
        loader = torch_loader(
            reader,
            len,
            position=reader.start(0),
            rank=0,
            world_size=1,
            batch_size_per_rank=4,
            end_epoch=1,
            n_workers=2,
            start_method="spawn",
        )
        assert [batch.value for batch in loader] == [4] * 10
        held = list((tmp_path / "cache").rglob("*.tar"))
        assert sum(path.stat().st_size for path in held) <= most
