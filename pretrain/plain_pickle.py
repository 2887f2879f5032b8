"""How is a pickle of plain data read without running anything that it says?

Two published annotation sets and ViLBERT's region features come as pickles. Python's unpickler can
call any function that a file names, so the opcodes are looked at first: only those that build
numbers, strings, lists, tuples, dictionaries and sets are let through.
"""

import pickle
import pickletools
from pathlib import Path
from typing import Any, Final

_MAX_BYTES: Final = 2**30
_PLAIN_OPCODES: Final = (
    "PROTO FRAME STOP MARK POP POP_MARK DUP "
    "GET BINGET LONG_BINGET PUT BINPUT LONG_BINPUT MEMOIZE "
    "NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT "
    "STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 "
    "UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 "
    "EMPTY_LIST APPEND APPENDS LIST EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 "
    "EMPTY_DICT DICT SETITEM SETITEMS EMPTY_SET ADDITEMS FROZENSET"
)
"""Those of protocols 0 to 5 that neither look a name up nor call anything."""
_PLAIN: Final = frozenset(_PLAIN_OPCODES.split())
_MEMO: Final = frozenset(("PUT", "BINPUT", "LONG_BINPUT"))
"""Their argument is a place in a table that the unpickler makes as long as it has to be."""
_DAMAGED: Final = (
    pickle.UnpicklingError,
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    TypeError,
    ValueError,
)
"""What Python's unpickler raises on bytes that are not a whole pickle."""


def read_plain_pickle(file: Path) -> Any:
    """The plain data of a pickle.

    Raises:
        ValueError: no such file, larger than a GiB, no pickle, or one of more than plain data.
    """
    if not file.is_file():
        raise ValueError(f"--annotations {file}: no such file")
    if file.stat().st_size > _MAX_BYTES:
        raise ValueError(f"--annotations {file} is larger than {_MAX_BYTES} bytes")
    return plain_data(file.read_bytes(), f"--annotations {file}")


def plain_data(body: bytes, name: str) -> Any:
    """The plain data of a pickle that is at hand; `name` says in errors whose it is.

    Raises:
        ValueError: no pickle, or one of more than plain data.
    """
    try:
        other = next((op for op in pickletools.genops(body) if not _is_plain(op, body)), None)
        if other is None:
            # Files of Python 2 hold its byte strings; the annotations' are ASCII.
            return pickle.loads(body, encoding="latin1")  # noqa: S301
    except _DAMAGED as error:
        raise ValueError(f"{name} is no whole pickle: {error}") from error
    raise ValueError(
        f"{name} holds more than plain data ({other[0].name} {other[1] or ''} at byte {other[2]}): "
        "refused, nothing was run"
    )


def _is_plain(op: tuple[pickletools.OpcodeInfo, Any, int | None], body: bytes) -> bool:
    """Whether an opcode, with its argument, builds data no larger than the pickle can fill."""
    opcode, argument, _ = op
    if opcode.name in _MEMO and not 0 <= argument <= len(body):
        return False
    return opcode.name in _PLAIN
