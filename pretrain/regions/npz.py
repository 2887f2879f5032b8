"""How do the regions of one image lie on disk?"""

import io
import zipfile

import numpy as np
from numpy.typing import NDArray

from pretrain.regions.regions import Regions

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The oldest time a zip archive can name: equal arrays must give equal bytes."""
_NAMES = ("boxes", "features", "probs")


def to_npz(regions: Regions) -> bytes:
    """An `.npz` of `boxes` float32 [R, 4], `features` float16 [R, D], `probs` float16 [R, K]."""
    arrays = (
        regions.boxes_R4.astype(np.float32),
        regions.features_RD.astype(np.float16),
        regions.probs_RK.astype(np.float16),
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in zip(_NAMES, arrays, strict=True):
            body = io.BytesIO()
            np.lib.format.write_array(body, np.ascontiguousarray(array), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
            # Features are dense noise to a compressor; probabilities are mostly zeros.
            info.compress_type = zipfile.ZIP_DEFLATED if name == "probs" else zipfile.ZIP_STORED
            archive.writestr(info, body.getvalue())
    return buffer.getvalue()


def from_npz(body: bytes) -> Regions:
    """The regions again; nothing is ever unpickled.

    Raises:
        ValueError: not such an archive.
    """
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as archive:
            boxes, features, probs = (archive[name] for name in _NAMES)
    except (KeyError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"not the regions of an image: {error}") from error
    _check(boxes, features, probs)
    return Regions(boxes_R4=boxes, features_RD=features, probs_RK=probs)


def _check(boxes: NDArray[np.generic], *others: NDArray[np.generic]) -> None:
    lengths = {len(array) for array in (boxes, *others)}
    if boxes.ndim != 2 or boxes.shape[1] != 4 or len(lengths) != 1 or not len(boxes):
        shapes = [array.shape for array in (boxes, *others)]
        raise ValueError(f"boxes, features and probabilities have shapes {shapes}")
