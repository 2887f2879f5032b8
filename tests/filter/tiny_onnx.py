"""A classifier small enough to be written by hand: mean colour, weights, bias. ONNX is protobuf."""

from pathlib import Path

import numpy as np


def _varint(number: int) -> bytes:
    out = bytearray()
    while True:
        out.append(number & 0x7F | (0x80 if number > 0x7F else 0))
        number >>= 7
        if not number:
            return bytes(out)


def _field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _node(kind: str, inputs: list[str], output: str, attributes: bytes = b"") -> bytes:
    names = b"".join(_field(1, name) for name in inputs)
    return names + _field(2, output) + _field(4, kind) + attributes


def _tensor(name: str, values: np.ndarray) -> bytes:
    dims = b"".join(_field(1, side) for side in values.shape)
    return dims + _field(2, 1) + _field(8, name) + _field(9, values.astype("<f4").tobytes())


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_field(1, _field(1, side)) for side in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, 1) + _field(2, dims)))


def write(
    path: Path, weights_3C: np.ndarray, bias_C: np.ndarray, *, layout: str, side: int
) -> None:
    """logits = (mean over the pixels) @ weights + bias."""
    axes = (2, 3) if layout == "NCHW" else (1, 2)
    shape = (1, 3, side, side) if layout == "NCHW" else (1, side, side, 3)
    # AttributeProto: name, type INTS = 7 or INT = 2.
    over = _field(1, "axes") + b"".join(_field(8, axis) for axis in axes) + _field(20, 7)
    keep = _field(1, "keepdims") + _field(3, 0) + _field(20, 2)
    nodes = [
        _node("ReduceMean", ["x"], "mean", _field(5, over) + _field(5, keep)),
        _node("Gemm", ["mean", "w", "b"], "y"),
    ]
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, "tiny")
    graph += _field(5, _tensor("w", weights_3C)) + _field(5, _tensor("b", bias_C))
    graph += _field(11, _value("x", shape)) + _field(12, _value("y", (1, len(bias_C))))
    path.write_bytes(_field(1, 8) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 13)))
