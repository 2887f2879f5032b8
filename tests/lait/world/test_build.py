"""Is the world on disk whole, readable, deterministic and what the gold says?"""

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import zlib
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator as FastIterator
from fastwarc.warc import WarcRecordType
from PIL import Image, ImageOps
from warcio.archiveiterator import ArchiveIterator  # type: ignore[import-untyped]

from lait.world import build
from lait.world.build import TINY, World, build_world
from lait.world.gold import GoldRow, read_gold
from lait.world.web import Web

Answer = tuple[int, str, bytes]
MAX_PIXELS = 64_000_000


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build_world(tmp_path_factory.mktemp("build") / "world", size=TINY, seed=3)


@pytest.fixture(scope="module")
def rows(world: World) -> list[GoldRow]:
    return read_gold(world.gold)


@pytest.fixture(scope="module")
def answers(world: World) -> dict[str, list[Answer]]:
    """Status, content type and entity body of every response, by URL."""
    found: dict[str, list[Answer]] = defaultdict(list)
    for path in world.archives:
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, check_digests="raise"):
                if record.rec_type == "response":
                    headers = record.http_headers
                    url = record.rec_headers.get_header("WARC-Target-URI")
                    kind = headers.get_header("Content-Type")
                    status = int(headers.get_statuscode())
                    found[url].append((status, kind, record.content_stream().read()))
    return found


@pytest.fixture(scope="module")
def bodies(answers: dict[str, list[Answer]]) -> dict[str, bytes]:
    """Bodies of the first 200 response of each URL."""
    return {
        url: next(body for status, _, body in found if status == 200)
        for url, found in answers.items()
        if any(status == 200 for status, _, _ in found)
    }


def main_body(row: GoldRow, bodies: dict[str, bytes]) -> bytes:
    return next(bodies[url] for url in (row.image_url, *row.alternatives) if url in bodies)


