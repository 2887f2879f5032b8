"""Which relevance model scores in this process? Loaded once, when it is first needed."""

from functools import lru_cache
from pathlib import Path

from filter.judge import Scorer
from filter.relevance import folder


def load_scorer(model: Path) -> Scorer:
    """The relevance model of a folder, on one thread: a pipeline uses more cores by more workers.

    It also makes scores the same for any number of workers: how a sum is cut into threads decides
    its last digit. Raises ValueError when the model cannot be used.
    """
    folder.read_card(model)
    return _load_scorer(model, folder.digest(model))


@lru_cache(maxsize=1)
def _load_scorer(model: Path, _digest: str) -> Scorer:
    import torch

    from filter.relevance.model import RelevanceModel

    torch.set_num_threads(1)
    return RelevanceModel.load(model)
