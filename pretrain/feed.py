"""Where does the reading of each of a stage's data sets stand?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pretrain.loader import Loader, Step
from pretrain.task_plans.task_plan import Turn
from shards.order import GlobalBatch, Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far one data set was read."""

    data: str
    """Its name; see `task_plan.OWN`."""
    steps: int
    """Batches taken from it."""
    position: Position


class Feed:
    """One worker's batches of several data sets, each read on from where it stands.

    A set begins anew when it is through; how long a stage is, its own data says.
    """

    def __init__(self, loaders: Mapping[str, Loader], places: Sequence[Place]) -> None:
        """A set without a place is read from its beginning."""
        self._loaders = loaders
        self._places = {place.data: place for place in places}
        self._open: dict[str, Iterator[GlobalBatch]] = {}

    @property
    def places(self) -> tuple[Place, ...]:
        """Of all sets that were read, by name."""
        return tuple(self._places[name] for name in sorted(self._places))

    def take(self, turn: Turn) -> Step:
        """The next batch of the turn's data.

        Raises:
            ValueError: no such data set.
        """
        name = turn.data
        if name not in self._loaders:
            known = ", ".join(n or "the stage's own" for n in self._loaders)
            raise ValueError(f"the task plan asks for the data set {name}; there is {known}")
        loader, place = self._loaders[name], self._places.get(name)
        if name not in self._open:
            self._open[name] = loader.batches(loader.start() if place is None else place.position)
        number = 0 if place is None else place.steps
        step = loader.step(number, next(self._open[name]), turn.pairing)
        self._places[name] = Place(data=name, steps=number + 1, position=step.position)
        return step
