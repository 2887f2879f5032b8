"""How do kept candidates become shards on Beam?"""

# mypy: allow-untyped-calls
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import apache_beam as beam
from apache_beam.pvalue import AsSingleton, PCollection
from apache_beam.transforms import combiners

from crawl.sources.sending import written_to
from crawl.transforms import Readers
from filter.fetch import file_name
from filter.ledger import sample_key
from filter.metadata import strip_metadata
from filter.sinks import GatherBuckets
from filter.verdict import Verdict
from shards.manifest import ShardInfo, shard_stem
from shards.sample import Sample
from shards.write import n_shards_for, shard_of, write_shard

VERDICTS: Final = "verdicts"
SHARDS: Final = "shards"
_EXTENSION: Final = {"jpeg": "jpg", "png": "png", "webp": "webp"}


@dataclass(eq=False)
class WriteShards(beam.PTransform[PCollection[Verdict], Any]):
    """Kept verdicts to `folder/{00000..}.tar` and companions; `folder` may lie in an object store.

    Outputs: `verdicts`, each now naming its shard, and `shards`, one `ShardInfo` per archive. The
    number of shards follows from the number of verdicts, each shard's content from its range of
    keys: nothing depends on how the runner spread the work.
    """

    folder: Path | str
    samples_per_shard: int
    max_image_bytes: int

    def expand(self, verdicts: PCollection[Verdict]) -> Any:
        n_shards = (
            verdicts
            | "Count" >> combiners.Count.Globally()
            | "Shards" >> beam.Map(n_shards_for, self.samples_per_shard)
        )
        keyed = verdicts | "To shard" >> beam.Map(
            lambda verdict, n: (shard_of(key_of(verdict), n), verdict), AsSingleton(n_shards)
        )
        shards = (
            {"items": keyed, "n_buckets": n_shards}
            | GatherBuckets()
            | "Write" >> beam.ParDo(_WriteShard(self.folder, self.max_image_bytes))
        )
        named = keyed | "Name shard" >> beam.MapTuple(in_shard)
        return {VERDICTS: named, SHARDS: shards}


class _WriteShard(beam.DoFn):
    def __init__(self, folder: Path | str, max_image_bytes: int) -> None:
        self.folder = folder
        self.max_image_bytes = max_image_bytes

    def setup(self) -> None:
        self.readers = Readers()

    def process(self, element: tuple[int, Iterable[Verdict]]) -> Iterator[ShardInfo]:
        index, verdicts = element
        ordered = sorted(verdicts, key=key_of)
        with written_to(self.folder) as there:
            info = write_shard(there, shard_stem(index), map(self._sample, ordered))
        yield info

    def _sample(self, verdict: Verdict) -> Sample:
        assert verdict.ref is not None, verdict.candidate.candidate_id
        body = self.readers.body(verdict.ref.file, verdict.ref.offset, self.max_image_bytes)
        return to_sample(verdict, body)

    def teardown(self) -> None:
        self.readers.close()


def key_of(verdict: Verdict) -> str:
    """Key of the sample that a kept verdict becomes."""
    assert verdict.image is not None, verdict.candidate.candidate_id
    return sample_key(verdict.image)


def in_shard(index: int, verdict: Verdict) -> Verdict:
    """The verdict, naming its shard."""
    return replace(verdict, shard=shard_stem(index))


def to_sample(verdict: Verdict, body: bytes) -> Sample:
    """The sample of a kept verdict: its image without EXIF and other metadata.

    Raises ValueError when `body` is not the image that was judged: the archive has changed.
    """
    facts, text = verdict.image, verdict.text
    assert facts is not None, verdict.candidate.candidate_id
    assert text is not None, verdict.candidate.candidate_id
    body = strip_metadata(body)
    found = hashlib.sha256(body).hexdigest()
    if found != facts.sha256:
        raise ValueError(
            f"{verdict.ref} holds an image with sha256 {found}, but {facts.sha256} was judged: "
            "the archive changed during the run; run the command again"
        )
    return Sample(
        key=sample_key(facts),
        image=body,
        extension=_EXTENSION[facts.format],
        text=_encodable(text),
        record=_encodable(json.dumps(record(verdict), **_CANONICAL)),
    )


_CANONICAL: Final[dict[str, Any]] = {
    "sort_keys": True,
    "ensure_ascii": False,
    "separators": (",", ":"),
}


def record(verdict: Verdict) -> dict[str, Any]:
    """What a sample tells about itself: provenance, scores, all texts.

    Archives are named without their folder, so that the same archives give the same bytes on any
    machine. The ledger knows a sample by its key.
    """
    candidate, ref, facts = verdict.candidate, verdict.ref, verdict.image
    assert ref is not None, candidate.candidate_id
    assert facts is not None, candidate.candidate_id
    return asdict(facts) | {
        "page_url": candidate.page_url,
        "image_url": candidate.image_url,
        "page_file": file_name(candidate.page_file),
        "page_offset": candidate.page_offset,
        "page_digest": candidate.page_digest,
        "image_file": file_name(ref.file),
        "image_offset": ref.offset,
        "fetched_at": candidate.fetched_at,
        "language": candidate.language,
        "language_score": candidate.language_score,
        "main_score": candidate.main_score,
        "text_source": verdict.text_source,
        "relevance": verdict.relevance,
        "texts": [asdict(text) for text in verdict.texts],
    }


def _encodable(text: str) -> str:
    """Lone surrogates, which UTF-8 cannot hold, become '?'."""
    return text.encode("utf-8", "replace").decode("utf-8")
