"""Are archives read from S3, and from what speaks its protocol?"""

import random
from pathlib import Path

import pytest

from crawl.sources import storage
from crawl.sources.parts import parts
from crawl.sources.warc import ArchiveReader, read_archive, read_part
from tests.crawl.sources.archives import HTML, page_record, write

LIMIT = 10**7


@pytest.mark.slow
@pytest.mark.usefixtures("s3")
def test_s3(tmp_path: Path) -> None:
    """The endpoint and the keys come from the environment, as every S3 tool takes them."""
    s3fs = pytest.importorskip("s3fs")
    rng = random.Random(1)
    records = [page_record(i, HTML + rng.randbytes(9_000)) for i in range(60)]
    path, offsets = write(tmp_path / "a.warc.gz", records, "members")
    files = s3fs.S3FileSystem()
    files.mkdir("archives")
    files.put(str(path), "archives/b/a.warc.gz")

    url = "s3://archives/b/a.warc.gz"
    data = path.read_bytes()
    assert storage.expand("s3://archives/b/*.gz") == [url]
    assert (storage.size(url), storage.exists(url)) == (len(data), True)
    assert not storage.exists("s3://archives/none")
    with pytest.raises(FileNotFoundError, match="s3://archives/none does not exist"):
        storage.read_range("s3://archives/none", 0, 1)
    assert storage.read_range(url, 100, 50) == data[100:150]
    assert storage.read_range(url, len(data) - 5, 50) == data[-5:]
    assert storage.read_range(url, len(data) + 5, 50) == b""
    whole = list(read_archive(url, max_page_bytes=LIMIT, max_image_bytes=LIMIT))
    assert [item.offset for item in whole] == offsets[:-1]
    found = [
        item
        for part in parts(url, 100_000)
        for item in read_part(part, max_page_bytes=LIMIT, max_image_bytes=LIMIT)
    ]
    assert found == whole
    with ArchiveReader(url) as reader:
        assert reader.body(offsets[7], LIMIT).startswith(HTML)
