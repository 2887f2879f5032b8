"""Are the archives of a run the same inputs wherever they lie?"""

from pathlib import Path

import pytest

from crawl.config import CrawlConfig
from lait.inputs import check_archives
from tests.crawl.sources.archives import HTML, page_record, write
from tests.crawl.sources.server import serving

SETTINGS = CrawlConfig()


def no_progress(_step: str, _done: int) -> None:
    pass


def test_remote_archives_are_known_by_name_and_bytes(tmp_path: Path) -> None:
    for name in ("b.warc", "a.warc"):
        write(tmp_path / name, [page_record(1, HTML + name.encode() * 999)], "members")
    local = check_archives(
        [str(tmp_path / "b.warc"), str(tmp_path / "a.warc")], no_progress, SETTINGS
    )
    with serving(tmp_path) as server:
        remote = check_archives(
            [f"{server.base}/a.warc", f"{server.base}/b.warc"], no_progress, SETTINGS
        )
        mixed = check_archives(
            [(tmp_path / "a.warc").as_uri(), f"{server.base}/b.warc"], no_progress, SETTINGS
        )
        with pytest.raises(ValueError, match=r"two archives are named a\.warc"):
            check_archives(
                [str(tmp_path / "a.warc"), f"{server.base}/a.warc"], no_progress, SETTINGS
            )
        with pytest.raises(ValueError, match=r"c\.warc does not exist"):
            check_archives([f"{server.base}/c.warc"], no_progress, SETTINGS)
        server.ranges = False
        with pytest.raises(ValueError, match="ignores ranges"):
            check_archives([f"{server.base}/a.warc"], no_progress, SETTINGS)
    assert [info.name for info in local] == ["a.warc", "b.warc"]
    assert local == remote == mixed
    assert local[0].n_bytes == (tmp_path / "a.warc").stat().st_size
