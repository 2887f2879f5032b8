"""mosaicml-streaming's side of bench/shards_streaming.py, run by the Python of `.venv-peers`.

Converts the shards as https://docs.mosaicml.com/projects/streaming/ says (MDSWriter, one column a
member), reads them with StreamingDataset, and prints its figures as JSON.
"""

import io
import json
import resource
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from streaming import MDSWriter, StreamingDataLoader, StreamingDataset
from streaming.base.util import clean_stale_shared_memory
from torchvision.transforms.functional import pil_to_tensor

ROUNDS = 3


class Decoded(StreamingDataset):
    """Samples with their image as uint8 [3, height, width]."""

    def __getitem__(self, at: int) -> dict[str, Any]:
        sample = super().__getitem__(at)
        image = Image.open(io.BytesIO(sample["image"])).convert("RGB")
        return {**sample, "image": pil_to_tensor(image)}


def convert(shards: Path, out: Path) -> int:
    columns = {"key": "str", "image": "bytes", "text": "str", "record": "json"}
    n = 0
    with MDSWriter(out=str(out), columns=columns, hashes=["sha1"]) as writer:
        for path in sorted(shards.glob("*.tar")):
            with tarfile.open(path) as tar:
                members = {m.name: tar.extractfile(m).read() for m in tar}
            for key in sorted({name.partition(".")[0] for name in members}):
                record = {"key": key, "image": members[f"{key}.jpg"]}
                record["text"] = members[f"{key}.txt"].decode()
                record["record"] = json.loads(members[f"{key}.json"])
                writer.write(record)
                n += 1
    return n


def data(kind: type, folder: Path, **more: Any) -> Any:
    clean_stale_shared_memory()
    # Its default validates no hash; ours always does.
    return kind(local=str(folder), shuffle=True, batch_size=1, **more)


def keys_of(samples: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Its loader counts samples by the length of a batch's columns."""
    return {"key": [sample["key"] for sample in samples]}


def cpu_s(read: Any) -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    start = usage.ru_utime + usage.ru_stime
    for _ in read:
        pass
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime - start


def resume_s(folder: Path, n: int) -> float:
    loader = StreamingDataLoader(data(StreamingDataset, folder), batch_size=1, collate_fn=keys_of)
    batches = iter(loader)
    for _ in range(n // 2):
        next(batches)
    state = loader.state_dict()
    del batches, loader
    start_s = time.perf_counter()
    loader = StreamingDataLoader(data(StreamingDataset, folder), batch_size=1, collate_fn=keys_of)
    loader.load_state_dict(state)
    next(iter(loader))
    return time.perf_counter() - start_s


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        n = convert(Path(sys.argv[1]), folder)
        figures = {
            "bytes": n / min(cpu_s(data(StreamingDataset, folder)) for _ in range(ROUNDS)),
            "decoded": n / min(cpu_s(data(Decoded, folder)) for _ in range(ROUNDS)),
            "resume_s": min(resume_s(folder, n) for _ in range(ROUNDS)),
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
