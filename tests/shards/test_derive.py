"""Are sets that are made from sets whole, deterministic, and honest about where they come from?"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shards.config import DrawConfig, MergeConfig, ShardsConfig
from shards.diff import diff
from shards.draw import draw
from shards.follow import follow
from shards.manifest import Manifest, RegionsInfo, begin, read_manifest, write_manifest
from shards.merge import merge
from shards.read import RegionsReader, ShardReader
from shards.reshard import reshard
from shards.sample import Sample
from shards.verify import verify
from shards.write import write_regions_shard


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def archives(folder: Path) -> dict[str, bytes]:
    """The files of a set that hold samples."""
    return {n: b for n, b in contents(folder).items() if n.endswith((".tar", ".parquet"))}


def all_samples(folder: Path) -> list[Sample]:
    with ShardReader(folder) as reader:
        return [reader.sample(i) for i in range(len(reader))]


def said(sample: Sample, text: str, relevance: float) -> Sample:
    """The sample with another text and score."""
    record = json.loads(sample.record) | {"relevance": relevance}
    return replace(
        sample,
        text=text,
        record=json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":")),
    )


# --- merge ----------------------------------------------------------------------------------------


@pytest.fixture
def two_sets(tmp_path: Path, make_samples, make_set) -> tuple[Path, Path, list[Sample]]:
    """12 and 12 samples, 8 of each alone, 2 in both alike, 2 in both with other words."""
    samples = make_samples(20)
    ours, theirs, alike, other = samples[:8], samples[8:16], samples[16:18], samples[18:]
    make_set(tmp_path / "a", sorted([*ours, *alike, *other], key=lambda s: s.key))
    better = [said(other[0], "zz better", 0.99), said(other[1], "worse", 0.01)]
    make_set(tmp_path / "b", sorted([*theirs, *alike, *better], key=lambda s: s.key), per_shard=3)
    expected = sorted([*ours, *theirs, *alike, better[0], other[1]], key=lambda s: s.key)
    return tmp_path / "a", tmp_path / "b", expected


def test_merging_keeps_each_image_once_and_the_better_text(two_sets, tmp_path: Path) -> None:
    a, b, expected = two_sets
    made = merge([a, b], tmp_path / "ab", MergeConfig(samples_per_shard=5))
    assert all_samples(tmp_path / "ab") == expected
    assert (made.seen, made.kept, made.n_samples) == (24, 20, 20)
    assert {(r.stage, r.reason): r.count for r in made.funnel} == {
        ("merge", "same_sample"): 2,
        ("merge", "same_image"): 2,
    }
    digests = sorted(read_manifest(one).digest for one in (a, b))
    assert [one.digest for one in made.sources] == digests
    assert verify(tmp_path / "ab") == []
    assert digests[0] in (tmp_path / "ab" / "README.md").read_text()


def test_the_order_of_arguments_does_not_matter(two_sets, tmp_path: Path) -> None:
    a, b, _ = two_sets
    merge([a, b], tmp_path / "ab", MergeConfig(samples_per_shard=5))
    merge([b, a], tmp_path / "ba", MergeConfig(samples_per_shard=5))
    assert contents(tmp_path / "ab") == contents(tmp_path / "ba")


def test_a_merge_is_what_one_set_of_all_would_be(tmp_path: Path, make_samples, make_set) -> None:
    samples = make_samples(30)
    make_set(tmp_path / "a", samples[::2])
    make_set(tmp_path / "b", samples[1::2], per_shard=7)
    make_set(tmp_path / "whole", samples, per_shard=4)
    made = merge(
        [tmp_path / "a", tmp_path / "b"], tmp_path / "ab", MergeConfig(samples_per_shard=4)
    )
    assert archives(tmp_path / "ab") == archives(tmp_path / "whole")
    assert made.digest == read_manifest(tmp_path / "whole").digest


def test_differing_texts_can_be_refused_before_anything_is_written(two_sets, tmp_path) -> None:
    a, b, _ = two_sets
    with pytest.raises(ValueError, match="--same-image best"):
        merge([a, b], tmp_path / "ab", MergeConfig(same_image="refuse"))
    assert not (tmp_path / "ab").exists()


def test_funnels_and_inputs_of_all_sources_are_kept(tmp_path, make_samples, make_set) -> None:
    from shards.manifest import FunnelRow, InputInfo

    samples = make_samples(6)
    for name, some, count in (("a", samples[:3], 5), ("b", samples[3:], 7)):
        made = make_set(tmp_path / name, some)
        begin(tmp_path / name)
        row = FunnelRow(stage="size", reason="min_side", count=count)
        inputs = (InputInfo(name=f"{name}.warc", n_bytes=1), InputInfo(name="x.warc", n_bytes=2))
        write_manifest(tmp_path / name, replace(made, seen=3 + count, funnel=(row,), inputs=inputs))
    made = merge([tmp_path / "b", tmp_path / "a"], tmp_path / "ab", MergeConfig())
    assert (made.seen, made.kept) == (18, 6)
    assert made.funnel == (FunnelRow(stage="size", reason="min_side", count=12),)
    assert [one.name for one in made.inputs] == ["a.warc", "b.warc", "x.warc"]


@pytest.mark.parametrize("names", [["a"], ["a", "a"], ["a", "copy"], []])
def test_a_merge_needs_sets_that_differ(names, tmp_path, make_samples, make_set) -> None:
    make_set(tmp_path / "a", make_samples(3))
    make_set(tmp_path / "copy", make_samples(3))
    with pytest.raises(ValueError, match="two or more shard sets that differ"):
        merge([tmp_path / name for name in names], tmp_path / "out", MergeConfig())


# --- where it is written --------------------------------------------------------------------------


def test_a_finished_set_is_not_made_again(two_sets, tmp_path: Path) -> None:
    a, b, _ = two_sets
    out = tmp_path / "ab"
    merge([a, b], out, MergeConfig())
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    merge([b, a], out, MergeConfig())
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before
    with pytest.raises(ValueError, match="another finished set, or one of other settings"):
        merge([a, b], out, MergeConfig(samples_per_shard=3))
    with pytest.raises(ValueError, match="another finished set"):
        reshard(a, out, ShardsConfig())


def test_an_unfinished_set_is_made_anew(two_sets, tmp_path: Path) -> None:
    a, b, _ = two_sets
    out = tmp_path / "ab"
    merge([a, b], out, MergeConfig(samples_per_shard=5))
    whole = contents(out)
    (out / "manifest.json").unlink()
    (out / "00001.tar").write_bytes(b"half")
    (out / "00077.tar").write_bytes(b"of other settings")
    merge([a, b], out, MergeConfig(samples_per_shard=5))
    assert contents(out) == whole


@pytest.mark.parametrize("name", ["letter.txt", "README.md"])
def test_somebody_elses_folder_is_left_alone(name, tmp_path, make_samples, make_set) -> None:
    make_set(tmp_path / "a", make_samples(3))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    with pytest.raises(ValueError, match=f"not a shard set .it holds {name}"):
        reshard(tmp_path / "a", tmp_path / "out", ShardsConfig())
    assert (tmp_path / "out" / name).read_text() == "mine"


def test_a_set_is_never_written_over_itself(tmp_path, make_samples, make_set) -> None:
    make_set(tmp_path / "run" / "shards", make_samples(3))
    for out in ("run", "run/shards", "run/../run/shards"):
        with pytest.raises(ValueError, match="one of the sets it is made from"):
            reshard(tmp_path / "run", tmp_path / out, ShardsConfig())
    with pytest.raises(ValueError, match="folder of this machine"):
        reshard(tmp_path / "run", Path("s3://bucket/x"), ShardsConfig())


# --- draw and reshard -----------------------------------------------------------------------------


def test_larger_parts_contain_smaller_ones(tmp_path: Path, make_samples, make_set) -> None:
    samples = make_samples(60)
    make_set(tmp_path / "a", samples, per_shard=10)
    drawn: list[set[str]] = []
    for n in (7, 30, 59):
        made = draw(tmp_path / "a", tmp_path / str(n), DrawConfig(n=n, seed=3))
        found = all_samples(tmp_path / str(n))
        assert [s for s in samples if s in found] == found
        assert (made.n_samples, made.seen) == (n, 60)
        assert made.funnel[-1].count == 60 - n
        drawn.append({s.key for s in found})
    assert drawn[0] < drawn[1] < drawn[2]
    draw(tmp_path / "a", tmp_path / "half", DrawConfig(share=0.5, seed=3))
    assert {s.key for s in all_samples(tmp_path / "half")} == drawn[1]
    draw(tmp_path / "30", tmp_path / "7 of 30", DrawConfig(n=7, seed=3))
    assert archives(tmp_path / "7 of 30") == archives(tmp_path / "7")
    draw(tmp_path / "a", tmp_path / "other", DrawConfig(n=30, seed=4))
    assert {s.key for s in all_samples(tmp_path / "other")} != drawn[1]


def test_a_part_is_a_fair_draw(tmp_path: Path, make_samples, make_set) -> None:
    from shards.draw import place_in_line

    places = np.array([place_in_line(f"{i:032x}", 0) for i in range(20_000)], dtype=np.float64)
    counts, _ = np.histogram(places, bins=10, range=(0.0, 2.0**64))
    assert counts.min() > 1850
    assert counts.max() < 2150


@pytest.mark.parametrize(
    ("config", "match"),
    [
        (DrawConfig(), "either --n or --share"),
        (DrawConfig(n=1, share=0.5), "either --n or --share"),
        (DrawConfig(n=10), "holds 9 samples"),
        (DrawConfig(share=0.01), "--n 0"),
    ],
)
def test_impossible_parts_are_refused(config, match, tmp_path, make_samples, make_set) -> None:
    make_set(tmp_path / "a", make_samples(9))
    with pytest.raises(ValueError, match=match):
        draw(tmp_path / "a", tmp_path / "out", config)
    assert not (tmp_path / "out").exists()


def test_resharding_gives_the_set_made_at_once(tmp_path: Path, make_samples, make_set) -> None:
    samples = make_samples(40)
    make_set(tmp_path / "large", samples, per_shard=20)
    make_set(tmp_path / "small", samples, per_shard=3)
    reshard(tmp_path / "large", tmp_path / "cut", ShardsConfig(samples_per_shard=3))
    reshard(tmp_path / "small", tmp_path / "glued", ShardsConfig(samples_per_shard=20))
    assert archives(tmp_path / "cut") == archives(tmp_path / "small")
    assert archives(tmp_path / "glued") == archives(tmp_path / "large")
    assert read_manifest(tmp_path / "cut").funnel == ()


def test_a_damaged_source_is_named(tmp_path: Path, make_samples, make_set) -> None:
    make_set(tmp_path / "a", make_samples(9))
    path = tmp_path / "a" / "00001.tar"
    path.write_bytes(path.read_bytes().replace(b"a cat", b"a dog", 1))
    with pytest.raises(ValueError, match=r"00001\.tar, offset \d+ .*the manifest says"):
        reshard(tmp_path / "a", tmp_path / "out", ShardsConfig())


# --- regions --------------------------------------------------------------------------------------


def with_regions(folder: Path, out: Path, detector: str = "grid") -> Manifest:
    """A companion whose bodies name key and detector."""
    source = read_manifest(folder)
    out.mkdir()
    with ShardReader(folder) as reader:
        keys = [reader.key(i) for i in range(len(reader))]
    shards, at = [], 0
    for shard in source.shards:
        some = [(key, f"{detector} {key}".encode()) for key in keys[at : at + shard.n_samples]]
        shards.append(write_regions_shard(out, shard.stem, some))
        at += shard.n_samples
    info = RegionsInfo(
        detector=detector, feature_dim=3, class_names=("x",), source_digest=source.digest
    )
    manifest = Manifest(
        kind="regions",
        config_hash="",
        code_version="",
        shards=tuple(shards),
        seen=at,
        kept=at,
        regions=info,
    )
    write_manifest(out, manifest)
    return manifest


def test_regions_follow_their_samples(two_sets, tmp_path: Path) -> None:
    a, b, expected = two_sets
    companions = [tmp_path / "ra", tmp_path / "rb"]
    for one, companion in zip((a, b), companions, strict=True):
        with_regions(one, companion)
    made = merge([a, b], tmp_path / "ab", MergeConfig(samples_per_shard=6))
    found = follow(tmp_path / "ab", companions, tmp_path / "regions")
    assert [s.n_samples for s in found.shards] == [s.n_samples for s in made.shards]
    assert found.regions is not None
    assert found.regions.source_digest == made.digest
    assert verify(tmp_path / "regions") == []
    with RegionsReader(tmp_path / "regions") as reader:
        for sample in expected:
            assert reader.npz(sample.key) == f"grid {sample.key}".encode()
    follow(tmp_path / "ab", companions[::-1], tmp_path / "again")
    assert contents(tmp_path / "again") == contents(tmp_path / "regions")


def test_regions_that_do_not_fit_are_refused(two_sets, tmp_path: Path) -> None:
    a, b, _ = two_sets
    with_regions(a, tmp_path / "ra")
    with_regions(b, tmp_path / "rb", detector="other")
    with pytest.raises(ValueError, match=r"different detectors.*grid, other"):
        follow(a, [tmp_path / "ra", tmp_path / "rb"], tmp_path / "out")
    with pytest.raises(ValueError, match="none of the companions has regions for sample"):
        follow(b, [tmp_path / "ra"], tmp_path / "out")
    for run in (
        lambda: merge([tmp_path / "ra", tmp_path / "rb"], tmp_path / "x", MergeConfig()),
        lambda: reshard(tmp_path / "ra", tmp_path / "x", ShardsConfig()),
        lambda: draw(tmp_path / "ra", tmp_path / "x", DrawConfig(n=1)),
    ):
        with pytest.raises(ValueError, match="holds regions, samples are needed here"):
            run()


# --- diff -----------------------------------------------------------------------------------------


def test_differences_are_counted_and_named(two_sets) -> None:
    a, b, _ = two_sets
    found = diff(a, b)
    assert (found.same, found.only_a, found.only_b) == (2, 8, 8)
    assert (found.other_text, found.other_record) == (2, 0)
    assert dict(found.fields) == {"relevance": 2}
    assert {fact.name for fact in found.facts} == {"digest"} | (
        {"shards"} if len(read_manifest(a).shards) != len(read_manifest(b).shards) else set()
    )
    assert len(found.examples) == 5 + 5 + 2
    assert "zz better" in [one.b for one in found.examples]
    assert not found.same_samples


def test_other_scores_are_no_other_text(tmp_path: Path, make_samples, make_set) -> None:
    samples = make_samples(6)
    make_set(tmp_path / "a", samples)
    make_set(tmp_path / "b", [said(samples[0], samples[0].text, 0.123), *samples[1:]])
    found = diff(tmp_path / "a", tmp_path / "b")
    assert (found.same, found.other_text, found.other_record) == (5, 0, 1)
    assert found.fields == (("relevance", 1),)


def test_the_same_samples_in_other_shards_are_the_same(tmp_path, make_samples, make_set) -> None:
    make_set(tmp_path / "a", make_samples(20), per_shard=3)
    reshard(tmp_path / "a", tmp_path / "b", ShardsConfig())
    found = diff(tmp_path / "a", tmp_path / "b")
    assert found.same_samples
    assert found.same == 20
    assert {"shards", "settings", "made from", "digest"} == {fact.name for fact in found.facts}
    assert not diff(tmp_path / "a", tmp_path / "a").facts


def test_a_damaged_parquet_file_is_not_compared(tmp_path, make_samples, make_set) -> None:
    make_set(tmp_path / "a", make_samples(5))
    path = tmp_path / "a" / "00000.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match=r"00000\.parquet: sha256 is"):
        diff(tmp_path / "a", tmp_path / "a")
