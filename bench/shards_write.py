"""Does writing verified shards cost no more than writing unverified ones with others' writers?

    python bench/shards_write.py [--samples 2000] [--image-bytes 100000]

Prints samples per CPU-second and the ratio to each peer. Ours also hashes, reads back, fsyncs and
writes Parquet; the peers only write the archive.
"""

import argparse
import hashlib
import io
import json
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import webdataset as wds

from shards.sample import Sample
from shards.write import write_shard

ROUNDS = 5


def make_samples(n: int, image_bytes: int) -> list[Sample]:
    rng = np.random.default_rng(0)
    samples = []
    for _ in range(n):
        image = rng.bytes(image_bytes)
        sha256 = hashlib.sha256(image).hexdigest()
        record = {"sha256": sha256, "width_px": 640, "height_px": 480, "texts": ["x" * 40] * 20}
        samples.append(
            Sample(
                key=sha256[:32],
                image=image,
                extension="jpg",
                text="a red cube to the left of a blue ball on a wooden table",
                record=json.dumps(record, sort_keys=True, separators=(",", ":")),
            )
        )
    return sorted(samples, key=lambda sample: sample.key)


def by_lait(folder: Path, samples: list[Sample]) -> None:
    write_shard(folder, "00000", samples)


def by_webdataset(folder: Path, samples: list[Sample]) -> None:
    with wds.TarWriter(str(folder / "wds.tar")) as writer:
        for s in samples:
            writer.write(
                {"__key__": s.key, "jpg": s.image, "txt": s.text, "json": s.record.encode()}
            )


def by_tarfile(folder: Path, samples: list[Sample]) -> None:
    with tarfile.open(folder / "stdlib.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        for s in samples:
            bodies = (("jpg", s.image), ("txt", s.text.encode()), ("json", s.record.encode()))
            for extension, body in bodies:
                info = tarfile.TarInfo(f"{s.key}.{extension}")
                info.size = len(body)
                tar.addfile(info, io.BytesIO(body))


def by_tarfile_with_hash(folder: Path, samples: list[Sample]) -> None:
    by_tarfile(folder, samples)
    with (folder / "stdlib.tar").open("rb") as file:
        hashlib.file_digest(file, "sha256")


WRITERS: dict[str, Callable[[Path, list[Sample]], None]] = {
    "lait write_shard (verified)": by_lait,
    "webdataset TarWriter": by_webdataset,
    "stdlib tarfile": by_tarfile,
    "stdlib tarfile + one sha256": by_tarfile_with_hash,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--image-bytes", type=int, default=100_000)
    arguments = parser.parse_args()
    samples = make_samples(arguments.samples, arguments.image_bytes)
    best = dict.fromkeys(WRITERS, float("inf"))
    with tempfile.TemporaryDirectory() as name:
        for _ in range(ROUNDS):  # in turn, so that a busy machine disturbs all alike
            for writer, write in WRITERS.items():
                start_s = time.process_time()
                write(Path(name), samples)
                best[writer] = min(best[writer], time.process_time() - start_s)
    ours = arguments.samples / best["lait write_shard (verified)"]
    for writer, cpu_s in best.items():
        rate = arguments.samples / cpu_s
        print(f"{writer:30} {rate:8.0f} samples/CPU-s   lait is {ours / rate:5.2f}x")


if __name__ == "__main__":
    main()
