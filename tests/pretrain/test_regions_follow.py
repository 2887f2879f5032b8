"""Do companions in which some images have no regions go through everything that changes a set?"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pretrain.data import ShardSet
from pretrain.regions.write import write_regions
from pretrain.tasks.records import find_images
from pretrain.tasks.task import Record, Row
from shards.config import DrawConfig, MergeConfig, ShardsConfig
from shards.draw import draw
from shards.follow import follow
from shards.manifest import InputInfo, Manifest, read_manifest
from shards.merge import merge
from shards.purge import purge
from shards.read import RegionsReader, ShardReader
from shards.reshard import reshard
from shards.takedown import asked
from shards.verify import verify
from tests.pretrain.helpers import CountingDetector, packed

WHY = {"reason": "asked by the owner", "date": "2026-11-24"}


def keys_of(folder: Path) -> list[str]:
    with ShardReader(folder) as reader:
        return [reader.key(i) for i in range(len(reader))]


def seeing(*blind: str) -> CountingDetector:
    weights = InputInfo(name="weights.onnx", n_bytes=7, sha256="ab" * 32)
    return CountingDetector(
        blind=frozenset(blind),
        reasons=("damaged", "bad_features"),
        settings=(("s", "1"),),
        files=(weights,),
    )


def beside(regions: Path) -> dict[str, bytes]:
    """Every file but the manifest."""
    names = sorted(path.name for path in regions.iterdir())
    return {name: (regions / name).read_bytes() for name in names if name != "manifest.json"}


def missing_in(regions: Path) -> dict[str, str]:
    said = [json.loads(path.read_bytes()) for path in sorted(regions.glob("*_stats.json"))]
    return {key: reason for one in said for key, reason, _ in one["missing"]}


@pytest.fixture(scope="module")
def blind(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, tuple[str, ...]]:
    """Two sets of 20 pictures with 5 in common, their regions in `regions-a` and `regions-b`, and
    the keys of the third that has none, for two reasons."""
    folder = tmp_path_factory.mktemp("blind")
    a = packed(folder / "a", 20, samples_per_shard=6)
    b = packed(folder / "b", 20, first=15, samples_per_shard=6)
    keys = sorted({*keys_of(a), *keys_of(b)})
    without = tuple(keys[::3])
    for one in (a, b):
        made = write_regions(one, folder / f"regions-{one.name}", detector=seeing(*without))
        assert {row.reason for row in made.funnel} == {"damaged", "bad_features"}
        assert len(made.shards) == 4
    return a, b, without


def holds(samples: Path, regions: Path, without: tuple[str, ...], tmp_path: Path) -> Manifest:
    """The companion is the one that detecting everything anew makes, and is known as such."""
    made = read_manifest(regions)
    anew = write_regions(samples, tmp_path / "anew", detector=seeing(*without))
    assert beside(regions) == beside(tmp_path / "anew")
    assert replace(anew, sources=made.sources, tombstone_version=made.tombstone_version) == made
    expected = sorted(set(keys_of(samples)) & set(without))
    assert sorted(missing_in(regions)) == expected
    reasons = Counter(missing_in(regions).values())
    assert {row.reason: row.count for row in made.funnel} == reasons
    assert (made.seen, made.kept) == (len(keys_of(samples)), made.n_samples)
    assert made.kept == made.seen - len(expected)
    assert verify(regions) == []
    again = seeing(*without)
    before = (regions / "manifest.json").read_bytes()
    assert write_regions(samples, regions, detector=again) == made
    assert again.seen == 0
    assert (regions / "manifest.json").read_bytes() == before
    return made


def test_merged(blind: tuple[Path, Path, tuple[str, ...]], tmp_path: Path) -> None:
    a, b, without = blind
    merge([a, b], tmp_path / "ab", MergeConfig(samples_per_shard=9))
    companions = [a.with_name("regions-a"), b.with_name("regions-b")]
    made = follow(tmp_path / "ab", companions, tmp_path / "regions")
    assert holds(tmp_path / "ab", tmp_path / "regions", without, tmp_path) == made
    assert (made.seen, len(made.sources)) == (35, 2)
    follow(tmp_path / "ab", companions[::-1], tmp_path / "again")
    assert beside(tmp_path / "again") == beside(tmp_path / "regions")


def test_one_companion_that_has_regions_is_enough(
    blind: tuple[Path, Path, tuple[str, ...]], tmp_path: Path
) -> None:
    a, b, without = blind
    both = set(keys_of(a)) & set(keys_of(b))
    (more, *_) = sorted(both - set(without))
    write_regions(b, tmp_path / "rb", detector=seeing(*without, more))
    merge([a, b], tmp_path / "ab", MergeConfig(samples_per_shard=9))
    follow(tmp_path / "ab", [tmp_path / "rb", a.with_name("regions-a")], tmp_path / "regions")
    holds(tmp_path / "ab", tmp_path / "regions", without, tmp_path)


OPERATIONS: dict[str, Callable[[Path, Path], Manifest]] = {
    "drawn": lambda a, out: draw(a, out, DrawConfig(n=11, seed=3, samples_per_shard=4)),
    "smaller shards": lambda a, out: reshard(a, out, ShardsConfig(samples_per_shard=3)),
    "one shard": lambda a, out: reshard(a, out, ShardsConfig(samples_per_shard=100)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_drawn_and_cut_anew(
    name: str, blind: tuple[Path, Path, tuple[str, ...]], tmp_path: Path
) -> None:
    a, _, without = blind
    OPERATIONS[name](a, tmp_path / "set")
    follow(tmp_path / "set", [a.with_name("regions-a")], tmp_path / "regions")
    made = holds(tmp_path / "set", tmp_path / "regions", without, tmp_path)
    assert 0 < made.kept < made.seen
    assert made.inputs == seeing().files


def test_what_follows_can_be_followed(
    blind: tuple[Path, Path, tuple[str, ...]], tmp_path: Path
) -> None:
    a, _, without = blind
    reshard(a, tmp_path / "one", ShardsConfig(samples_per_shard=50))
    follow(tmp_path / "one", [a.with_name("regions-a")], tmp_path / "first")
    draw(tmp_path / "one", tmp_path / "two", DrawConfig(n=9, samples_per_shard=4))
    follow(tmp_path / "two", [tmp_path / "first"], tmp_path / "second")
    holds(tmp_path / "two", tmp_path / "second", without, tmp_path)


def test_a_takedown_forgets_what_is_said_of_images_without_regions(tmp_path: Path) -> None:
    run = tmp_path / "run"
    packed(run / "shards", 20, samples_per_shard=6)
    keys = keys_of(run)
    without = tuple(keys[::3])
    old = write_regions(run, run / "regions", detector=seeing(*without))
    seen, unseen = keys[1], keys[-2]
    assert unseen in without
    # The last shard loses nothing but what lies beside it.
    assert seen < old.shards[-1].first_key < unseen
    gone = [asked("key", seen), asked("key", unseen)]
    dry = purge(run, gone, **WHY, dry_run=True)
    assert missing_in(run / "regions")[unseen]
    done = purge(run, gone, **WHY)
    assert dry.regions == done.regions == ((run / "regions", 1),)
    made = holds(run, run / "regions", without, tmp_path)
    assert (made.seen, made.kept) == (18, old.kept - 1)
    assert made.tombstone_version == 1
    # As much as anybody may know of the one is in a tombstone.
    for path in sorted((run / "regions").rglob("*")):
        for key in (seen, unseen):
            assert key.encode() not in path.read_bytes()
    assert not list(run.rglob(".*"))
    assert purge(run, gone, **WHY).regions == ((run / "regions", 0),)
    assert read_manifest(run / "regions") == made
    follow(run, [run / "regions"], tmp_path / "followed")
    assert beside(tmp_path / "followed") == beside(run / "regions")


def test_a_companion_that_was_elsewhere_is_purged_later(tmp_path: Path) -> None:
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    packed(run / "shards", 20, samples_per_shard=6)
    without = tuple(keys_of(run)[::3])
    write_regions(run, elsewhere, detector=seeing(*without))
    gone = [asked("key", without[1]), asked("key", keys_of(run)[-1])]
    purge(run, gone, **WHY)
    assert without[1] in missing_in(elsewhere)
    purge(run, gone, **WHY, companions=[elsewhere])
    holds(run, elsewhere, without, tmp_path)


def test_a_companion_that_says_nothing_of_an_image_is_refused(
    blind: tuple[Path, Path, tuple[str, ...]], tmp_path: Path
) -> None:
    a, b, without = blind
    with pytest.raises(ValueError, match="none of the companions has regions for sample"):
        follow(b, [a.with_name("regions-a")], tmp_path / "out")
    draw(a, tmp_path / "one", DrawConfig(n=1))
    write_regions(a, tmp_path / "few", detector=seeing(*without, *keys_of(tmp_path / "one")))
    with pytest.raises(ValueError, match=r"regions for none of the 1 images .*what is wrong with"):
        follow(tmp_path / "one", [tmp_path / "few"], tmp_path / "none")
    stats = tmp_path / "few" / "00002_stats.json"
    stats.write_bytes(stats.read_bytes().replace(b"what is wrong", b"what is right"))
    with pytest.raises(ValueError, match=r"00002_stats\.json: sha256 is"):
        follow(a, [tmp_path / "few"], tmp_path / "torn")


def test_samples_do_not_become_regions(tmp_path: Path) -> None:
    shards = packed(tmp_path / "shards", 4)
    before = beside(shards)
    with pytest.raises(ValueError, match="holds samples; give another --out"):
        write_regions(shards, shards, detector=seeing())
    assert beside(shards) == before
    assert verify(shards) == []


def test_a_damaged_shard_of_a_finished_set_is_made_again(tmp_path: Path) -> None:
    shards = packed(tmp_path / "shards", 12, samples_per_shard=6)
    made = write_regions(shards, tmp_path / "regions", detector=seeing(keys_of(shards)[0]))
    archive = tmp_path / "regions" / "00001.tar"
    body = archive.read_bytes()
    archive.write_bytes(body.replace(b"regions.npz", b"regions.npx", 1))
    again = seeing(keys_of(shards)[0])
    assert write_regions(shards, tmp_path / "regions", detector=again) == made
    assert again.seen == made.shards[1].n_samples
    assert archive.read_bytes() == body


# --- readers --------------------------------------------------------------------------------------


def test_an_image_is_found_by_its_key_though_others_have_no_regions(
    blind: tuple[Path, Path, tuple[str, ...]],
) -> None:
    a, _, without = blind
    data = ShardSet(a, a.with_name("regions-a"))
    whole = ShardSet(a, None)
    with RegionsReader(a.with_name("regions-a")) as reader:
        assert len(data) == len(reader)
    for key in keys_of(a):
        assert data.has(key) == (key not in without)
        if data.has(key):
            assert data.by_key(key).captions == whole.by_key(key).captions
        else:
            with pytest.raises(ValueError, match=f"no sample {key}, or none with regions"):
                data.by_key(key)


def test_questions_about_images_without_regions_are_left_out(
    blind: tuple[Path, Path, tuple[str, ...]],
) -> None:
    a, _, without = blind
    keys = keys_of(a)
    records = [Record(id=key, rows=(Row(image=key, text="?"),), right={"a": 1.0}) for key in keys]
    both = tuple(Row(image=key, text="?") for key in (keys[1], without[0]))
    two = Record(id="two", rows=both, right={"a": 1.0})
    found = find_images([*records, two], a, a.with_name("regions-a"))
    assert [one.id for one in found.records] == [key for key in keys if key not in without]
    left_out = [key for key in keys if key in without]
    assert (found.n_without_image, found.first_without) == (len(left_out) + 1, left_out[0])
    assert len(find_images(records, a).records) == len(keys)
