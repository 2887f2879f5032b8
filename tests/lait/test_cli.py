"""Does bad input end in one clear line and exit code 2, with nothing half written?"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SAVED_PAGE = """<!doctype html><html lang="en"><head><title>A day at the beach</title></head><body>
<article><h1>A day at the beach</h1>
<img src="/i/umbrella.jpg" width="640" height="480" alt="A red umbrella on a sandy beach">
<p>We spent the whole day at the beach, under a red umbrella, and the sea was calm and blue.</p>
</article></body></html>"""


def lait(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the real command in a process of its own, as a user does."""
    return subprocess.run(
        [sys.executable, "-c", "from lait.cli import main; main()", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def refused(done: subprocess.CompletedProcess[str], *needles: str) -> None:
    """Exit 2, one line on stderr that holds every needle, nothing on stdout, no traceback."""
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("lait: ")
    for needle in needles:
        assert needle in lines[0], lines[0]
    assert not done.stdout


def test_version() -> None:
    from lait import __version__

    assert lait("--version").stdout.strip() == f"lait {__version__}"


COMMANDS = ["", "demo", "world", "curate", "gold", "extract", "pack", "regions", "pretrain"]
COMMANDS += ["evaluate", "export", "doctor", "relevance train", "relevance eval", "relevance score"]
COMMANDS += ["shards verify", "shards inspect", "crawl", "study", "zoo", "finetune retrieval"]
COMMANDS += ["main-image train", "main-image eval"]
COMMANDS += [
    f"shards {name}" for name in ("diff", "merge", "sample", "reshard", "follow", "push", "purge")
]
COMMANDS += ["finetune vqa", "finetune refer", "answer", "multitask"]
COMMANDS += ["replay", "hashes", "natural train", "natural eval"]
COMMANDS += [f"ledger {name}" for name in ("query", "why", "host", "drops")]
COMMANDS += [f"commoncrawl {name}" for name in ("paths", "pick", "fetch", "wat")]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(command: str) -> None:
    done = lait(*command.split(), "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout
    assert "lait " + (command or "demo") in done.stdout.split("Usage", 1)[1].split("\n", 1)[1]


def test_missing_archive(tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = lait("curate", tmp_path / "nope.warc.gz", "--out", out, "--relevance", "none")
    refused(done, "nope.warc.gz")
    assert not out.exists()


def test_archive_that_is_no_warc(tmp_path: Path) -> None:
    text = tmp_path / "letter.txt"
    text.write_text("Dear reader, this is not an archive.\n" * 20)
    out = tmp_path / "run"
    refused(lait("curate", text, "--out", out, "--relevance", "none"), "letter.txt", "WARC")
    assert not out.exists()


def test_output_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    archive = tmp_path / "a.warc"
    archive.write_bytes(b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n\r\n\r\n")
    done = lait("curate", archive, "--out", tmp_path / "file" / "run", "--relevance", "none")
    refused(done, "--out")


def test_unknown_field_names_the_nearest(tmp_path: Path) -> None:
    archive = tmp_path / "a.warc"
    archive.write_bytes(b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n\r\n\r\n")
    done = lait(
        "curate", archive, "--out", tmp_path / "run", "--relevance", "none",
        "--set", "filter.min_side=400",
    )  # fmt: skip
    refused(done, "filter.min_side", "min_side_px")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("value", ["filter.min_side_px=wide", "filter.min_relevance=1.5"])
def test_value_out_of_range(tmp_path: Path, value: str) -> None:
    archive = tmp_path / "a.warc"
    archive.write_bytes(b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n\r\n\r\n")
    done = lait("curate", archive, "--out", tmp_path / "run", "--relevance", "none", "--set", value)
    refused(done, *value.split("="))


def test_shards_without_manifest(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    done = lait(
        "pretrain", "imagebert", "--stage", f"web={tmp_path / 'shards'}",
        "--regions", f"web={tmp_path / 'regions'}", "--out", tmp_path / "run",
    )  # fmt: skip
    refused(done, "manifest.json", "--stage")
    assert not (tmp_path / "run").exists()


def test_unknown_recipe(tmp_path: Path) -> None:
    done = lait("pretrain", "imagebart", "--stage", "web=x", "--out", tmp_path / "run")
    refused(done, "imagebart", "imagebert")


def test_relevance_model_that_is_none(tmp_path: Path) -> None:
    archive = tmp_path / "a.warc"
    archive.write_bytes(b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n\r\n\r\n")
    done = lait("curate", archive, "--out", tmp_path / "run", "--relevance", tmp_path / "model")
    refused(done, "--relevance", "model")
    assert not (tmp_path / "run").exists()


def test_extract_one_page(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(SAVED_PAGE)
    shown = lait("extract", page, "--url", "https://example.org/day")
    assert shown.returncode == 0, shown.stderr
    assert "umbrella" in shown.stdout
    record = json.loads(lait("extract", page, "--url", "https://example.org/day", "--json").stdout)
    assert record["main_image"] == "https://example.org/i/umbrella.jpg"


def test_extract_many_pages(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(SAVED_PAGE)
    pages = tmp_path / "pages.jsonl"
    pages.write_text(json.dumps({"file": "page.html", "url": "https://example.org/day"}) + "\n")
    out = tmp_path / "out.jsonl"
    done = lait("extract", "--pages", pages, "--out", out)
    assert done.returncode == 0, done.stderr
    (record,) = map(json.loads, out.read_text().splitlines())
    assert record["file"] == "page.html"
    assert record["main_image"] == "https://example.org/i/umbrella.jpg"
    (candidate,) = record["candidates"]
    assert candidate["alt"] == "A red umbrella on a sandy beach"
    assert "sea was calm" in candidate["surrounding"]
    assert {"source": "page_title", "text": "A day at the beach"} in candidate["texts"]
    assert 0 <= candidate["score"] <= 1


def test_extract_names_the_line_that_cannot_be_used(tmp_path: Path) -> None:
    pages = tmp_path / "pages.jsonl"
    pages.write_text('{"file": "page.html"}\n')
    out = tmp_path / "out.jsonl"
    refused(lait("extract", "--pages", pages, "--out", out), "line 1", "url")
    assert list(tmp_path.iterdir()) == [pages]


def test_verify_counts_every_byte_and_names_a_changed_shard(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (320, 320), "teal").save(tmp_path / "a.png")
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text(json.dumps({"image": "a.png", "text": "A plain teal square"}) + "\n")
    out = tmp_path / "set"
    assert lait("pack", pairs, "--out", out).returncode == 0
    whole = lait("shards", "verify", out)
    assert whole.returncode == 0, whole.stderr
    said = " ".join(whole.stderr.split())
    total = said.split(" bytes are as the manifest says")[0].split()[-1].replace(",", "")
    assert f"bytes: {total} in" in said
    archive = out / "00000.tar"
    changed = bytearray(archive.read_bytes())
    changed[600] ^= 1
    archive.write_bytes(changed)
    damaged = lait("shards", "verify", out)
    assert damaged.returncode == 1
    assert "00000.tar" in damaged.stdout


def test_a_task_without_its_questions_is_named(tmp_path: Path) -> None:
    annotations = tmp_path / "annotations.json"
    annotations.write_text('{"annotations": []}')
    common = ("--shards", tmp_path, "--regions", tmp_path, "--annotations", annotations)
    start = ("--recipe", "imagebert", "--out", tmp_path / "tuned")
    refused(lait("finetune", "vqa", *common, *start), "--annotations", "questions file")
    assert not (tmp_path / "tuned").exists()
    refused(lait("finetune", "vqa", *common, "--out", tmp_path / "tuned"), "--start", "--recipe")


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (("study", "real", "--demo", "out/demo"), "--captions DIR"),
        (("study", "curation", "--captions", "figures"), "--demo DIR"),
    ],
)
def test_a_study_names_the_source_that_it_lacks(
    arguments: tuple[str, ...], needed: str, tmp_path: Path
) -> None:
    refused(lait(*arguments, "--out", tmp_path / "out"), needed)


def test_an_unknown_tracker_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    """Its data does not exist either, which would be said later."""
    out = tmp_path / "out"
    stage = ("--stage", f"web={tmp_path}", "--regions", f"web={tmp_path}")
    done = lait("pretrain", "imagebert", "--shrink", *stage, "--out", out, "--track", "notes")
    refused(done, "--track notes", "wandb, mlflow")
    assert not out.exists()