def digest_of(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_two_builds_are_the_same_to_the_byte(world: World, tmp_path: Path) -> None:
    """The second one in another process, where sets and hashes have another order."""
    program = (
        "import sys; from pathlib import Path; from lait.world.build import TINY, build_world; "
        "build_world(Path(sys.argv[1]), size=TINY, seed=3)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "again")]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "77"})
    assert digest_of(tmp_path / "again") == digest_of(world.root)


def test_the_archives_are_several_gzip_files_and_a_plain_one(world: World) -> None:
    suffixes = [path.name.split(".", 1)[1] for path in world.archives]
    assert suffixes.count("warc.gz") >= 2
    assert suffixes.count("warc") == 1


def test_each_record_is_a_gzip_member_without_a_time(world: World) -> None:
    packed = next(path for path in world.archives if path.suffix == ".gz").read_bytes()
    members = 0
    while packed:
        assert packed[4:8] == bytes(4), "mtime"
        inflate = zlib.decompressobj(wbits=31)
        assert inflate.decompress(packed).startswith(b"WARC/1.1\r\n")
        packed, members = inflate.unused_data, members + 1
    assert members > 50


def test_both_readers_see_the_same_records(world: World, answers: dict[str, list[Answer]]) -> None:
    read: dict[str, list[int]] = defaultdict(list)
    ids = []
    for path in world.archives:
        with path.open("rb") as stream:
            for record in FastIterator(stream, verify_digests=True):
                ids.append(record.record_id)
                if record.record_type == WarcRecordType.response:
                    url = record.headers["WARC-Target-URI"]
                    read[url].append(record.http_headers.status_code or 0)
    assert read == {url: [status for status, _, _ in found] for url, found in answers.items()}
    assert len(set(ids)) == len(ids)


def test_some_bodies_are_gzipped_and_some_chunked(world: World) -> None:
    codings = set()
    for path in world.archives:
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, no_record_parse=False):
                if record.rec_type == "response":
                    head = record.http_headers
                    codings.add(
                        (
                            head.get_header("Content-Encoding"),
                            head.get_header("Transfer-Encoding"),
                        )
                    )
    assert codings == {(None, None), ("gzip", None), (None, "chunked"), ("gzip", "chunked")}


def test_gold_hashes_are_those_of_the_archived_bodies(
    rows: list[GoldRow], bodies: dict[str, bytes]
) -> None:
    for row in rows:
        urls = [url for url in (row.image_url, *row.alternatives) if url in bodies]
        if row.sha256 is None:
            assert not urls, row
        else:
            assert hashlib.sha256(bodies[urls[0]]).hexdigest() == row.sha256
    assert {row.drop for row in rows if row.sha256 is None and row.main} >= {
        "image_missing",
        "image_status",
    }


def test_pages_are_archived(rows: list[GoldRow], bodies: dict[str, bytes]) -> None:
    assert all(row.page_url in bodies for row in rows)


def test_images_are_sound_unless_they_drop_for_it(
    rows: list[GoldRow], bodies: dict[str, bytes]
) -> None:
    bad = ("image_", "min_side", "aspect_ratio")
    formats = set()
    for row in rows:
        if not row.main or (row.drop or "").startswith(bad):
            continue
        body = main_body(row, bodies)
        assert len(body) >= 1000
        with Image.open(io.BytesIO(body)) as image:
            image.load()
            formats.add(image.format)
            assert min(image.size) > 300, (row.case, image.size)
            assert max(image.size) / min(image.size) <= 3
    assert formats == {"JPEG", "PNG", "WEBP"}


def one(rows: list[GoldRow], case: str) -> GoldRow:
    return next(row for row in rows if row.case == case and row.main)


@pytest.mark.parametrize(
    "case", ["truncated_jpeg", "truncated_png", "truncated_webp", "corrupt_png"]
)
def test_damaged_images_cannot_be_decoded(
    case: str, rows: list[GoldRow], bodies: dict[str, bytes]
) -> None:
    body = main_body(one(rows, case), bodies)
    assert len(body) >= 1000
    with pytest.raises((OSError, SyntaxError)), Image.open(io.BytesIO(body)) as image:
        image.load()


def test_a_uniform_image_is_sound_and_heavy_enough(
    rows: list[GoldRow], bodies: dict[str, bytes]
) -> None:
    body = main_body(one(rows, "uniform"), bodies)
    assert len(body) >= 1000
    with Image.open(io.BytesIO(body)) as image:
        counts = ImageOps.posterize(image, 4).getcolors() or []
        assert min(image.size) > 300
        assert max(count for count, _ in counts) / (image.width * image.height) > 0.98


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("case", ["bomb_png", "bomb_jpeg", "bomb_webp"])
def test_bombs_claim_more_pixels_than_their_bytes_hold(
    case: str,
    rows: list[GoldRow],
    bodies: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    body = main_body(one(rows, case), bodies)
    assert 1000 <= len(body) < 200_000
    with Image.open(io.BytesIO(body)) as image:
        assert image.format == case.removeprefix("bomb_").upper()
        assert image.width * image.height > MAX_PIXELS


@pytest.mark.parametrize(
    ("case", "start"), [("image_svg", b"<?xml"), ("image_gif", b"GIF8"), ("image_html", b"<!DOCT")]
)
def test_mislabelled_bodies_are_called_images(
    case: str, start: bytes, rows: list[GoldRow], answers: dict[str, list[Answer]]
) -> None:
    row = one(rows, case)
    ((status, kind, body),) = answers[row.image_url]
    assert (status, body[: len(start)]) == (200, start)
    assert kind.startswith("image/")
    assert len(body) >= 1000


@pytest.mark.parametrize(
    ("case", "small", "long"),
    [
        ("small", True, False),
        ("thin", True, False),
        ("at_limit", True, False),
        ("over_limit", False, False),
        ("wide", False, True),
        ("tall", False, True),
    ],
)
def test_sizes_are_on_their_side_of_the_rules(
    case: str, small: bool, long: bool, rows: list[GoldRow], bodies: dict[str, bytes]
) -> None:
    with Image.open(io.BytesIO(main_body(one(rows, case), bodies))) as image:
        assert (min(image.size) <= 300) == small
        assert (max(image.size) / min(image.size) > 3) == long


def test_copies_are_copies(rows: list[GoldRow]) -> None:
    def hashes(case: str) -> list[str | None]:
        return [row.sha256 for row in rows if row.case == case and row.main]

    assert len(set(hashes("exact_copies"))) == 1
    assert len(hashes("exact_copies")) == 2
    assert len(set(hashes("reencoded_copies"))) == 2
    urls = {row.image_url for row in rows if row.case == "one_image_many_pages" and row.main}
    assert len(urls) == 1
    assert len({row.image_url for row in rows if row.case == "exact_copies" and row.main}) == 2


def test_a_refused_request_was_repeated(
    rows: list[GoldRow], answers: dict[str, list[Answer]]
) -> None:
    row = one(rows, "image_retried")
    assert row.keep
    assert [status for status, _, _ in answers[row.image_url]] == [503, 200]


def test_the_best_file_may_be_missing(rows: list[GoldRow], bodies: dict[str, bytes]) -> None:
    row = one(rows, "best_file_missing")
    assert row.keep
    assert row.image_url not in bodies
    assert row.alternatives[0] in bodies


def test_everything_worth_keeping_is_annotated(world: World, rows: list[GoldRow]) -> None:
    lines = world.annotations.read_text(encoding="utf-8").splitlines()
    scenes = {(about := json.loads(line))["sha256"]: about["scene"] for line in lines}
    assert len(scenes) == len(lines), "one line for each file"
    for row in rows:
        if row.keep:
            assert scenes[row.sha256 or ""] == row.scene


def test_sets_and_web_share_no_scene(world: World, rows: list[GoldRow]) -> None:
    shown = {row.scene for row in rows if row.scene is not None}
    lines = world.annotations.read_text(encoding="utf-8").splitlines()
    annotated = [json.loads(line)["scene"] for line in lines]
    in_sets = annotated[-(TINY.n_supervised + TINY.n_clean + TINY.n_eval) :]
    assert len(in_sets) == TINY.n_supervised + TINY.n_clean + TINY.n_eval
    assert shown.isdisjoint(in_sets)


def test_a_finished_world_is_left_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "make_web", None)  # calling it would raise
    again = build_world(world.root, size=TINY, seed=3)
    assert again == world


@pytest.mark.parametrize("change", [{"seed": 4}, {"size": build.DEMO}])
def test_another_world_is_refused(world: World, change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"holds another demo world .*seed 3.*choose another"):
        build_world(world.root, **{"size": TINY, "seed": 3, **change})  # type: ignore[arg-type]


def test_a_foreign_folder_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="holds something that is no demo world"):
        build_world(tmp_path, size=TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_damaged_marker_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "world.json").write_text('{"version": 1, "se')
    with pytest.raises(ValueError, match=r"world\.json is damaged: delete .* or choose another"):
        build_world(tmp_path, size=TINY)


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "world").write_text("")
    with pytest.raises(ValueError, match="is a file: choose a folder"):
        build_world(tmp_path / "world", size=TINY)


