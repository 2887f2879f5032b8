"""Do the Beam shells around reading, extraction and shards do what the plain functions do?"""

import hashlib
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.testing.util import assert_that, equal_to
from PIL import Image

import crawl.transforms as crawl_transforms
from crawl.config import CrawlConfig
from crawl.image_ref import ImageRef
from crawl.page import Page
from crawl.transforms import (
    CANDIDATES,
    DAMAGE,
    IMAGES,
    PAGES,
    ExtractCandidates,
    ReadArchives,
    Readers,
)
from filter.decode import Decoded, DecodeLimits, decode
from filter.verdict import Verdict
from shards.transforms import SHARDS, VERDICTS, WriteShards, to_sample

HTML = (
    b"<html lang=en><head><title>T</title></head><body><img src='a.jpg' alt='A dog'></body></html>"
)


def page(url: str) -> Page:
    return Page(url=url, body=HTML, headers=(), fetched_at="", file="a.warc", offset=7, digest="d")


def record(url: str, kind: str, body: bytes) -> bytes:
    http = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n".encode() + body
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\n"
        "WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-000000000001>\r\n"
        f"WARC-Date: 2020-01-01T00:00:00Z\r\nWARC-Target-URI: {url}\r\n"
        "Content-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A page, an image, and a record that is cut short."""
    whole = record("https://a.org/p.html", "text/html", HTML)
    whole += record("https://a.org/a.jpg", "image/jpeg", b"\xff\xd8\xff" + bytes(2000))
    path = tmp_path / "a.warc"
    path.write_bytes(whole + record("https://a.org/b.html", "text/html", HTML)[:-40])
    return path


def test_read_archives(archive: Path) -> None:
    with beam.Pipeline(runner="FnApiRunner") as p:
        out = p | beam.Create([str(archive)]) | ReadArchives(CrawlConfig())
        pages = out[PAGES] | "p" >> beam.Map(lambda page: page.url)
        assert_that(pages, equal_to(["https://a.org/p.html"]), "pages")
        images = out[IMAGES] | "i" >> beam.Map(lambda ref: (ref.url, ref.n_bytes))
        assert_that(images, equal_to([("https://a.org/a.jpg", 2003)]), "images")
        damage = out[DAMAGE] | "d" >> beam.Map(lambda damage: damage.file)
        assert_that(damage, equal_to([str(archive)]), "damage")


def test_a_page_that_breaks_extraction_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    real = crawl_transforms.extract

    def fragile(one: Page, config: CrawlConfig):
        if "bad" in one.url:
            raise RecursionError("too\ndeep")
        return real(one, config)

    monkeypatch.setattr(crawl_transforms, "extract", fragile)
    pages = [page("https://a.org/good"), page("https://a.org/bad")]
    with beam.Pipeline(runner="FnApiRunner") as p:
        out = p | beam.Create(pages) | ExtractCandidates(CrawlConfig())
        found = out[CANDIDATES] | "c" >> beam.Map(lambda candidate: candidate.page_url)
        assert_that(found, equal_to(["https://a.org/good"]), "candidates")
        damage = out[DAMAGE] | "d" >> beam.Map(lambda d: (d.file, d.offset, d.reason, d.detail))
        expected = ("a.warc", 7, "extract_error", "RecursionError: too deep")
        assert_that(damage, equal_to([expected]), "damage")


@pytest.mark.parametrize(("allowed", "cut"), [(1, True), (2, False)])
def test_a_page_with_more_images_than_are_read_is_counted(allowed: int, cut: bool) -> None:
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        extracted = (
            pipeline
            | beam.Create([page("https://a.org/p.html")])
            | ExtractCandidates(CrawlConfig(max_images_per_page=allowed))
        )
        reasons = extracted[DAMAGE] | beam.Map(lambda damage: damage.reason)
        assert_that(reasons, equal_to(["images_cut"] * cut))


def test_readers_keep_few_archives_open(archive: Path, tmp_path: Path) -> None:
    offset = len(record("https://a.org/p.html", "text/html", HTML))
    paths = [tmp_path / f"{letter}.warc" for letter in "xyz"]
    for path in paths:
        path.write_bytes(archive.read_bytes())
    readers = Readers(max_open=2)
    for path in [*paths, paths[0], paths[0]]:
        assert readers.body(str(path), offset, 5000)[:3] == b"\xff\xd8\xff"
        assert len(readers._open) <= 2
    assert list(readers._open) == [str(paths[2]), str(paths[0])]
    readers.close()
    assert not readers._open


