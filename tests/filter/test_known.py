"""Is every known image found, by its bytes and by its look, and nothing told that must not be?"""

import hashlib
import io
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from crawl.config import CrawlConfig
from filter.config import FilterConfig
from filter.decode import Decoded, DecodeLimits, decode
from filter.decontaminate import check_known_bad, with_digests
from filter.funnel import REASONS
from filter.judge import judge_block
from filter.known import EXACT, Known, index, load, read_known
from filter.ledger import row, write_ledger
from filter.metadata import strip_metadata
from filter.phash import distance
from filter.recipe import lait
from filter.replay import judge_again
from filter.sieve import dropped
from filter.thumbnails import may_be_shown
from filter.verdict import Drop

LIMITS = DecodeLimits(min_bytes=0, max_bytes=2**25, max_pixels=64_000_000)


def facts_of(body: bytes):
    found = decode(body, LIMITS)
    assert isinstance(found, Decoded)
    return found.facts


def test_a_list_of_lines(tmp_path) -> None:
    path = tmp_path / "list.txt"
    path.write_text(f"# bad ones\n{'A' * 64}  # one\n\n0123456789abcdef\n")
    assert list(read_known(str(path))) == [
        Known(sha256="a" * 64), Known(phash="0123456789abcdef"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "needle"),
    [(b"a" * 63, "line 1"), (b"\nnope", "line 2: 'nope'"), (b"\xff\xfe", "cannot be read")],
)
def test_lines_that_are_no_hashes(tmp_path, content, needle) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=needle):
        list(read_known(str(path)))


@pytest.mark.parametrize("name", ["missing.txt", "empty"])
def test_sources_that_are_none(tmp_path, name) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=name):
        list(read_known(str(tmp_path / name)))


def test_a_run_names_what_it_kept(tmp_path, make_verdict) -> None:
    kept, gone = make_verdict(1, image="a", phash="f" * 16), make_verdict(2, image="b")
    gone = dropped(gone, "size", Drop(reason="min_side"))
    write_ledger(tmp_path / "ledger", "00000", [kept, gone])
    assert list(read_known(str(tmp_path))) == [Known(sha256="a" * 64, phash="f" * 16)]


def test_shards_name_their_samples(tmp_path) -> None:
    record = {"sha256": "a" * 64, "phash": "0" * 16, "phash_crops": ["f" * 16]}
    for name, records in (("seen", [record]), ("packed", [{"sha256": "b" * 64}])):
        (tmp_path / name).mkdir()
        rows = [{"key": "k", "record": json.dumps(one)} for one in records]
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name / "00000.parquet")
    (found,) = read_known(str(tmp_path / "seen"))
    assert found == Known(sha256="a" * 64, phash="0" * 16, phash_crops=("f" * 16,))
    with pytest.raises(ValueError, match="lait hashes"):
        list(read_known(str(tmp_path / "packed")))


@pytest.mark.parametrize("max_distance", [0, 4, 8])
def test_the_nearest_is_found_as_if_all_were_compared(make_facts, max_distance) -> None:
    rng = random.Random(max_distance)
    hashes = [rng.getrandbits(64) for _ in range(300)]
    known = index(iter([Known(phash=f"{one:016x}") for one in hashes]), max_distance)
    n_found = 0
    for one in hashes[:100]:
        asked = one
        for bit in rng.sample(range(64), rng.randrange(max_distance + 3)):
            asked ^= 1 << bit
        text = f"{asked:016x}"
        nearest = min(distance(text, f"{other:016x}") for other in hashes)
        found = known.bits_to(make_facts(phash=text, phash_crops=()))
        assert found == (nearest if nearest <= max_distance else None)
        n_found += found is not None
    assert 10 < n_found <= 100


def test_crops_are_compared_with_wholes_either_way(make_facts) -> None:
    known = index(iter([Known(phash="0" * 16, phash_crops=("f" * 16,))]), 4)
    assert known.bits_to(make_facts(phash="f" * 16, phash_crops=("a" * 16,))) == 0
    assert known.bits_to(make_facts(phash="a" * 16, phash_crops=("0" * 15 + "1",))) == 1
    assert known.bits_to(make_facts(phash="a" * 16, phash_crops=("f" * 16,))) is None


def test_equal_bytes(make_facts) -> None:
    known = index(iter([Known(sha256="a" * 64)]), None)
    assert known.bits_to(make_facts(sha256="a" * 64)) == EXACT
    assert known.bits_to(make_facts(sha256="b" * 64)) is None


