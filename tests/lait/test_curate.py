"""Does a whole curation keep every promise: nothing lost, same bytes, finished or not at all?"""

import hashlib
import io
import json
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from lait.beam import beam_flags
from lait.config import load_config
from lait.curate import curate
from lait.inputs import read_funnel
from shards.manifest import read_manifest

SETTINGS = ["shards.samples_per_shard=4", "shards.ledger_rows_per_file=10"]
N_GOOD = 10
WORDS = ("umbrella", "dog", "boat", "house", "tree", "flower", "horse", "bridge", "lamp", "train")


def picture(seed: int, side_px: int = 320) -> bytes:
    coarse = np.random.default_rng(seed).integers(0, 256, size=(6, 6, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(coarse).resize((side_px, side_px), Image.Resampling.BICUBIC).save(out, "JPEG")
    return out.getvalue()


STORY = (
    "<p>We went out on a fine day and saw many things that we had not seen before, and then we "
    "came home again in the evening, tired and happy with all that we had found.</p>"
)


def page(image: str, alt: str, story: str = STORY) -> bytes:
    return (
        "<!doctype html><html lang=en><head><title>A day out</title></head><body><article>"
        f'<h1>A day out</h1><figure><img src="{image}" alt="{alt}" width=640 height=640></figure>'
        f"{story}</article></body></html>"
    ).encode()


def record(number: int, url: str, kind: str, body: bytes, status: int = 200) -> bytes:
    http = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n\r\n".encode() + body
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\n"
        f"WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012d}>\r\n"
        f"WARC-Date: 2020-01-01T00:00:00Z\r\nWARC-Target-URI: {url}\r\n"
        "Content-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


def cases() -> list[tuple[str, bytes, str, bytes | None]]:
    """(name, page, media type, image body or None) of every page of the little web."""
    good = [
        (f"good{n}", page(f"good{n}.jpg", f"A red {word} stands in the sunny garden"), picture(n))
        for n, word in enumerate(WORDS)
    ]
    bad = [
        ("copy", page("copy.jpg", "A red umbrella stands in the sunny garden"), picture(0)),
        ("small", page("small.jpg", "A small boat on the quiet lake"), picture(50, 200)),
        ("cut", page("cut.jpg", "A grey horse on the green hill"), picture(51)[:2500]),
        ("html", page("html.jpg", "A black cat in the old house"), b"<html>sorry</html>" * 99),
        ("gone", page("gone.jpg", "A white house at the wide sea"), None),
        ("image", page("image.jpg", "image", story=""), picture(52)),
    ]
    return [(name, html, "image/jpeg", body) for name, html, body in good + bad]


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Three archives; pages and their images lie in different ones."""
    parts = [b"", b"", b""]
    for number, (name, html, kind, body) in enumerate(cases()):
        url = f"https://site{number % 3}.example/{name}"
        parts[number % 3] += record(2 * number, f"{url}.html", "text/html", html)
        if body is not None:
            there = (number + 1) % 3
            parts[there] += record(2 * number + 1, f"{url}.jpg", kind, body)
    folder = tmp_path_factory.mktemp("archives")
    paths = [folder / f"{letter}.warc" for letter in "abc"]
    for path, part in zip(paths, parts, strict=True):
        path.write_bytes(part)
    return [str(path) for path in paths]


def run(archives: list[str], out: Path, **options):
    settings = options.pop("settings", SETTINGS)
    return curate(archives, out, config=load_config(None, settings), relevance=None, **options)


@pytest.fixture(scope="module")
def finished(archives: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "out"
    run(archives, out)
    return out


def bytes_of(out: Path) -> dict[str, str]:
    """sha256 of every file of a run."""
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def test_every_candidate_has_one_fate(finished: Path) -> None:
    ledger = pq.read_table(finished / "ledger").to_pylist()
    fates = {
        row["page_url"].rsplit("/", 1)[1].removesuffix(".html"): row["reason"] for row in ledger
    }
    assert len(ledger) == len(fates) == len(cases())
    expected = {f"good{n}": None for n in range(N_GOOD)} | {
        "small": "min_side",
        "cut": "image_corrupt",
        "html": "image_format",
        "gone": "image_missing",
        "image": "text_boilerplate",
    }
    assert {name: fate for name, fate in fates.items() if name not in ("copy", "good0")} == {
        name: fate for name, fate in expected.items() if name != "good0"
    }
    # One of the two pages with the same image stays.
    assert sorted([fates["copy"] or "", fates["good0"] or ""]) == ["", "duplicate_image"]


def test_funnel_ledger_shards_and_manifest_agree(finished: Path) -> None:
    funnel, manifest = read_funnel(finished), read_manifest(finished)
    ledger = pq.read_table(finished / "ledger").to_pylist()
    assert funnel.seen == funnel.kept + funnel.dropped == len(ledger) == len(cases())
    assert funnel.kept == manifest.n_samples == sum(row["kept"] for row in ledger) == N_GOOD
    assert (funnel.pages, funnel.images, funnel.damage) == (len(cases()), len(cases()) - 1, 0)
    assert manifest.seen == funnel.seen
    assert [row.reason for row in funnel.rows if row.stage == "relevance"] == ["no model"]
    assert [info.name for info in manifest.inputs] == ["a.warc", "b.warc", "c.warc"]
    settings = json.loads((finished / "config.json").read_text())
    assert settings["config_hash"] == manifest.config_hash
    assert settings["config"]["shards"]["samples_per_shard"] == 4


def test_shards_hold_the_original_bytes_and_the_ledger_names_them(finished: Path) -> None:
    ledger = {row["key"]: row for row in pq.read_table(finished / "ledger").to_pylist()}
    found = []
    for path in sorted((finished / "shards").glob("*.tar")):
        with tarfile.open(path) as tar:
            members = {m.name: tar.extractfile(m).read() for m in tar.getmembers()}
        for key in sorted({name.split(".")[0] for name in members}):
            image, text = members[f"{key}.jpg"], members[f"{key}.txt"].decode()
            about = json.loads(members[f"{key}.json"])
            assert hashlib.sha256(image).hexdigest()[:32] == key
            assert ledger[key]["shard"] == path.stem
            assert (ledger[key]["text"], about["text_source"]) == (text, "alt")
            assert about["page_file"] == Path(ledger[key]["page_file"]).name
            assert about["image_file"] == Path(ledger[key]["image_file"]).name
            assert str(Path(ledger[key]["page_file"]).parent) not in members[f"{key}.json"].decode()
            found.append(key)
    assert found == sorted(found)
    assert len(found) == N_GOOD
    stems = [path.stem for path in sorted((finished / "shards").glob("*.tar"))]
    assert stems == [f"{n:05d}" for n in range(3)], "10 samples, 4 a shard"


def test_thumbnails_show_every_reason_that_has_an_image(finished: Path) -> None:
    rows = pq.read_table(finished / "thumbnails").to_pylist()
    assert {row["reason"] for row in rows} == {
        "kept", "min_side", "text_boilerplate", "duplicate_image",
    }  # fmt: skip
    assert sum(row["reason"] == "kept" for row in rows) == N_GOOD
    assert all(row["thumbnail"][:3] == b"\xff\xd8\xff" for row in rows)


def test_nothing_hidden_is_left(finished: Path) -> None:
    assert not [path for path in finished.rglob("*") if path.name.startswith(".")]


def test_two_processes_write_the_same_bytes(archives, finished, tmp_path) -> None:
    funnel = run(archives, tmp_path / "out", workers=2)
    assert funnel == read_funnel(finished)
    assert bytes_of(tmp_path / "out") == bytes_of(finished)


def test_another_folder_gives_the_same_shards(archives, finished, tmp_path) -> None:
    moved = []
    for archive in archives[::-1]:
        moved.append(tmp_path / Path(archive).name)
        moved[-1].write_bytes(Path(archive).read_bytes())
    run([str(path) for path in moved], tmp_path / "out")
    found, expected = bytes_of(tmp_path / "out" / "shards"), bytes_of(finished / "shards")
    assert found == expected


def test_a_finished_run_is_not_made_again(archives, finished, monkeypatch) -> None:
    import lait.curate as module

    def fail(*_args: object) -> None:
        raise AssertionError("it was made again")

    before = bytes_of(finished)
    monkeypatch.setattr(module, "graph", fail)
    assert run(archives[::-1], finished) == read_funnel(finished)
    assert bytes_of(finished) == before


def test_a_finished_run_is_not_overwritten(archives, finished) -> None:
    before = bytes_of(finished)
    with pytest.raises(ValueError, match=r"--out .*filter.min_words was 3, is 4"):
        run(archives, finished, settings=[*SETTINGS, "filter.min_words=4"])
    with pytest.raises(ValueError, match=r"--out .*other archives"):
        run(archives[:2], finished)
    assert bytes_of(finished) == before


def test_an_unfinished_run_is_made_anew(archives, finished, tmp_path) -> None:
    out = tmp_path / "out"
    (out / "shards").mkdir(parents=True)
    (out / "ledger").mkdir()
    (out / "config.json").write_text("{}")
    (out / "shards" / "00007.tar").write_bytes(b"stale")
    (out / "ledger" / "00007.parquet").write_bytes(b"stale")
    run(archives, out)
    assert bytes_of(out) == bytes_of(finished)


def test_somebody_elses_folder_is_left_alone(archives, tmp_path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(ValueError, match=r"--out .*letter\.txt"):
        run(archives, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize(
    ("change", "needle"),
    [
        (lambda files: [*files, "nope.warc"], "nope.warc"),
        (lambda files: [*files, files[0]], "a.warc"),
        (lambda _files: [], "no archive"),
        (lambda _files: [__file__], "test_curate.py"),
    ],
)
def test_archives_that_cannot_be_used(archives, tmp_path, change, needle) -> None:
    with pytest.raises(ValueError, match=needle):
        run(change(archives), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_way(archives, tmp_path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ValueError, match="--out"):
        run(archives, tmp_path / "file" / "out")


def test_too_many_errors_leave_the_run_unfinished(archives, tmp_path, monkeypatch) -> None:
    import filter.size as size

    def broken(_self: object, _facts: object) -> None:
        raise ArithmeticError("odd")

    monkeypatch.setattr(size.MinSide, "__call__", broken)
    with pytest.raises(RuntimeError, match=r"raised on 12 of 16.*max_error_share"):
        run(archives, tmp_path / "out")
    assert not (tmp_path / "out" / "shards" / "manifest.json").exists()
    rows = pq.read_table(tmp_path / "out" / "ledger").to_pylist()
    assert sum(row["reason"] == "error" and row["stage"] == "size" for row in rows) == 12
    letters = pq.read_table(tmp_path / "out" / "dead_letter").to_pylist()
    assert len(letters) == 12
    assert "MinSide: ArithmeticError: odd" in letters[0]["detail"]


def test_a_filter_that_drops_too_much_leaves_the_run_unfinished(archives, tmp_path) -> None:
    config = load_config(
        None, [*SETTINGS, "filter.min_side_px=5000", "max_drop_share=0.9", "max_drop_share_from=9"]
    )
    with pytest.raises(RuntimeError, match=r"min_side \(size\) dropped .*max_drop_shares"):
        curate(archives, tmp_path / "out", config=config, relevance=None)
    assert not (tmp_path / "out" / "shards" / "manifest.json").exists()
    accepted = config.model_copy(update={"max_drop_shares": ("min_side=1",)})
    assert curate(archives, tmp_path / "out", config=accepted, relevance=None).kept == 0


def test_lost_candidates_leave_the_run_unfinished(archives, tmp_path, monkeypatch) -> None:
    import filter.transforms as transforms

    real = transforms.keep_best_pair
    monkeypatch.setattr(transforms, "keep_best_pair", lambda group: list(real(group))[:1])
    with pytest.raises(RuntimeError, match=r"seen 16.*15"):
        run(archives, tmp_path / "out")
    assert not (tmp_path / "out" / "shards" / "manifest.json").exists()


KILLED = """
import os, signal, sys
from pathlib import Path
import {module} as module
from lait.config import load_config
from lait.curate import curate

real, calls = module.{name}, []

def fatal(*args, **options):
    calls.append(args)
    if len(calls) == {call}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args, **options)

module.{name} = fatal
curate(sys.argv[2:], Path(sys.argv[1]), config=load_config(None, {settings!r}), relevance=None)
"""


@pytest.mark.parametrize(
    ("module", "name", "call"),
    [("shards.transforms", "write_shard", 2), ("lait.curate", "write_manifest", 1)],
)
def test_a_killed_run_leaves_no_manifest_and_completes(
    archives, finished, tmp_path, module, name, call
) -> None:
    out = tmp_path / "out"
    code = KILLED.format(module=module, name=name, call=call, settings=SETTINGS)
    process = subprocess.run([sys.executable, "-c", code, str(out), *archives], check=False)
    assert process.returncode == -signal.SIGKILL
    assert (out / "shards" / "00000.tar").exists(), "it was killed in the middle"
    with pytest.raises(ValueError, match=r"manifest\.json"):
        read_manifest(out)
    run(archives, out)
    assert bytes_of(out) == bytes_of(finished)


@pytest.mark.parametrize(
    ("workers", "given", "expected"),
    [
        (1, [], ["--runner=FnApiRunner"]),
        (2, [], ["--runner=FnApiRunner", "--direct_running_mode=multi_processing",
                 "--direct_num_workers=2"]),
        (1, ["--runner=FlinkRunner", "--x=y"], ["--runner=FlinkRunner", "--x=y"]),
    ],
)  # fmt: skip
def test_beam_flags(workers, given, expected) -> None:
    assert beam_flags(workers, given) == expected


@pytest.mark.parametrize(("workers", "given"), [(0, []), (2, ["--runner=FlinkRunner"])])
def test_workers_that_cannot_be(workers, given) -> None:
    with pytest.raises(ValueError, match="--workers"):
        beam_flags(workers, given)
