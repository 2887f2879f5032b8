"""How do the regions of one image lie on disk?"""

import io
import math
import zipfile
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pretrain.regions.regions import Regions

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The oldest time a zip archive can name: equal arrays must give equal bytes."""
_NAMES = ("boxes", "features", "probs")
_ATTRIBUTES = "attributes"
MAX_UNPACKED_BYTES = 256 * 2**20
"""Of all arrays of an archive together: a few kilobytes of zip can name terabytes."""
MAX_REGIONS = 1000


def to_npz(regions: Regions) -> bytes:
    """An `.npz` of `boxes` float32 [R, 4], `features` float16 [R, D], `probs` float16 [R, K].

    Attributes, where known, are a fourth array, `attributes` float16 [R, A].
    """
    arrays = {
        "boxes": regions.boxes_R4.astype(np.float32),
        "features": regions.features_RD.astype(np.float16),
        "probs": regions.probs_RK.astype(np.float16),
    }
    if regions.attributes_RA is not None:
        arrays[_ATTRIBUTES] = regions.attributes_RA.astype(np.float16)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            body = io.BytesIO()
            np.lib.format.write_array(body, np.ascontiguousarray(array), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
            # Features are dense noise to a compressor; probabilities are mostly zeros.
            dense = name in ("boxes", "features")
            info.compress_type = zipfile.ZIP_STORED if dense else zipfile.ZIP_DEFLATED
            archive.writestr(info, body.getvalue())
    return buffer.getvalue()


def from_npz(body: bytes) -> Regions:
    """The regions again; nothing is ever unpickled.

    Raises:
        ValueError: not such an archive, or one whose arrays are no regions.
    """
    arrays = arrays_of(body, (*_NAMES, _ATTRIBUTES))
    if lacking := [name for name in _NAMES if name not in arrays]:
        raise ValueError(f"not the regions of an image: no array {lacking[0]}")
    boxes, features, probs = (arrays[name] for name in _NAMES)
    attributes = arrays.get(_ATTRIBUTES)
    check_shapes(boxes, features, probs, *(() if attributes is None else (attributes,)))
    return Regions(boxes_R4=boxes, features_RD=features, probs_RK=probs, attributes_RA=attributes)


def arrays_of(body: bytes, names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """Those of the named arrays that an `.npz` holds; others are not even looked at.

    Raises:
        ValueError: no such archive, one that unpacks to more than `MAX_UNPACKED_BYTES`, or arrays
            of anything but numbers.
    """
    found = {}
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = [info for info in archive.infolist() if info.filename[:-4] in names]
            _check_members(members)
            for info in members:
                # `read` yields at most the size that was just checked, whatever is compressed.
                found[info.filename[:-4]] = _array(info.filename[:-4], archive.read(info))
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise ValueError(f"not the regions of an image: {error}") from error
    except ValueError as error:
        raise ValueError(f"not the regions of an image: {str(error).splitlines()[0]}") from error
    return found


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    if (n_bytes := sum(info.file_size for info in members)) > MAX_UNPACKED_BYTES:
        raise ValueError(f"it unpacks to {n_bytes} bytes, at most {MAX_UNPACKED_BYTES} are read")
    for info in members:
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{info.filename} is compressed by method {info.compress_type}")


def _array(name: str, body: bytes) -> NDArray[Any]:
    """An `.npy`, whose header may claim any shape: nothing is allocated before it is checked."""
    file = io.BytesIO(body)
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, fortran_order, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise ValueError(f"array {name} is of npy version {version}")
    if dtype.kind not in "fiu":
        raise ValueError(f"array {name} is of type {dtype}, not of numbers")
    count, room = math.prod(shape), len(body) - file.tell()
    if count * dtype.itemsize != room:
        raise ValueError(f"array {name} claims the shape {shape} and has {room} bytes")
    flat = np.frombuffer(body, dtype=dtype, count=count, offset=file.tell())
    return flat.reshape(shape, order="F" if fortran_order else "C")


def check_shapes(boxes: NDArray[Any], *others: NDArray[Any]) -> None:
    """Holds that there are regions, each with a box, and as many of everything else.

    Raises:
        ValueError: otherwise, or for a box with a corner that is no number.
    """
    arrays = (boxes, *others)
    shapes = [array.shape for array in arrays]
    matrices = all(array.ndim == 2 for array in arrays)
    if not matrices or boxes.shape[1] != 4 or len({len(a) for a in arrays}) != 1 or not len(boxes):
        raise ValueError(f"boxes, features and probabilities have shapes {shapes}")
    if len(boxes) > MAX_REGIONS:
        raise ValueError(f"{len(boxes)} regions in one image, at most {MAX_REGIONS} are read")
    if not np.isfinite(boxes).all():
        raise ValueError("a box has a corner that is not a number")
