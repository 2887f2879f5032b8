"""Does a set describe itself truly, to people and to machines?"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from shards.card import bars, write_card
from shards.inspect import Histogram
from shards.manifest import FunnelRow, InputInfo, Manifest


@pytest.fixture
def described(tmp_path: Path, make_samples, make_set) -> Manifest:
    manifest = replace(
        make_set(tmp_path, make_samples(30), per_shard=10),
        seen=1042,
        funnel=(FunnelRow(stage="size", reason="min_side", count=1012),),
        inputs=(InputInfo(name="a|b`<script>.warc.gz", n_bytes=5_000, sha256="e" * 64),),
    )
    write_card(tmp_path, manifest)
    return manifest


def test_the_card_has_a_hub_header(tmp_path: Path, described: Manifest) -> None:
    _, header, body = (tmp_path / "README.md").read_text().split("---\n", 2)
    meta = yaml.safe_load(header)
    assert meta["license"] == "other"
    assert meta["size_categories"] == ["n<1K"]
    assert meta["configs"] == [{"config_name": "default", "data_files": "*.tar"}]
    assert "webdataset" in meta["tags"]
    assert body.startswith("\n# ")


def test_the_card_tells_the_funnel_and_where_all_comes_from(
    tmp_path: Path, described: Manifest
) -> None:
    card = (tmp_path / "README.md").read_text()
    assert "|  | seen | 1,042 |" in card
    assert "| size | dropped: min_side | 1,012 |" in card
    assert "|  | kept | 30 |" in card
    assert described.digest in card
    assert described.config_hash in card
    assert "e" * 64 in card
    assert "lait 0.1.0" in card
    assert "## Rights, people, takedown" in card
    for name in ("Words of the text", "Image width", "Image height", "Image bytes", "Relevance"):
        histogram = card.partition(f"## {name}")[2].partition("\n## ")[0]
        assert " " + "#" * 40 in histogram, name


def test_names_cannot_become_markup(tmp_path: Path, described: Manifest) -> None:
    assert "a_b__script_.warc.gz" in (tmp_path / "README.md").read_text()


def test_same_set_same_card(tmp_path: Path, described: Manifest) -> None:
    names = ("README.md", "croissant.json")
    before = [(tmp_path / name).read_bytes() for name in names]
    write_card(tmp_path, described)
    assert [(tmp_path / name).read_bytes() for name in names] == before


def test_bars() -> None:
    histogram = Histogram(edges=(0, 1, 2, 3, float("inf")), counts=(0, 80, 0, 1), n_missing=2)
    assert bars(histogram).splitlines() == [
        f"{'1 to 2':>20} {80:>12} {'#' * 40}",
        f"{'2 to 3':>20} {0:>12}",
        f"{'3 and more':>20} {1:>12} #",
        f"{'not known':>20} {2:>12}",
    ]


def nodes(value: object) -> Iterator[dict[str, object]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from nodes(inner)


def test_croissant_has_the_shape_of_the_specification(tmp_path: Path, described: Manifest) -> None:
    document = json.loads((tmp_path / "croissant.json").read_bytes())
    assert document["@type"] == "sc:Dataset"
    assert document["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    assert {"name", "description", "license", "version"} <= document.keys()
    context = document.pop("@context")
    known = (
        set(context)
        | {"@id", "@type"}
        | {
            # terms of schema.org, which is the default vocabulary
            *("name", "description", "license", "version", "distribution", "containedIn"),
            *("contentUrl", "contentSize", "encodingFormat", "sha256"),
        }
    )
    ids = {node["@id"] for node in nodes(document) if "@type" in node and "@id" in node}
    for node in nodes(document):
        assert node.keys() <= known, node
        if "@id" in node and "@type" not in node:
            assert node["@id"] in ids, f"a reference to nothing: {node}"
        if node.get("@type") == "cr:FileObject":
            assert {"contentUrl", "encodingFormat", "sha256", "contentSize"} <= node.keys()
        if node.get("@type") == "cr:FileSet":
            assert {"containedIn", "encodingFormat", "includes"} <= node.keys()
        if node.get("@type") == "cr:Field":
            assert {"dataType", "source"} <= node.keys()


def test_croissant_names_every_archive_with_its_hash(tmp_path: Path, described: Manifest) -> None:
    document = json.loads((tmp_path / "croissant.json").read_bytes())
    objects = {o["@id"]: o for o in document["distribution"] if o["@type"] == "cr:FileObject"}
    for shard in described.shards:
        assert objects[shard.name]["sha256"] == shard.sha256
        assert objects[shard.name]["contentSize"] == f"{shard.n_bytes} B"
        assert objects[f"{shard.stem}.parquet"]["encodingFormat"] == "application/x-parquet"
    assert len(objects) == 2 * len(described.shards)
