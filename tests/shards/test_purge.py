"""Is what was asked for gone for good, and everything else as it was, whatever is killed when?"""

import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from filter.tombstones import Tombstones, read_tombstones, url_hash
from shards.manifest import read_manifest
from shards.order import order
from shards.purge import Purged, purge
from shards.read import RegionsReader, ShardReader
from shards.sample import Sample
from shards.seen import checkpoints
from shards.takedown import Asked, asked, read_asked
from shards.verify import verify
from tests.shards.test_derive import contents, with_regions

WHY = {"reason": "asked by the owner", "date": "2026-11-24"}


def addressed(sample: Sample, i: int) -> Sample:
    """The sample with addresses: two images a page, four pages a host."""
    urls = {
        "image_url": f"https://img.h{i // 8}.example/{i}.jpg",
        "page_url": f"https://h{i // 8}.example/page/{i // 2}?q=1",
        "phash": f"{i * 0x0123456789ABCD:016x}",
        "phash_crops": [],
    }
    record = json.loads(sample.record) | urls
    return replace(
        sample,
        text=f"the words of picture {i}",
        record=json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":")),
    )


@pytest.fixture
def some(make_samples) -> list[Sample]:
    return [addressed(sample, i) for i, sample in enumerate(make_samples(24))]


@pytest.fixture
def folder(tmp_path: Path, some, make_set) -> Path:
    """A set of 24 with a companion."""
    make_set(tmp_path / "run" / "shards", some)
    with_regions(tmp_path / "run", tmp_path / "run" / "regions")
    return tmp_path / "run"


def take(folder: Path, kind: str, value: str, **more: object) -> Purged:
    return purge(folder, [asked(kind, value)], **WHY, **more)


def left(folder: Path) -> list[Sample]:
    with ShardReader(folder) as reader:
        return [reader.sample(i) for i in range(len(reader))]


@pytest.mark.parametrize(
    ("kind", "value", "gone"),
    [
        ("url", "https://img.h0.example/5.jpg", [5]),
        ("url", "HTTPS://H1.example/page/4?q=1#top", [8, 9]),
        ("host", "img.h1.example", range(8, 16)),
        ("host", "H2.example", range(16, 24)),
        ("phash", f"{7 * 0x0123456789ABCD:016x}", [7]),
        ("phash", f"{7 * 0x0123456789ABCD ^ 0b111:016x}/3", [7]),
        ("phash", f"{7 * 0x0123456789ABCD ^ 0b111:016x}/2", []),
        ("key", None, [3]),
        ("sha256", None, [3]),
    ],
)
def test_only_what_is_named_goes(kind, value, gone, folder: Path, some) -> None:
    value = value or json.loads(some[3].record)["sha256"][: 32 if kind == "key" else 64]
    before = contents(folder / "shards")
    old = read_manifest(folder)
    found = take(folder, kind, value)
    stay = [sample for i, sample in enumerate(some) if i not in gone]
    assert left(folder) == stay
    assert {hit.key for hit in found.hits} == {some[i].key for i in gone}
    assert verify(folder) == []
    assert verify(folder / "regions") == []
    new = read_manifest(folder)
    assert (new.kept, new.n_samples) == (24, 24 - len(gone))
    assert new.tombstone_version == (1 if gone else 0)
    after = contents(folder / "shards")
    touched = {old.shards[hit.shard].stem for hit in found.hits}
    for name, data in before.items():
        if name[:5].isdecimal() and name[:5] not in touched:
            assert after[name] == data
        elif name.endswith(".tar"):
            assert after[name] != data
    with RegionsReader(folder / "regions") as regions:
        assert len(regions) == len(stay)
        assert [regions.npz(one.key) for one in stay] == [
            f"grid {one.key}".encode() for one in stay
        ]
        assert regions.manifest.regions is not None
        assert regions.manifest.regions.source_digest == new.digest
    assert not list(folder.rglob(".*"))


def test_a_byte_search_finds_nothing(folder: Path, some) -> None:
    page = json.loads(some[8].record)["page_url"]
    take(folder, "url", page)
    said = [
        page,
        "h1.example/page/4",
        "example/8.jpg",
        some[8].text,
        some[8].key,
        json.loads(some[8].record)["sha256"],
    ]
    for path in sorted(folder.rglob("*")):
        data = path.read_bytes() if path.is_file() else b""
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            data = str(pq.read_table(path).to_pylist()).encode()
        assert some[8].image not in data
        for word in said:
            # That it was taken down is known by its key.
            known = path.name == "tombstones.jsonl" and word == some[8].key
            assert known or word.encode() not in data, (path, word)


