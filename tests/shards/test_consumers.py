"""Do the programs that people already use read the shards as they are?"""

import gc
import io
import json
import tarfile
from pathlib import Path

import pyarrow.dataset as ds
import pytest
import webdataset as wds
from PIL import Image

from shards.config import ShardsConfig
from shards.manifest import read_manifest
from shards.pack import pack

# webdataset 1.0.2 leaves the shards it has read to the garbage collector instead of closing them.
unclosed = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")

N_PICTURES = 9


@pytest.fixture
def folder(tmp_path: Path, picture) -> Path:
    lines = []
    for n in range(N_PICTURES):
        extension = ("jpg", "png", "webp")[n % 3]
        (tmp_path / f"{n}.{extension}").write_bytes(picture(n, extension))
        lines.append(json.dumps({"image": f"{n}.{extension}", "texts": [f"text {n}", "猫"]}))
    (tmp_path / "pairs.jsonl").write_text("\n".join(lines))
    pack(tmp_path / "pairs.jsonl", tmp_path / "set", ShardsConfig(samples_per_shard=4))
    return tmp_path / "set"


def open_picture(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
    image.load()
    return image


@unclosed
def test_webdataset_reads_them_with_named_handlers(folder: Path) -> None:
    last = len(read_manifest(folder).shards) - 1
    handlers = [
        wds.handle_extension("jpg png webp", open_picture),
        wds.handle_extension("txt", bytes.decode),
        wds.handle_extension("json", json.loads),
    ]
    data = (
        wds.WebDataset(f"{folder}/{{00000..{last:05d}}}.tar", shardshuffle=False)
        .decode(*handlers)
        .to_tuple("__key__", "jpg;png;webp", "txt", "json")
    )
    samples = list(data)
    assert len(samples) == N_PICTURES
    assert [key for key, *_ in samples] == sorted(key for key, *_ in samples)
    for key, image, text, record in samples:
        n = int(text.removeprefix("text "))
        assert image.size == (40 + n, 30) == (record["width_px"], record["height_px"])
        assert record["texts"] == [text, "猫"]
        assert record["sha256"].startswith(key)
    del data
    gc.collect()


@unclosed
def test_webdataset_reads_them_with_its_own_decoder(folder: Path) -> None:
    """Our members are plain, so even the decoder that goes by extension finds nothing to run."""
    shard = next(shard for shard in read_manifest(folder).shards if shard.n_samples)
    data = wds.WebDataset(str(folder / shard.name), shardshuffle=False).decode("pil")
    samples = list(data)
    assert len(samples) == shard.n_samples
    for sample in samples:
        (image,) = (sample[e] for e in ("jpg", "png", "webp") if e in sample)
        assert image.mode == "RGB"
        assert isinstance(sample["txt"], str)
        assert isinstance(sample["json"], dict)
    del data
    gc.collect()


def test_the_standard_library_reads_them(folder: Path) -> None:
    with tarfile.open(folder / "00000.tar") as tar:
        for member in tar:
            assert (member.mtime, member.uid, member.gid, member.mode) == (0, 0, 0, 0o644)
            assert (member.uname, member.gname, member.pax_headers) == ("", "", {})


def test_arrow_reads_all_parquet_files_as_one_table(folder: Path) -> None:
    files = [str(path) for path in sorted(folder.glob("*.parquet"))]
    table = ds.dataset(files).to_table(filter=ds.field("width_px") >= 44)
    assert sorted(table["width_px"].to_pylist()) == [44, 45, 46, 47, 48]
    assert all(len(json.loads(record)["texts"]) == 2 for record in table["record"].to_pylist())


def test_duckdb_asks_all_parquet_files(folder: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    found = duckdb.sql(
        f"select extension, count(*), max(width_px) from '{folder}/*.parquet' group by 1 order by 1"
    ).fetchall()
    assert found == [("jpg", 3, 46), ("png", 3, 47), ("webp", 3, 48)]
    (texts,) = duckdb.sql(
        f"select record->>'$.texts[1]' from '{folder}/*.parquet' limit 1"
    ).fetchall()
    assert texts == ("猫",)


def test_pandas_reads_the_folder_of_parquet_files(folder: Path) -> None:
    pd = pytest.importorskip("pandas")
    files = sorted(folder.glob("*.parquet"))
    table = pd.concat(map(pd.read_parquet, files), ignore_index=True)
    assert len(table) == N_PICTURES
    assert table["key"].is_monotonic_increasing
    assert table.loc[table["text"] == "text 7", "width_px"].item() == 47
    assert table["relevance"].isna().all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_hugging_face_datasets_load_them(folder: Path, tmp_path: Path) -> None:
    """As https://huggingface.co/docs/datasets/image_dataset says of WebDataset.

    Without `features` it takes the first archive's samples for a model of all, which only holds for
    a set of one image format.
    """
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {
            **{extension: datasets.Image() for extension in ("jpg", "png", "webp")},
            "txt": datasets.Value("string"),
            "json": datasets.Json(),
            "__key__": datasets.Value("string"),
            "__url__": datasets.Value("string"),
        }
    )
    for streaming in (False, True):
        data = datasets.load_dataset(
            "webdataset",
            data_files={"train": str(folder / "*.tar")},
            split="train",
            features=features,
            streaming=streaming,
            cache_dir=str(tmp_path / "cache"),
        )
        rows = list(data)
        assert len(rows) == N_PICTURES
        for row in rows:
            n = int(row["txt"].removeprefix("text "))
            (image,) = (row[e] for e in ("jpg", "png", "webp") if row[e] is not None)
            assert image.size == (40 + n, 30)
            assert row["json"]["width_px"] == 40 + n
            assert row["json"]["sha256"].startswith(row["__key__"])
        del data


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_mlcroissant_validates_and_reads_them(folder: Path) -> None:
    """As its documentation does; what it misses is only recommended, and for people to decide."""
    mlc = pytest.importorskip("mlcroissant")
    data = mlc.Dataset(jsonld=str(folder / "croissant.json"))
    assert not data.metadata.ctx.issues.errors
    missing = sorted(data.metadata.ctx.issues.warnings)
    assert ["citeAs" in missing[0], "datePublished" in missing[1]] == [True] * len(missing)
    rows = list(data.records(record_set="samples"))
    assert len(rows) == N_PICTURES
    for row in rows:
        n = int(row["samples/text"].decode().removeprefix("text "))
        assert row["samples/image"].size == (40 + n, 30)
