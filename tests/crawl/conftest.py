"""A small copy of Common Crawl on loopback, for every test of this room that asks for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crawl.small_crawl import Asked, Row, build, serve


@pytest.fixture(scope="session")
def crawl_folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    """The files, and what their index holds. Not to be changed."""
    root = tmp_path_factory.mktemp("common-crawl")
    return root, build(root)


@pytest.fixture
def rows(crawl_folder: tuple[Path, list[Row]]) -> list[Row]:
    return crawl_folder[1]


@pytest.fixture
def asked(crawl_folder: tuple[Path, list[Row]]) -> Iterator[Asked]:
    """A server of these files that has not been asked for anything."""
    with serve(crawl_folder[0]) as server:
        yield server