def test_the_digest_is_of_the_content(tmp_path) -> None:
    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    one.write_text(f"{'a' * 64}\n0123456789abcdef\n")
    other.write_text(f"# moved\n0123456789ABCDEF\n{'a' * 64}\n{'a' * 64}\n")
    digests = {
        with_digests(FilterConfig(eval_sets=(str(path),))).eval_sets_digest for path in (one, other)
    }
    assert len(digests) == 1
    assert digests != {""}
    assert with_digests(FilterConfig()).eval_sets_digest == ""
    with pytest.raises(ValueError, match="have changed"):
        load((str(one),), 4, "0" * 64)


@pytest.fixture
def judged(make_candidate, make_ref, make_verdict):
    """The fate of one image under some settings."""

    def judge(body: bytes, **settings):
        cascade = lait(FilterConfig(**settings), CrawlConfig())
        candidate = make_candidate()
        start = make_verdict(1, candidate=candidate, image=None, ref=make_ref(n_bytes=len(body)))
        start = judge_texts_of(start, cascade)
        (verdict,) = judge_block([start], lambda _ref: body, cascade, None, 4)
        return verdict

    return judge


def judge_texts_of(verdict, cascade):
    from dataclasses import replace

    from filter.choose import judge_texts

    texts = judge_texts(verdict.candidate, cascade.text, cascade.text_sources)
    return replace(verdict, texts=texts, text=None, text_source=None, relevance=None)


@pytest.mark.parametrize(
    ("setting", "reason"), [("eval_sets", "eval_overlap"), ("not_in", "seen_before")]
)
def test_a_known_picture_is_dropped(judged, picture, tmp_path, setting, reason) -> None:
    facts = facts_of(picture(800, 600))
    path = tmp_path / "list.txt"
    path.write_text(f"{facts.sha256}\n{facts.phash}\n")
    same = judged(picture(800, 600), **{setting: (str(path),)})
    copy = judged(picture(640, 480, kind="WEBP"), **{setting: (str(path),)})
    other = judged(picture(800, 600, seed=9), **{setting: (str(path),)})
    assert (same.stage, same.reason, same.value) == ("known", reason, "same bytes")
    assert (copy.stage, copy.reason, copy.threshold) == ("known", reason, 4)
    assert copy.value in range(5)
    assert other.kept
    assert reason in REASONS["known"]


@pytest.mark.parametrize("look", [False, True])
def test_of_a_known_bad_picture_hash_and_time_are_kept(judged, picture, tmp_path, look) -> None:
    path = tmp_path / "list.txt"
    facts = facts_of(picture(800, 600))
    path.write_text(facts.phash if look else facts.sha256)
    body = picture(640, 480) if look else picture(800, 600)
    verdict = judged(body, known_bad=(str(path),))
    found = row(verdict)
    assert (found["stage"], found["reason"]) == ("known_bad", "known_bad")
    assert found["detail"] == facts_of(body).sha256
    assert found["fetched_at"] == "2020-01-02T03:04:05Z"
    told = {name for name, value in found.items() if value}
    assert told == {"candidate_id", "fetched_at", "dom", "stage", "reason", "detail"}
    assert not any(found["dom"].values())
    assert not may_be_shown(verdict)
    cascade = lait(FilterConfig(min_side_px=1), CrawlConfig())
    assert judge_again(verdict, cascade, same_texts=True, scored=False) == verdict


def test_bad_bytes_are_known_even_where_they_are_no_picture(judged, tmp_path) -> None:
    path = tmp_path / "list.txt"
    body = b"\xff\xd8\xff" + b"broken" * 900
    path.write_text(hashlib.sha256(body).hexdigest())
    assert judged(body, known_bad=(str(path),)).reason == "known_bad"
    assert judged(body).reason == "image_corrupt"


@pytest.mark.parametrize("stripped", [False, True])
def test_bad_bytes_are_known_with_and_without_their_metadata(
    judged, picture, tmp_path, stripped
) -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    out = io.BytesIO()
    Image.open(io.BytesIO(picture(800, 600))).save(out, "JPEG", exif=exif)
    body = out.getvalue()
    path = tmp_path / "list.txt"
    path.write_text(hashlib.sha256(strip_metadata(body) if stripped else body).hexdigest())
    # No perceptual look-up: the bytes alone must tell.
    verdict = judged(body, known_bad=(str(path),), max_known_distance=None)
    assert (verdict.reason, verdict.value) == ("known_bad", hashlib.sha256(body).hexdigest())


def test_too_many_bad_ones_stop_the_run() -> None:
    config = FilterConfig(max_known_bad=2)
    check_known_bad(2, config)
    with pytest.raises(RuntimeError, match=r"3 images .*max_known_bad=2"):
        check_known_bad(3, config)
