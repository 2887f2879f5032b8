"""What does a step cost, measured so that a busy machine wrongs neither side?"""

import resource
import statistics
from collections.abc import Callable


def cpu_seconds() -> float:
    """What this process has used so far, all its threads together."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def in_turn(*sides: Callable[[], object], rounds: int) -> list[float]:
    """Median CPU seconds of each side, one step of each in turn; the first round warms up."""
    times: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds + 1):
        for own, side in zip(times, sides, strict=True):
            start = cpu_seconds()
            side()
            own.append(cpu_seconds() - start)
    return [statistics.median(own[1:]) for own in times]
