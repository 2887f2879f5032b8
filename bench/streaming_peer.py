"""mosaicml-streaming's side of bench/shards_streaming.py, run by the Python of `.venv-peers`.

Converts the shards as https://docs.mosaicml.com/projects/streaming/ says (MDSWriter, one column a
member), or reads them with StreamingDataset once, or saves a state, or resumes from it; each in a
process of its own, for it keeps its state in shared memory. Prints its figure as JSON.
"""

import io
import json
import resource
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from streaming import MDSWriter, StreamingDataLoader, StreamingDataset
from streaming.base.util import clean_stale_shared_memory
from torchvision.transforms.functional import pil_to_tensor


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


def cpu_s(dataset: StreamingDataset) -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    start = usage.ru_utime + usage.ru_stime
    for _ in dataset:
        pass
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime - start


def keys_of(samples: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Its loader counts samples by the length of a batch's columns."""
    return {"key": [sample["key"] for sample in samples]}


def loader(dataset: StreamingDataset) -> StreamingDataLoader:
    return StreamingDataLoader(dataset, batch_size=1, collate_fn=keys_of)


def save(dataset: StreamingDataset, state: Path) -> int:
    loaded = loader(dataset)
    batches = iter(loaded)
    for _ in range(len(dataset) // 2):
        next(batches)
    state.write_text(json.dumps(loaded.state_dict()))
    return len(dataset) // 2


def resume_s(folder: Path, state: Path) -> float:
    start_s = time.perf_counter()
    loaded = loader(opened(StreamingDataset, folder))
    loaded.load_state_dict(json.loads(state.read_text()))
    next(iter(loaded))
    return time.perf_counter() - start_s


def opened(kind: type, folder: Path) -> StreamingDataset:
    # Its default validates no hash; ours always does.
    return kind(local=str(folder), shuffle=True, batch_size=1)


def main() -> None:
    torch.set_num_threads(1)
    task, shards, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    state = folder.with_name("state.json")
    clean_stale_shared_memory()
    if task == "convert":
        found: float = convert(shards, folder)
    elif task == "save":
        found = save(opened(StreamingDataset, folder), state)
    elif task == "resume_s":
        found = resume_s(folder, state)
    else:
        found = cpu_s(opened(Decoded if task == "decoded" else StreamingDataset, folder))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