def kept(tmp_path: Path, bodies: dict[str, bytes]) -> list[Verdict]:
    """Kept verdicts of images in one archive."""
    path, verdicts, start = tmp_path / "pictures.warc", [], 0
    with path.open("wb") as file:
        for url, body in bodies.items():
            file.write(record(url, "image/jpeg", body))
    from crawl.extract import extract

    (candidate,) = extract(page("https://a.org/page"), CrawlConfig())
    for url, body in bodies.items():
        decoded = decode(body, DecodeLimits(min_bytes=0, max_bytes=2**25, max_pixels=10**8))
        assert isinstance(decoded, Decoded)
        ref = ImageRef(
            url=url, file=str(path), offset=start, status=200, content_type="", n_bytes=len(body)
        )
        start += len(record(url, "image/jpeg", body))
        verdict = Verdict(candidate=candidate, kept=True, ref=ref, image=decoded.facts)
        text = f"A dog \ud800 {url}"
        verdicts.append(replace(verdict, text=text, text_source="alt", relevance=0.75))
    return verdicts


def jpeg(seed: int) -> bytes:
    out = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, size=(40, 50, 3), dtype=np.uint8)
    Image.fromarray(noise).save(out, "JPEG")
    return out.getvalue()


def test_write_shards(tmp_path: Path) -> None:
    verdicts = kept(tmp_path, {f"https://a.org/{n}.jpg": jpeg(n) for n in range(5)})
    for name, order in (("one", verdicts), ("other", verdicts[::-1])):
        (tmp_path / name).mkdir()
        with beam.Pipeline(runner="FnApiRunner") as p:
            out = p | beam.Create(order) | WriteShards(tmp_path / name, 2, 2**20)
            counts = out[SHARDS] | "n" >> beam.Map(lambda shard: shard.n_samples)
            assert_that(counts | beam.CombineGlobally(sum), equal_to([5]), "samples")
            names = out[VERDICTS] | "v" >> beam.Map(lambda v: v.shard is not None)
            assert_that(names, equal_to([True] * 5), "named")
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert [name for name in files if name.endswith(".tar")] == [
        "00000.tar", "00001.tar", "00002.tar",
    ]  # fmt: skip
    for name in files:
        one, other = ((tmp_path / run / name).read_bytes() for run in ("one", "other"))
        assert one == other
    with tarfile.open(tmp_path / "one" / "00000.tar") as tar:
        first = tar.getmembers()[0].name.split(".")[0]
        about = json.loads(tar.extractfile(f"{first}.json").read())
    assert about["image_file"] == "pictures.warc"
    assert about["relevance"] == 0.75
    assert str(tmp_path) not in json.dumps(about)


def test_nothing_kept_is_one_empty_shard(tmp_path: Path) -> None:
    with beam.Pipeline(runner="FnApiRunner") as p:
        out = p | beam.Create([], reshuffle=False) | WriteShards(tmp_path, 2, 2**20)
        counts = out[SHARDS] | "n" >> beam.Map(lambda shard: shard.n_samples)
        assert_that(counts, equal_to([0]))
    assert (tmp_path / "00000.tar").is_file()


def test_a_shard_holds_pictures_without_their_metadata(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at 51.5007 N, 0.1246 W"
    body, out = jpeg(0), io.BytesIO()
    Image.open(io.BytesIO(body)).save(out, "JPEG", exif=exif)
    (verdict,) = kept(tmp_path, {"https://a.org/0.jpg": out.getvalue()})
    sample = to_sample(verdict, out.getvalue())
    assert b"51.5007" in out.getvalue()
    assert b"51.5007" not in sample.image
    assert hashlib.sha256(sample.image).hexdigest() == verdict.image.sha256
    assert sample.image == to_sample(verdict, sample.image).image


def test_a_changed_archive_is_noticed(tmp_path: Path) -> None:
    (verdict,) = kept(tmp_path, {"https://a.org/0.jpg": jpeg(0)})
    with pytest.raises(ValueError, match="archive changed during the run"):
        to_sample(verdict, jpeg(1))
