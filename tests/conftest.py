"""Fixtures that every room shares."""

from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine must not fail a test: a hang is what pytest-timeout is for.
settings.register_profile("lait", deadline=None)
settings.load_profile("lait")

SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real pages, archives and hostile corpora that lies beside the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real test data (../shared/data) is not here")
    return SHARED_DATA
