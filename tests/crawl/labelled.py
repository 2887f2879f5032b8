"""A folder of labelled pages, small and made up: for the tests of teaching and testing."""

import json
from pathlib import Path

TEXT = "<p>" + "The harbour was quiet and the boats had gone out early that morning. " * 4 + "</p>"
N_SITES = 8
KINDS = ("lead", "hint", "none")


def write_labelled(folder: Path) -> None:
    """Three pages of eight sites: with a lead image, with og:image as well, and without any."""
    pages, gold = [], []
    for site in range(N_SITES):
        for kind in KINDS:
            name, host = f"{site}-{kind}.html", f"https://www.site{site}.co.uk"
            (folder / name).write_text(_html(site, kind))
            pages.append({"file": name, "url": f"{host}/{kind}"})
            main = None if kind == "none" else f"{host}/p/{site}.jpg"
            gold.append({"file": name, "main_image": main, "group": kind})
    for file, rows in (("pages.jsonl", pages), ("gold.jsonl", gold)):
        (folder / file).write_text("".join(json.dumps(row) + "\n" for row in rows))


def _html(site: int, kind: str) -> str:
    head = f'<meta property="og:image" content="/p/{site}.jpg">' if kind == "hint" else ""
    lead = f'<figure><img src="/p/{site}.jpg" width=800 height=500></figure>'
    icons = "".join(
        f'<a href="/{i}"><img src="/icon/{i}.gif" width=20 height=20></a>'
        for i in range(2 + site % 3)
    )
    return (
        f"<head><title>Harbour {site}</title>{head}</head><nav>{icons}</nav>"
        f"<article><h1>Harbour {site}</h1>{'' if kind == 'none' else lead}{TEXT}{TEXT}"
        f"</article><ul>{icons}</ul>"
    )
