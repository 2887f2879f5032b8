"""Which training questions are about images that some task is tested on?"""

from collections.abc import Iterable, Mapping, Sequence

from pretrain.tasks.task import Record


def images_of(records: Iterable[Record]) -> frozenset[str]:
    """All images that they are about, by the names in their rows."""
    return frozenset(str(row.image) for record in records for row in record.rows)


def clean(
    training: Mapping[str, Sequence[Record]], tests: Iterable[Record]
) -> dict[str, tuple[Record, ...]]:
    """The training records of each task without those about a test image of ANY task (12-in-1).

    Tasks share images: COCO's are in nine of the twelve, in other splits each time. Both sides must
    name images alike: by their sample's key, as `pretrain.tasks.records.find_images` leaves them,
    which is a hash of the image's bytes. Caption sets are cleaned by tombstones of the same keys.
    """
    held_out = images_of(tests)
    return {
        name: tuple(record for record in records if held_out.isdisjoint(images_of([record])))
        for name, records in training.items()
    }
