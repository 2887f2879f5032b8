"""How is what must go taken out of a finished set, and nothing else touched?

In this order, so that a kill anywhere leaves the old set or the new one, and the same command ends
it: tombstones are written down; new archives are made aside; crawls, ledger, thumbnails, dead
letters and region sets forget the samples; then the set itself changes, in one step.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from filter.tombstones import Tombstone, Tombstones, read_tombstones
from shards import forget, purge_regions, switch, takedown
from shards.archives import Archives
from shards.card import write_card
from shards.manifest import NAME, Manifest, shard_folder
from shards.purge_raw import purge_raw
from shards.stream import Hit, hits, samples
from shards.write import write_shard

Progress = Callable[[int, int], None]
"""Called with shards done, and in all that are rewritten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """What was, or would be, taken down."""

    folder: Path
    hits: tuple[Hit, ...]
    n_shards: int
    """That had to be written again."""
    before: Manifest
    after: Manifest
    """The same as `before` when nothing of the set was named, or in a dry run."""
    forgotten: forget.Forgotten
    regions: tuple[tuple[Path, int], ...]
    """Companion sets, and how many of their samples went."""
    raw: tuple[tuple[Path, int], ...]
    """Crawls, and how many of their requests went."""
    stones: tuple[Tombstone, ...]
    """Of this request, and one for each sample that it took, now or when it was first made."""


def purge(
    path: Path,
    wanted: Sequence[takedown.Asked],
    *,
    reason: str,
    date: str,
    companions: Sequence[Path] = (),
    crawls: Sequence[Path] = (),
    dry_run: bool = False,
    progress: Progress = lambda _done, _total: None,
) -> Purged:
    """Takes the samples that `wanted` names out of the set `path`, and out of the run around it.

    Only archives that held them are written again; every other sample keeps its bytes. The takedown
    version rises by one when a sample goes. Asking for the same again changes nothing.

    Args:
        path: A run or its shards.
        wanted: What to take down.
        reason: Kept in the tombstones; must not repeat an address.
        date: YYYY-MM-DD, of the tombstones: the only thing here that comes from a clock.
        companions: Sets of regions, besides the one in `path`/regions.
        crawls: Folders of `lait crawl`, whose archives forget the pictures and their pages.
        dry_run: Only look.
        progress: Of the archives.

    Raises:
        ValueError: no finished set of samples, a damaged one, a ledger of another version, a
            reason that cannot be kept, or another takedown at work.
    """
    folder = shard_folder(path)
    asked = takedown.stones_of(wanted, reason, date)
    run = folder.parent if (folder.parent / "ledger").is_dir() else None
    with switch.locked(folder):
        if not dry_run:
            switch.finish(folder)
        archives = Archives(folder, kind="samples")
        there = read_tombstones(folder)
        stones = Tombstones((*there, *asked))
        # The ledger knows more addresses of an image than its sample does.
        keys = forget.keys_in_ledger(run, stones) if run is not None else frozenset[str]()
        found = tuple(hits(archives, stones, keys))
        marks = (*asked, *_marks(archives, found, reason, date))
        memory = forget.Memory(
            stones=stones,
            keys=frozenset(hit.key for hit in found),
            image_urls=frozenset(hit.image_url for hit in found if hit.image_url),
        )
        sets = _companions(folder, companions)
        after = archives.manifest
        if not dry_run:
            takedown.write_down(folder, marks)
            after = _rewritten(archives, found, progress) if found else after
        named = frozenset(url for hit in found for url in (hit.image_url, hit.page_url) if url)
        # While the ledger still tells: it knows pages that show a picture and became no sample.
        named |= forget.addresses_in_ledger(run, memory) if run and crawls else frozenset()
        raw = [
            (one, purge_raw(one, Tombstones((*there, *marks)), named, dry_run=dry_run))
            for one in crawls
        ]
        forgotten = forget.forget(run, memory, dry_run=dry_run)
        gone = purge_regions.of_sets(sets, stones, archives.manifest, after, memory.keys, dry_run)
        if after is not archives.manifest:
            switch.switch(folder, after)
        return Purged(
            folder=folder,
            hits=found,
            n_shards=len({hit.shard for hit in found}),
            before=archives.manifest,
            after=after,
            forgotten=forgotten,
            regions=gone,
            raw=tuple(raw),
            stones=_told(marks, there),
        )


def _rewritten(archives: Archives, found: Sequence[Hit], progress: Progress) -> Manifest:
    """Writes the archives without what was found, aside, with a card; returns the new manifest."""
    before = archives.manifest
    version = before.tombstone_version + 1
    waiting = switch.prepare(archives.folder, version)
    gone: dict[int, set[str]] = {}
    for hit in found:
        gone.setdefault(hit.shard, set()).add(hit.key)
    shards = list(before.shards)
    for done, (number, keys) in enumerate(gone.items(), start=1):
        left = (one for one in samples(archives, [number]) if one.key not in keys)
        shards[number] = write_shard(waiting, shards[number].stem, left)
        n_expected = before.shards[number].n_samples - len(keys)
        assert shards[number].n_samples == n_expected, (shards[number], n_expected)
        progress(done, len(gone))
    after = replace(before, shards=tuple(shards), tombstone_version=version)
    write_card(archives.folder, after, waiting)
    return after


def _companions(folder: Path, named: Sequence[Path]) -> list[Path]:
    """Folders of the sets of regions, each once; those beside the set need not be named."""
    beside = [folder.parent / "regions"] if (folder.parent / "regions" / NAME).is_file() else []
    return list({shard_folder(path).resolve(): path for path in (*beside, *named)}.values())


def _told(marks: Sequence[Tombstone], there: Sequence[Tombstone]) -> tuple[Tombstone, ...]:
    """The tombstones of a request, and those of the samples that it took when it was first made."""
    first = takedown.known(marks, there)
    dated = {(stone.reason, stone.date) for stone in first}
    samples_then = [
        stone for stone in there if stone.digest and (stone.reason, stone.date) in dated
    ]
    return tuple(dict.fromkeys((*first, *samples_then, *takedown.unknown(marks, there))))


def _marks(archives: Archives, found: Iterable[Hit], reason: str, date: str) -> list[Tombstone]:
    """A tombstone for every sample; its place tells later which checkpoints saw it."""
    return [
        Tombstone(
            kind="key",
            value=hit.key,
            reason=reason,
            date=date,
            digest=archives.manifest.digest,
            index=hit.place,
            n_samples=len(archives),
        )
        for hit in found
    ]
