"""Does a manifest say that a set is finished only when it is, and does it hold what was put in?"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from shards.config import ShardsConfig
from shards.manifest import (
    FunnelRow,
    InputInfo,
    Manifest,
    RegionsInfo,
    begin,
    config_hash,
    read_manifest,
    write_manifest,
)
from shards.write import write_regions_shard, write_shard


def test_round_trip(tmp_path: Path, make_samples, make_set) -> None:
    manifest = replace(
        make_set(tmp_path, make_samples(9)),
        seen=12,
        funnel=(
            FunnelRow(stage="size", reason="min_side", count=1),
            FunnelRow(stage="text", reason="text_short", count=2),
        ),
        inputs=(InputInfo(name="a.warc.gz", n_bytes=5),),
    )
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest
    assert manifest.n_samples == 9


def test_regions_round_trip(tmp_path: Path) -> None:
    shard = write_regions_shard(tmp_path, "00000", [("a", b"x")])
    regions = RegionsInfo(
        detector="yolox", feature_dim=8, class_names=("cat", "dog"), source_digest="d" * 64
    )
    manifest = Manifest(
        kind="regions",
        config_hash="",
        code_version="1",
        shards=(shard,),
        seen=1,
        kept=1,
        regions=regions,
    )
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path).regions == regions


def test_a_run_and_its_shards_folder_are_the_same_set(
    tmp_path: Path, make_samples, make_set
) -> None:
    manifest = make_set(tmp_path / "shards", make_samples(3))
    assert read_manifest(tmp_path) == read_manifest(tmp_path / "shards") == manifest


def test_no_manifest_is_not_finished(tmp_path: Path, make_samples) -> None:
    write_shard(tmp_path, "00000", make_samples(3))
    with pytest.raises(ValueError, match=r"has no manifest\.json: not a finished shard set"):
        read_manifest(tmp_path)


def test_pipes_are_never_opened() -> None:
    with pytest.raises(ValueError, match="pipe: URLs run programs"):
        read_manifest(Path("pipe:touch marker"))


def test_other_schema_versions_are_refused(tmp_path: Path, make_samples, make_set) -> None:
    make_set(tmp_path, make_samples(3))
    path = tmp_path / "manifest.json"
    data = json.loads(path.read_bytes())
    path.write_text(json.dumps(data | {"schema_version": 2}))
    with pytest.raises(ValueError, match="schema version 2, this lait reads 1"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"shards": [{"name": "00000.tar"}]}, r"shards\.0\."),
        ({"seen": "many"}, "seen: "),
        ({"seen": 5}, "kept 3 \\+ dropped 0 is not seen 5"),
        ({"seen": 4, "kept": 4}, "kept 4, but 3 lie in shards"),
        ({"kind": "pickles"}, "kind: "),
    ],
)
def test_wrong_manifests_are_refused_in_one_line(
    change: dict[str, object], match: str, tmp_path: Path, make_samples, make_set
) -> None:
    make_set(tmp_path, make_samples(3))
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | change))
    with pytest.raises(ValueError, match=match) as caught:
        read_manifest(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["../00000.tar", "/etc/x.tar", "a.b.tar", "00000.tgz"])
def test_shards_lie_in_the_folder(name: str, tmp_path: Path, make_samples, make_set) -> None:
    manifest = make_set(tmp_path, make_samples(3))
    data = json.loads((tmp_path / "manifest.json").read_bytes())
    data["shards"][0]["name"] = name
    (tmp_path / "manifest.json").write_text(json.dumps(data))
    with pytest.raises(ValueError, match="is not a plain name"):
        read_manifest(tmp_path)
    assert manifest.shards[0].name == "00000.tar"


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"a": 1}'])
def test_what_is_no_manifest_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ValueError, match="is not a manifest of lait"):
        read_manifest(tmp_path)


def test_kept_and_dropped_are_seen(tmp_path: Path, make_samples, make_set) -> None:
    manifest = make_set(tmp_path, make_samples(3))
    with pytest.raises(ValueError, match="kept 3 \\+ dropped 0 is not seen 4"):
        write_manifest(tmp_path, replace(manifest, seen=4))


def test_a_manifest_needs_its_files(tmp_path: Path, make_samples, make_set) -> None:
    manifest = make_set(tmp_path, make_samples(3))
    begin(tmp_path)
    (tmp_path / "00000.parquet").unlink()
    with pytest.raises(ValueError, match=r"00000\.parquet is not there"):
        write_manifest(tmp_path, manifest)
    assert not (tmp_path / "manifest.json").exists()


def test_keys_must_rise_from_shard_to_shard(tmp_path: Path, make_samples, make_set) -> None:
    manifest = make_set(tmp_path, make_samples(30))
    with pytest.raises(ValueError, match="do not rise"):
        write_manifest(tmp_path, replace(manifest, shards=manifest.shards[::-1]))


def test_begin_takes_an_earlier_manifest_away(tmp_path: Path, make_samples, make_set) -> None:
    make_set(tmp_path / "out", make_samples(3))
    begin(tmp_path / "out")
    with pytest.raises(ValueError, match="not a finished shard set"):
        read_manifest(tmp_path / "out")


def test_begin_sweeps_what_a_killed_run_left_aside(tmp_path: Path) -> None:
    left = tmp_path / f".croissant.json.{'0a' * 16}.tmp"
    for path in (left, tmp_path / ".mine.tmp", tmp_path / "README.md"):
        path.write_text("x")
    begin(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mine.tmp", "README.md"]


def test_leftovers_of_earlier_runs_go_and_nothing_else(
    tmp_path: Path, make_samples, make_set
) -> None:
    make_set(tmp_path, make_samples(30), per_shard=2)
    mine = ["README.md", "notes.txt", "my.tar", ".hidden.tmp", "00000.jpg"]
    for name in [*mine, ".00000.tar.0123abcd.tmp", ".00000_stats.json.0123abcd.tmp"]:
        (tmp_path / name).write_bytes(b"x")
    make_set(tmp_path, make_samples(3), per_shard=2)
    shards = [f"{i:05d}{end}" for i in range(2) for end in (".tar", ".parquet", "_stats.json")]
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {*mine, *shards, "manifest.json"}


def test_the_digest_is_of_the_data(tmp_path: Path, make_samples, make_set) -> None:
    manifest = make_set(tmp_path, make_samples(9))
    moved = replace(manifest, config_hash="0" * 64, code_version="9", inputs=())
    assert moved.digest == manifest.digest
    others = [
        replace(manifest, shards=manifest.shards[:-1]),
        replace(manifest, shards=manifest.shards[::-1]),
        replace(manifest, tombstone_version=1),
        replace(manifest, kind="regions"),
    ]
    assert len({manifest.digest, *(other.digest for other in others)}) == 5


def test_the_config_hash_changes_with_the_config() -> None:
    assert config_hash(ShardsConfig()) == config_hash(ShardsConfig(samples_per_shard=10_000))
    assert config_hash(ShardsConfig()) != config_hash(ShardsConfig(samples_per_shard=1))
