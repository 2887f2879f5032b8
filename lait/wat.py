"""What do WAT files say of images, written down for other programs?"""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from crawl.config import CrawlConfig
from crawl.damage import Damage
from crawl.sources.wat import read_wat
from shards.aside import aside

logger = logging.getLogger(__name__)


def write_candidates(
    files: Sequence[str], out: Path, *, progress: Callable[[int], None] = lambda _done: None
) -> tuple[int, int]:
    """Write the candidates of WAT files as JSON lines; the file appears only when it is whole.

    Damaged places are logged and passed over.

    Returns:
        How many images and how many damaged places there were.

    Raises:
        FileNotFoundError, OSError, ValueError: As `crawl.sources.wat.read_wat`.
    """
    config = CrawlConfig()
    n_images = n_damaged = 0
    with aside(out) as path:
        with path.open("w", encoding="utf-8") as lines:
            for file in files:
                for item in read_wat(file, config):
                    if isinstance(item, Damage):
                        n_damaged += 1
                        logger.warning("%s: byte %d: %s", item.file, item.offset, item.detail)
                        continue
                    lines.write(json.dumps(asdict(item)) + "\n")
                    n_images += 1
                    progress(n_images)
        path.replace(out)
    return n_images, n_damaged