def test_tombstones_say_what_and_why_but_not_where(folder: Path, some) -> None:
    found = take(folder, "url", "https://img.h0.example/5.jpg")
    stones = read_tombstones(folder)
    assert {(s.kind, s.value) for s in stones} == {
        ("url", url_hash("https://img.h0.example/5.jpg")),
        ("key", some[5].key),
    }
    assert {(s.reason, s.date) for s in stones} == {(WHY["reason"], WHY["date"])}
    (mark,) = (s for s in stones if s.kind == "key")
    assert (mark.digest, mark.index, mark.n_samples) == (found.before.digest, 5, 24)
    known = Tombstones(stones)
    assert known.of_address("https://img.h0.example/5.jpg") == "url"
    assert known.of_address("https://img.h0.example/6.jpg") is None
    assert known.of_bytes(json.loads(some[5].record)["sha256"]) == "sha256"
    take(folder, "host", "h1.example")
    assert ("host", "h1.example") in {(s.kind, s.value) for s in read_tombstones(folder)}
    assert read_manifest(folder).tombstone_version == 2


def test_asking_again_changes_nothing(folder: Path) -> None:
    take(folder, "host", "h1.example")
    before = contents(folder / "shards"), contents(folder / "regions")
    again = purge(folder, [asked("host", "h1.example")], reason="again", date="2027-01-01")
    assert (contents(folder / "shards"), contents(folder / "regions")) == before
    assert not again.hits
    assert len([s for s in again.stones if s.digest]) == 8


def test_a_dry_run_changes_nothing_and_tells_the_same(folder: Path) -> None:
    before = contents(folder / "shards"), contents(folder / "regions")
    shown = take(folder, "host", "h1.example", dry_run=True)
    assert (contents(folder / "shards"), contents(folder / "regions")) == before
    done = take(folder, "host", "h1.example")
    assert (shown.hits, shown.n_shards, shown.regions, shown.stones) == (
        done.hits,
        done.n_shards,
        done.regions,
        done.stones,
    )
    assert shown.regions == ((folder / "regions", 8),)


def test_a_companion_named_later_is_purged_too(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder / "regions", tmp_path / "elsewhere")
    take(folder, "host", "h1.example")
    found = take(folder, "host", "h1.example", companions=[tmp_path / "elsewhere"])
    assert found.regions == ((tmp_path / "elsewhere", 8),)
    manifest = read_manifest(tmp_path / "elsewhere")
    assert manifest.n_samples == 16
    assert manifest.regions is not None
    assert manifest.regions.source_digest == read_manifest(folder).digest


def test_a_set_can_lose_everything(folder: Path) -> None:
    wanted = [asked("host", f"h{n}.example") for n in range(3)]
    purge(folder, wanted, **WHY)
    assert left(folder) == []
    assert verify(folder) == []


def test_a_damaged_set_is_not_purged(folder: Path, some) -> None:
    path = folder / "shards" / "00000.tar"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match="00000"):
        take(folder, "key", some[0].key)


def test_two_takedowns_do_not_meet(folder: Path) -> None:
    from shards.switch import locked

    with locked(folder / "shards"), pytest.raises(ValueError, match="another process"):
        take(folder, "host", "h1.example")
    take(folder, "host", "h1.example")


# --- killed anywhere ------------------------------------------------------------------------------


class Killed(BaseException):
    """Nothing of ours catches it."""


