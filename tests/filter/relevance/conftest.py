"""A small trained model that the relevance tests share, made without any network."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from filter.relevance.config import RelevanceConfig
from filter.relevance.report import Report
from lait.world.sets import write_supervised

TINY = RelevanceConfig(epochs=4, class_prior=0.0, folds=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What one small training left behind."""

    pairs: Path
    model: Path
    report: Report
    progress: list[tuple[int, int]]


def refuse(*_args: Any, **_kwargs: Any) -> Any:
    raise AssertionError("something asked the network")


@contextmanager
def network_closed() -> Iterator[None]:
    """Every way out is closed: the offline promise is not a matter of environment variables."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, refuse)
        for name in ("getaddrinfo", "gethostbyname", "create_connection"):
            patch.setattr(socket, name, refuse)
        for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    """In this folder only: tests elsewhere talk to servers of their own on loopback."""
    with network_closed():
        yield


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 drawn scenes with two captions each, on hosts."""
    folder = tmp_path_factory.mktemp("supervised")
    write_supervised(folder, world_seed=1, n_images=48, texts_per_image=2)
    return folder / "pairs.jsonl"


@pytest.fixture(scope="session")
def trained(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    from filter.relevance.train import train

    out = tmp_path_factory.mktemp("trained") / "model"
    calls: list[tuple[int, int]] = []
    with network_closed():
        report = train(
            pairs, out, config=TINY, progress=lambda done, total: calls.append((done, total))
        )
    return Trained(pairs=pairs, model=out, report=report, progress=calls)
