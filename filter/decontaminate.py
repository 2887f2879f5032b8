"""Is this an image of an evaluation set, one that an earlier run kept, or one known to be bad?"""

import hashlib
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from filter.config import FilterConfig
from filter.known import EXACT, KnownImages, digest_of, load
from filter.metadata import strip_metadata
from filter.natural_model import digest_of_model
from filter.safety import asked_of
from filter.safety import digest_of as digest_of_safety
from filter.sieve import dropped
from filter.tombstones import blank
from filter.tombstones import digest_of as digest_of_tombstones
from filter.verdict import Drop, ImageFacts, Verdict

KNOWN_BAD: Final = "known_bad"
"""Stage and reason of images on a list of known-bad ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotKnown:
    """Drops images with the bytes, or nearly the look, of one that the sources name."""

    stage: ClassVar[str] = "known"
    reason: str
    sources: tuple[str, ...]
    digest: str
    max_distance: int | None

    def __call__(self, image: ImageFacts, /) -> Drop | None:
        known = load(self.sources, self.max_distance, self.digest)
        bits = known.bits_to(image)
        if bits is None:
            return None
        return Drop(
            reason=self.reason,
            value="same bytes" if bits == EXACT else bits,
            threshold=self.max_distance,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBad:
    """The gate for images that must not be kept, not even their address or words.

    Bytes are asked before anything decodes them, the look as soon as there is one. It only knows
    what its lists name: it is no classifier, and finds nothing new.
    """

    sources: tuple[str, ...]
    digest: str
    max_distance: int | None

    def has_bytes(self, sha256: str, body: bytes) -> bool:
        """Whether these bytes, whose sha256 is given, are on a list; with metadata or without."""
        known = self._known()
        return known.has(sha256) or known.has(hashlib.sha256(strip_metadata(body)).hexdigest())

    def has_look(self, image: ImageFacts) -> bool:
        """Whether something that looks like it is on a list."""
        return self._known().bits_to(image) is not None

    def _known(self) -> KnownImages:
        return load(self.sources, self.max_distance, self.digest)


def redacted(verdict: Verdict, sha256: str) -> Verdict:
    """A verdict on a known-bad image: its hash and the time of its fetch, and nothing else.

    Neither address nor words nor place is kept, so that no copy of the ledger leads to it.
    """
    candidate = replace(
        blank(verdict.candidate.candidate_id), fetched_at=verdict.candidate.fetched_at
    )
    empty = Verdict(candidate=candidate, kept=False)
    return dropped(empty, KNOWN_BAD, Drop(reason=KNOWN_BAD, value=sha256))


def not_known(config: FilterConfig) -> tuple[NotKnown, ...]:
    """The filters that the settings ask for."""
    asked = (
        ("eval_overlap", config.eval_sets, config.eval_sets_digest),
        ("seen_before", config.not_in, config.not_in_digest),
    )
    return tuple(
        NotKnown(
            reason=reason,
            sources=sources,
            digest=digest,
            max_distance=config.max_known_distance,
        )
        for reason, sources, digest in asked
        if sources
    )


def known_bad(config: FilterConfig) -> KnownBad | None:
    """The gate, when the settings name a list."""
    if not config.known_bad:
        return None
    return KnownBad(
        sources=config.known_bad,
        digest=config.known_bad_digest,
        max_distance=config.max_known_distance,
    )


def with_digests(config: FilterConfig) -> FilterConfig:
    """The settings with digests of what their lists and models hold.

    So a run's hash covers it. Raises ValueError for a source or model that cannot be read.
    """
    distance = config.max_known_distance
    return config.model_copy(
        update={
            "eval_sets_digest": digest_of(config.eval_sets, distance),
            "not_in_digest": digest_of(config.not_in, distance),
            "known_bad_digest": digest_of(config.known_bad, distance),
            "natural_digest": digest_of_model(config.natural_model) if config.min_natural else "",
            "tombstones_digest": digest_of_tombstones(config.tombstones),
            "safety_digest": digest_of_safety(asked_of(config)),
        }
    )


def check_known_bad(n_found: int, config: FilterConfig) -> None:
    """Raises RuntimeError when a run met more known-bad images than its settings accept."""
    if n_found > config.max_known_bad:
        raise RuntimeError(
            f"{n_found} images are on the lists of filter.known_bad, more than "
            f"filter.max_known_bad={config.max_known_bad}: the run is not finished; see "
            "docs/filtering.md, Known-bad images, before anything else is done with its archives"
        )
