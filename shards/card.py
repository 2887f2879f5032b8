"""What should a person know before using a shard set?"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from shards.aside import publish_bytes
from shards.croissant import croissant
from shards.inspect import Histogram, Summary, summarise
from shards.manifest import Manifest

DESCRIPTION = "Image-text pairs in WebDataset shards, made by lait."
RIGHTS = (
    "Images and texts belong to their owners. This set grants no licence to them; "
    "the url columns say where each pair was found."
)
_BAR_CHARS = 40


def write_card(folder: Path, manifest: Manifest, out: Path | None = None) -> None:
    """Writes `README.md` (a data card with a Hugging Face header) and `croissant.json`.

    They go to `out`, by default the set's own folder. Call it before `write_manifest`, which comes
    last. The same set gives the same bytes. Raises ValueError for a set of regions.
    """
    summary = summarise(folder, manifest)
    out = out or folder
    publish_bytes(out / "README.md", _card(manifest, summary).encode())
    document = json.dumps(croissant(manifest, DESCRIPTION, RIGHTS), indent=1)
    publish_bytes(out / "croissant.json", document.encode() + b"\n")


def _card(manifest: Manifest, summary: Summary) -> str:
    sections = (
        _header(summary),
        f"# Image-text pairs\n\n{DESCRIPTION}\n\n{_facts(manifest, summary)}",
        _READING,
        f"## From candidates to pairs\n\n{_funnel(manifest)}",
        _histograms(summary),
        f"## Provenance\n\n{_provenance(manifest)}",
        _RIGHTS_SECTION,
    )
    return "\n\n".join(sections) + "\n"


def _header(summary: Summary) -> str:
    languages = [name for name, _ in summary.languages if re.fullmatch("[a-z]{2,3}", name)]
    lines = [
        "license: other",
        *(["language:", *(f"- {name}" for name in languages)] if languages else []),
        "task_categories:",
        "- image-to-text",
        "- text-to-image",
        "tags:",
        "- webdataset",
        "- image-text-pairs",
        "size_categories:",
        f"- {_size_category(summary.n_samples)}",
        "configs:",
        "- config_name: default",
        '  data_files: "*.tar"',
    ]
    return "\n".join(("---", *lines, "---"))


def _size_category(n_samples: int) -> str:
    names = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")
    for power, name in enumerate(names, start=3):
        if n_samples < 10**power:
            return f"n<{name}" if power == 3 else f"{names[power - 4]}<n<{name}"
    return "n>1T"


def _facts(manifest: Manifest, summary: Summary) -> str:
    rows = [
        ("samples", f"{summary.n_samples:,}"),
        ("shards", f"{summary.n_shards:,}"),
        ("bytes of archives", f"{summary.n_bytes:,}"),
        ("image formats", _counts(summary.extensions)),
        ("sources of the texts", _counts(summary.text_sources)),
        ("languages", _counts(summary.languages)),
        ("takedown version", str(manifest.tombstone_version)),
    ]
    return _table(("", ""), [row for row in rows if row[1]])


_READING = """## Reading it

`NNNNN.tar` holds `<key>.jpg|png|webp`, `<key>.txt` and `<key>.json` side by side; the key is the
start of the sha256 of the image. `NNNNN.parquet` has one row a sample, in the same order.

```python
import webdataset as wds

samples = wds.WebDataset("00000.tar", shardshuffle=False).to_tuple("jpg;png;webp", "txt", "json")
```

The members are bytes. Decode them with handlers that you name; a decoder that goes by every
extension may run code from an archive."""


def _funnel(manifest: Manifest) -> str:
    rows = [("", "seen", f"{manifest.seen:,}")]
    rows += [(row.stage, f"dropped: {row.reason}", f"{row.count:,}") for row in manifest.funnel]
    rows += [("", "kept", f"{manifest.kept:,}")]
    return _table(("stage", "", "candidates"), rows)


def _histograms(summary: Summary) -> str:
    named = (
        ("Words of the text", summary.words),
        ("Image width, pixels", summary.width_px),
        ("Image height, pixels", summary.height_px),
        ("Image bytes", summary.image_bytes),
        ("Relevance of the text to the image", summary.relevance),
    )
    known = [(name, histogram) for name, histogram in named if any(histogram.counts)]
    return "\n\n".join(f"## {name}\n\n```\n{bars(histogram)}\n```" for name, histogram in known)


def bars(histogram: Histogram) -> str:
    """A histogram as lines of text: bin, count, bar. Empty bins at both ends are left out."""
    used = [i for i, count in enumerate(histogram.counts) if count]
    largest = max(histogram.counts)
    lines = []
    for i in range(used[0], used[-1] + 1) if used else ():
        low, high = histogram.edges[i], histogram.edges[i + 1]
        label = f"{low:g} and more" if high == float("inf") else f"{low:g} to {high:g}"
        bar = "#" * -(-histogram.counts[i] * _BAR_CHARS // largest)
        lines.append(f"{label:>20} {histogram.counts[i]:>12,} {bar}".rstrip())
    if histogram.n_missing:
        lines.append(f"{'not known':>20} {histogram.n_missing:>12,}")
    return "\n".join(lines)


def _provenance(manifest: Manifest) -> str:
    rows = [
        ("made by", f"lait {manifest.code_version}"),
        ("configuration", f"`{manifest.config_hash}`"),
        ("content digest", f"`{manifest.digest}`"),
    ]
    inputs = [(_code(i.name), f"{i.n_bytes:,}", _code(i.sha256 or "")) for i in manifest.inputs]
    tables = [_table(("", ""), rows)]
    if inputs:
        tables.append(_table(("input", "bytes", "sha256"), inputs))
    sources = [
        (f"`{one.digest}`", f"{one.n_samples:,}", _plain(one.code_version))
        for one in manifest.sources
    ]
    if sources:
        tables.append(_table(("made from the set", "samples", "by lait"), sources))
    return "\n\n".join(tables)


_RIGHTS_SECTION = f"""## Rights, people, takedown

{RIGHTS} Whether you may use them depends on where you are and what you do.

Pictures and captions can show or name people: treat them, and the urls, as personal data.
No filter finds everything that is unlawful or harmful; these filters do not replace matching
against lists of known illegal material.

When somebody asks for a pair to be removed, `lait shards purge` removes it by url, host, hash or
key, raises the takedown version, and leaves a tombstone that later runs and loaders obey."""


def _counts(counts: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(f"{_plain(name)} {count:,}" for name, count in counts[:12])


def _code(text: str) -> str:
    return f"`{_plain(text)}`" if text else ""


def _plain(text: str) -> str:
    # Names come from files and crawled pages: nothing in them may become Markdown or HTML.
    return re.sub(r"[^\w./:+=@ -]", "_", text)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (head, ("---",) * len(head), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
