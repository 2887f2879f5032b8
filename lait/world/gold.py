"""What should become of every image of the demo web, and why?

One `GoldRow` for each image that a page shows in its markup (`img`, `picture`, `noscript`): main
images and decoys, tracking pixels and sprites included. Pictures in comments and in scripts are
no images of the page; a picture that a meta tag names is on the page too.

Rules:

* `drop` is the reason of the EARLIEST stage of the cascade that has one (page, main_image, text,
  fetch, decode, size, natural, relevance, aggregate). Decoys of an opted-out or foreign page
  therefore drop as `opt_out` or `language`, all other decoys as `not_main`.
* `also` lists other outcomes that a person would accept: reasons, or `kept`.
* Rows of one `group` show the same picture: one exact copy, a re-encoded copy, or one URL on
  several pages. Which of several equal pairs survives depends on scores, so the row with the
  richest true words is marked `keep` and has the group's reason in `also`; its equals are marked
  dropped and have `kept` in `also`. A group is right when exactly one of its rows is kept.
* A group of `text_on_many_images` has no row to keep: the rule drops all of its pairs.
* `image_url` is the best file of the picture, `alternatives` are its other files. `sha256` is
  that of the first of these that the archive answers with status 200, None when none is.
* `text` is the first of `true_texts`: in the order alt, caption, title, running text. Both are
  given for dropped main images as well, as long as the file shows what they say.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from lait.world.page import Role

KEPT = "kept"
"""The outcome that is no reason to drop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldRow:
    """The answer for one image of one page."""

    page_url: str
    image_url: str
    alternatives: tuple[str, ...]
    role: Role
    main: bool
    """The page is about this image."""
    keep: bool
    drop: str | None
    """Reason of the first filter that should drop it; None when kept."""
    also: tuple[str, ...]
    text: str | None
    true_texts: tuple[str, ...]
    scene: int | None
    """Seed of the scene that a main image shows, None for other pictures."""
    sha256: str | None
    group: int | None
    case: str
    """Name of the page's phenomenon in the table of cases."""

    def accepts(self, outcome: str) -> bool:
        """A person would agree with `outcome`: `kept` or a reason."""
        return outcome == (KEPT if self.keep else self.drop) or outcome in self.also


def write_gold(path: Path, rows: Iterable[GoldRow]) -> None:
    """One JSON object a line, in the order of the pages."""
    with path.open("w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")


def read_gold(path: Path) -> list[GoldRow]:
    """The rows of a `gold.jsonl`.

    Raises:
        ValueError: the file is not there.
    """
    if not path.is_file():
        raise ValueError(f"no gold answers at {path}: build the demo world first")
    rows = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            values = json.loads(line)
            for name in ("alternatives", "also", "true_texts"):
                values[name] = tuple(values[name])
            rows.append(GoldRow(**values))
    return rows
