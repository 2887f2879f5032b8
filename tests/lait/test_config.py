"""Does every mistake in a setting end in one line that names the field and where it was given?"""

from pathlib import Path

import pytest

from lait.config import CurateConfig, digest, fields, load_config


def test_defaults() -> None:
    assert load_config() == CurateConfig()
    assert load_config().filter.min_side_px == 300


def test_overrides_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("filter:\n  min_side_px: 350\n  min_words: 4\nbatch_images: 8\n")
    config = load_config(file, ["filter.min_side_px=400", "filter.text_sources=[alt, title]"])
    assert config.filter.min_side_px == 400
    assert config.filter.min_words == 4
    assert config.batch_images == 8
    assert config.filter.text_sources == ("alt", "title")
    assert load_config(None, ["filter.max_phash_distance=null"]).filter.max_phash_distance is None


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("# nothing yet\n")
    assert load_config(tmp_path / "c.yaml") == CurateConfig()


@pytest.mark.parametrize(
    ("override", "needles"),
    [
        ("filter.min_side=400", ("filter.min_side=400", "filter.min_side_px")),
        ("min_words=4", ("min_words=4", "filter.min_words")),
        ("filtre.min_words=4", ("filtre.min_words", "filter.min_words")),
        ("nonsense=1", ("nonsense", "one of", "filter.min_words")),
        ("filter={}", ("filter={}", "no field filter")),
        ("relevance_digest=abc", ("relevance_digest", "no field")),
        ("filter.min_side_px=wide", ("filter.min_side_px=wide", "integer")),
        ("filter.min_relevance=1.5", ("filter.min_relevance=1.5", "less than or equal to 1")),
        ("filter.text_sources=[alt, smell]", ("filter.text_sources", "alt")),
        ("filter.min_words", ("filter.min_words", "needs a value")),
        ("filter.min_words=[", ("filter.min_words=[",)),
    ],
)
def test_overrides_that_cannot_be_used(override: str, needles: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="--set") as error:
        load_config(None, [override])
    assert "\n" not in str(error.value)
    for needle in needles:
        assert needle in str(error.value)


@pytest.mark.parametrize(
    ("content", "needle"),
    [
        ("filter: {min_side: 4}", "filter.min_side_px"),
        ("filter: {min_words: 0}", "filter.min_words: 0"),
        ("- a\n- b", "fields"),
        ("filter: [", "YAML"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, content: str, needle: str) -> None:
    (tmp_path / "c.yaml").write_text(content)
    with pytest.raises(ValueError, match=r"--config .*c\.yaml") as error:
        load_config(tmp_path / "c.yaml")
    assert needle in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--config .*nope\.yaml"):
        load_config(tmp_path / "nope.yaml")


def test_digest_is_of_the_values() -> None:
    same = load_config(None, ["filter.min_side_px=300"])
    other = load_config(None, ["filter.min_side_px=301"])
    assert digest(same) == digest(CurateConfig()) != digest(other)
    assert len(digest(same)) == 64


def test_every_field_can_be_named() -> None:
    names = set(fields())
    assert {"filter.min_side_px", "crawl.max_page_bytes", "shards.samples_per_shard"} <= names
    assert "batch_images" in names
    assert "filter" not in names