@contextmanager
def dying_after(n_steps: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The process dies before its change number `n_steps` of the disk; nothing is tidied up."""
    steps: list[str] = []

    def counted(name: str, change: Callable[..., object]) -> Callable[..., object]:
        def run(*args: object, **kwargs: object) -> object:
            if len(steps) >= n_steps:
                raise Killed
            steps.append(name)
            return change(*args, **kwargs)

        return run

    with monkeypatch.context() as patch:
        for name in ("replace", "unlink", "mkdir"):
            patch.setattr(Path, name, counted(name, getattr(Path, name)))
        patch.setattr(shutil, "rmtree", counted("rmtree", shutil.rmtree))
        yield steps


def test_killed_before_any_change_of_the_disk(
    folder: Path, some, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [asked("url", "https://img.h0.example/5.jpg"), asked("host", "h2.example")]
    old = read_manifest(folder)
    whole = shutil.copytree(folder, tmp_path / "whole")
    with dying_after(10**9, monkeypatch) as steps:
        purge(whole, wanted, **WHY)
    new = read_manifest(whole)
    undisturbed = contents(whole / "shards"), contents(whole / "regions")
    stay = [sample for i, sample in enumerate(some) if i != 5 and i < 16]
    assert len(steps) > 30
    states = set()
    for n_steps in range(0, len(steps), 2):
        run = shutil.copytree(folder, tmp_path / f"killed-{n_steps}")
        with dying_after(n_steps, monkeypatch), pytest.raises(Killed):
            purge(run, wanted, **WHY)
        assert verify(run) == []
        assert verify(run / "regions") == []
        now = read_manifest(run)
        assert now in (old, new)
        states.add(now.digest)
        assert left(run) == (some if now == old else stay)
        purge(run, wanted, **WHY)
        assert (contents(run / "shards"), contents(run / "regions")) == undisturbed
        shutil.rmtree(run)
    assert states == {old.digest, new.digest}


# --- what others do with tombstones ---------------------------------------------------------------


def test_a_reader_of_an_old_copy_skips_what_was_taken_down(
    folder: Path, some, tmp_path: Path
) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    take(folder, "url", "https://img.h0.example/5.jpg")
    take(folder, "host", "h2.example")
    stones = folder / "shards" / "tombstones.jsonl"
    stay = [sample for i, sample in enumerate(some) if i != 5 and i < 16]
    with ShardReader(copy, tombstones=[stones]) as reader, ShardReader(copy) as all_of_it:
        assert len(reader) == 15
        assert [reader.sample(i) for i in range(15)] == stay
        assert [reader.key(i) for i in range(15)] == [one.key for one in stay]
        assert [reader.find(one.key) for one in stay] == list(range(15))
        assert [reader.find(some[i].key) for i in (5, 16, 23)] == [None] * 3
        with pytest.raises(IndexError, match="of 15"):
            reader.sample(15)
        assert reader.digest != all_of_it.digest == all_of_it.manifest.digest
        assert sorted(reader.order(0, 0).tolist()) == list(range(15))
    only_keys = tmp_path / "keys.jsonl"
    lines = [line for line in stones.read_text().splitlines() if '"kind": "key"' in line]
    only_keys.write_text("\n".join(lines) + "\n")
    with ShardReader(copy, tombstones=[only_keys]) as reader:
        assert [reader.sample(i) for i in range(15)] == stay


def test_sets_made_of_purged_ones_do_not_bring_it_back(
    folder: Path, some, tmp_path: Path, make_set
) -> None:
    from shards.config import MergeConfig
    from shards.merge import merge

    make_set(tmp_path / "old copy", some[:7], per_shard=3)
    take(folder, "url", "https://img.h0.example/5.jpg")
    made = merge([folder, tmp_path / "old copy"], tmp_path / "out", MergeConfig())
    assert left(tmp_path / "out") == [sample for i, sample in enumerate(some) if i != 5]
    assert made.tombstone_version == 1
    assert {(r.reason, r.count) for r in made.funnel} == {("takedown", 2), ("same_sample", 6)}
    assert read_tombstones(tmp_path / "out") == read_tombstones(folder)


def checkpoint(
    path: Path, stage: str, digest: str, *, epoch: int, seen: int, init: str | None = None
) -> None:
    path.mkdir(parents=True)
    plain = {
        "stage": stage,
        "step": 10,
        "shards_digest": digest,
        "position": {
            "manifest_digest": digest,
            "seed": 4,
            "epoch": epoch,
            "samples_seen": seen,
        },
        "recipe": {"stages": [{"name": "one"}, {"name": "two"}], "init": {"checkpoint": init}},
    }
    (path / "checkpoint.json").write_text(json.dumps(plain))


def test_checkpoints_that_saw_a_sample_are_known(folder: Path, tmp_path: Path) -> None:
    digest = read_manifest(folder).digest
    place = order(4, 0, digest, 24).tolist().index(5)
    models = tmp_path / "models"
    steps = models / "run" / "one" / "checkpoints"
    checkpoint(steps / "before", "one", digest, epoch=0, seen=place)
    checkpoint(steps / "just", "one", digest, epoch=0, seen=place + 1)
    checkpoint(models / "run" / "two" / "checkpoints" / "later", "two", "f" * 64, epoch=0, seen=1)
    checkpoint(models / "other" / "one" / "checkpoints" / "x", "one", "e" * 64, epoch=9, seen=1)
    checkpoint(models / "epoch2" / "one" / "checkpoints" / "x", "one", digest, epoch=2, seen=0)
    checkpoint(
        models / "tuned" / "one" / "checkpoints" / "x", "one", "e" * 64, epoch=0, seen=1,
        init=str(models / "run" / "one" / "checkpoints" / "just"),
    )  # fmt: skip
    found = take(folder, "url", "https://img.h0.example/5.jpg")
    seen = {
        str(one.path.relative_to(models)): (one.n_seen, one.n_held)
        for one in checkpoints(models, found.stones)
    }
    assert seen == {
        "epoch2/one/checkpoints/x": (1, 1),
        "run/one/checkpoints/before": (0, 1),
        "run/one/checkpoints/just": (1, 1),
        "run/two/checkpoints/later": (1, 1),
        "tuned/one/checkpoints/x": (1, 1),
    }
    (steps / "just" / "checkpoint.json").write_text("{}")
    with pytest.raises(ValueError, match="not a checkpoint of `lait pretrain`"):
        checkpoints(models, found.stones)


# --- requests -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "match"),
    [
        ("url", "not a url", "no http or https address"),
        ("url", "ftp://h.example/x", "no http or https address"),
        ("host", "", "no http or https address"),
        ("sha256", "abc", "is no sha256"),
        ("phash", "0" * 15, "is no phash"),
        ("phash", "0" * 16 + "/x", "distance must lie in 0..16"),
        ("phash", "0" * 16 + "/17", "distance must lie in 0..16"),
        ("key", "a.b", "is no key"),
    ],
)
def test_wrong_requests_are_refused(kind, value, match) -> None:
    with pytest.raises(ValueError, match=match):
        asked(kind, value)


def test_requests_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "asked.txt"
    file.write_text("# ticket 17\n\nurl https://H.example/a#b\nhost Müller.example\nkey abc\n")
    assert read_asked(file) == [
        Asked(kind="url", value=url_hash("https://h.example/a"), clear="https://H.example/a#b"),
        Asked(kind="host", value="xn--mller-kva.example"),
        Asked(kind="key", value="abc"),
    ]
    file.write_text("url https://h.example/\nname somebody\n")
    with pytest.raises(ValueError, match="line 2: 'name' is none of url, host"):
        read_asked(file)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"reason": " "}, "must say why"),
        ({"reason": "two\nlines"}, "must say why"),
        ({"reason": "remove img.h0.example/5.jpg"}, "repeats the address"),
        ({"date": "today"}, "not of the form"),
    ],
)
def test_reasons_and_dates_are_checked_first(change, match, folder: Path) -> None:
    before = contents(folder / "shards")
    with pytest.raises(ValueError, match=match):
        purge(folder, [asked("url", "https://img.h0.example/5.jpg")], **WHY | change)
    assert contents(folder / "shards") == before


def test_damaged_tombstones_are_named(tmp_path: Path) -> None:
    file = tmp_path / "tombstones.jsonl"
    good = '{"kind": "key", "value": "a", "reason": "r", "date": "2026-01-01"}\n'
    for line in ("{", '{"kind": "name", "value": "a", "reason": "", "date": ""}', good[:30]):
        file.write_text(good + line)
        with pytest.raises(ValueError, match="line 2 is no tombstone"):
            read_tombstones(file)
    file.write_text(good.replace('"a"', '"a/b"'))
    with pytest.raises(ValueError, match="line 1 is no tombstone"):
        read_tombstones(file)


# --- killed for real ------------------------------------------------------------------------------


@pytest.mark.slow
def test_twenty_sigkills(folder: Path, some, tmp_path: Path) -> None:
    """At random moments; after each, one whole set is there, and the same command ends it."""
    command = (
        "import sys\n"
        "from pathlib import Path\n"
        "from shards.purge import purge\n"
        "from shards.takedown import asked\n"
        "wanted = [asked('url', 'https://img.h0.example/5.jpg'), asked('host', 'h2.example')]\n"
        "print('ready', flush=True)\n"
        f"purge(Path(sys.argv[1]), wanted, reason={WHY['reason']!r}, date={WHY['date']!r})\n"
    )

    def start(run: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", command, str(run)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    whole = shutil.copytree(folder, tmp_path / "whole")
    began = time.monotonic()
    with start(whole) as process:
        assert process.wait() == 0
    lasts_s = time.monotonic() - began
    undisturbed = contents(whole / "shards"), contents(whole / "regions")
    states = {read_manifest(folder).digest, read_manifest(whole).digest}
    rng = random.Random(0)
    for n in range(20):
        run = shutil.copytree(folder, tmp_path / f"run {n}")
        with start(run) as process:
            time.sleep(rng.random() * lasts_s * 0.7)
            process.kill()
        assert verify(run) == []
        assert verify(run / "regions") == []
        assert read_manifest(run).digest in states
        with start(run) as process:
            assert process.wait() == 0
        assert (contents(run / "shards"), contents(run / "regions")) == undisturbed
