"""Does the Beam shell around picked records give what the plain functions give?"""

from dataclasses import replace

import apache_beam as beam
from apache_beam.testing.util import assert_that, equal_to

from crawl.config import CrawlConfig
from crawl.records import ReadRecords
from crawl.sources.picks import Pick
from crawl.transforms import DAMAGE, PAGES
from tests.crawl.small_crawl import Asked, Row


def test_every_pick_is_a_page_or_damage(asked: Asked, rows: list[Row]) -> None:
    picks = [
        Pick(url=row.url, file=row.file, offset=row.offset, length=row.length) for row in rows[5:45]
    ]
    picks[7] = replace(picks[7], length=picks[7].length - 1)
    picks.append(replace(picks[0], file="gone.warc.gz"))
    good = [pick for n, pick in enumerate(picks[:-1]) if n != 7]
    transform = ReadRecords(asked.base, CrawlConfig())
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        found = pipeline | beam.Create(picks) | transform
        assert_that(
            found[PAGES] | beam.Map(lambda page: (page.url, page.offset)),
            equal_to([(pick.url, pick.offset) for pick in good]),
            label="pages",
        )
        assert_that(
            found[DAMAGE] | beam.Map(lambda damage: (damage.reason, damage.offset)),
            equal_to([("bad_gzip", picks[7].offset), ("not_found", picks[0].offset)]),
            label="damage",
        )
    assert len(asked.of("0.warc.gz")) == 1