def test_an_unwritable_place_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"cannot write the demo world to .*: Not a directory"):
        build_world(tmp_path / "file" / "world", size=TINY)


def test_an_interrupted_build_leaves_no_world_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PowerCutError(Exception):
        pass

    def cut(*_: object, **__: object) -> None:
        raise PowerCutError

    nothing = Web(archives=((), ()), rows=(), annotations=(), n_pages=0)
    monkeypatch.setattr(build, "make_web", lambda **_: nothing)
    size = replace(TINY, n_archives=2, n_supervised=1, n_clean=1, n_eval=1)
    with monkeypatch.context() as patch:
        patch.setattr(build, "write_gold", cut)
        with pytest.raises(PowerCutError):
            build_world(tmp_path / "world", size=size)
    assert not (tmp_path / "world").exists()
    assert build_world(tmp_path / "world", size=size).counts["pages"] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["world"]


def test_plain_and_packed_archives_differ_only_in_packing(world: World) -> None:
    packed = gzip.decompress(next(p for p in world.archives if p.suffix == ".gz").read_bytes())
    plain = next(p for p in world.archives if p.suffix == ".warc").read_bytes()
    assert packed.startswith(b"WARC/1.1\r\nWARC-Type: warcinfo")
    assert plain.startswith(b"WARC/1.1\r\nWARC-Type: warcinfo")
