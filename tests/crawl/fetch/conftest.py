"""Every test meets hosts that have not met us before."""

import pytest

from crawl.fetch import crawl
from crawl.fetch.turns import Turns


@pytest.fixture(autouse=True)
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    """Turns of this test alone, which would else be those of the process."""
    own = Turns()
    monkeypatch.setattr(crawl, "TURNS", own)
    return own
