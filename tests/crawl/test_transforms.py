"""Does Beam read archives in parts, near and far, as one reader reads them whole?"""

import random
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.util import assert_that, equal_to

from crawl.config import CrawlConfig
from crawl.sources.warc import read_archive
from crawl.transforms import DAMAGE, IMAGES, PAGES, ReadArchives, Readers
from tests.crawl.sources.archives import HTML, JPEG, page_record, record, response, write
from tests.crawl.sources.server import serving

LIMIT = CrawlConfig().max_page_bytes


def archive(folder: Path, kind: str) -> Path:
    rng = random.Random(1)
    records = [page_record(n, HTML + rng.randbytes(3000)) for n in range(60)]
    records[9] = record("http://e.org/a.jpg", response(JPEG, "image/jpeg"))
    path, offsets = write(folder / f"{kind}.warc", records, kind)
    data = bytearray(path.read_bytes())
    data[offsets[30] : offsets[30] + 40] = bytes(40)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("part_bytes", [25_000, 10**9])
def test_archives_are_read_in_parts(tmp_path: Path, part_bytes: int) -> None:
    paths = [str(archive(tmp_path, "plain"))]
    with serving(tmp_path) as server:
        archive(tmp_path, "members")
        paths.append(f"{server.base}/members.warc")
        expected = [
            item
            for path in paths
            for item in read_archive(path, max_page_bytes=LIMIT, max_image_bytes=LIMIT)
        ]
        assert len(expected) == 120
        with beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"])) as pipeline:
            read = pipeline | beam.Create(paths) | ReadArchives(CrawlConfig(part_bytes=part_bytes))
            together = [read[PAGES], read[IMAGES], read[DAMAGE]] | beam.Flatten()
            assert_that(together, equal_to(expected))


def test_readers_open_remote_archives_once(tmp_path: Path) -> None:
    rng = random.Random(1)
    records = [page_record(n, HTML + rng.randbytes(3000)) for n in range(60)]
    _, offsets = write(tmp_path / "a.warc", records, "members")
    readers = Readers()
    with serving(tmp_path) as server:
        bodies = [readers.body(f"{server.base}/a.warc", offset, LIMIT) for offset in offsets[:-1]]
        assert len(server.asked) < 10
        readers.close()
    assert bodies == [each.partition(b"html\r\n\r\n")[2][:-4] for each in records]
