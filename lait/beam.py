"""With which flags does a pipeline run?"""

from collections.abc import Sequence
from typing import Final

_LOCAL: Final = ("FnApiRunner", "DirectRunner")


def beam_flags(workers: int, beam_args: Sequence[str]) -> list[str]:
    """The pipeline's flags: the local runner by name unless another one is asked for.

    Without a name Beam would first try to download another engine. Raises ValueError when
    `workers` is asked of a runner that has flags of its own for it.
    """
    given = [arg.partition("=")[2] for arg in beam_args if arg.startswith("--runner=")]
    runner = given[-1] if given else _LOCAL[0]
    flags = [*beam_args] if given else [f"--runner={runner}", *beam_args]
    if workers < 1:
        raise ValueError(f"--workers {workers}: there must be at least one")
    if workers > 1 and runner not in _LOCAL:
        raise ValueError(f"--workers is for this machine; {runner} takes flags of its own")
    if workers > 1:
        flags += ["--direct_running_mode=multi_processing", f"--direct_num_workers={workers}"]
    return flags
