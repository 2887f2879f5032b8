"""How is a frozen value written as JSON, read back, and changed field by field?"""

import dataclasses
import difflib
import importlib
import json
from collections.abc import Sequence
from typing import Any, TypeVar

T = TypeVar("T")

_TYPE = "type"


def to_plain(value: object) -> Any:
    """Dataclasses become objects that name their type; tuples become lists.

    Raises TypeError for anything that JSON cannot carry back.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = type(value)
        fields = {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {_TYPE: f"{kind.__module__}.{kind.__qualname__}", **fields}
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{value!r} cannot be part of a recipe: it is no dataclass, tuple or scalar")


def from_plain(plain: Any, expected: type[T], *, roots: Sequence[str] = ("pretrain",)) -> T:
    """The value again.

    A file names the types to build, so only dataclasses of the packages in `roots` are looked up.

    Raises:
        ValueError: a type outside of `roots`, an unknown type or field, or not an `expected`.
    """
    value = _build(plain, roots)
    if not isinstance(value, expected):
        raise ValueError(f"expected a {expected.__name__}, the file holds {type(value).__name__}")
    return value


def changed(value: T, path: str, new: object) -> T:
    """`value` with one field replaced: `changed(recipe, "stages.in_domain.epochs", 3)`.

    An element of a tuple is named by its number or by its own `name`.

    Raises:
        ValueError: no such field (naming the nearest), or a value of another type.
    """
    return _changed(value, path.split("."), path, new)  # type: ignore[no-any-return]


def canonical(plain: Any) -> str:
    """One text for one value: sorted keys, no spaces."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"))


def nearest(name: str, known: Sequence[str]) -> str:
    """A hint for a mistyped name: `; did you mean X?`, or what there is."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"there is {', '.join(sorted(known))}"


def _build(plain: Any, roots: Sequence[str]) -> Any:
    if isinstance(plain, list):
        return tuple(_build(item, roots) for item in plain)
    if not isinstance(plain, dict):
        return plain
    module_name, _, type_name = str(plain.get(_TYPE)).rpartition(".")
    if module_name.split(".")[0] not in roots:
        raise ValueError(f"type {plain.get(_TYPE)} is not of {', '.join(roots)}: not loaded")
    kind = getattr(importlib.import_module(module_name), type_name, None)
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        raise ValueError(f"type {plain[_TYPE]} is not a dataclass")
    fields = {name: _build(item, roots) for name, item in plain.items() if name != _TYPE}
    unknown = sorted(fields.keys() - {f.name for f in dataclasses.fields(kind)})
    if unknown:
        raise ValueError(f"{type_name} has no field {unknown[0]}: written by another version?")
    return kind(**fields)


def _changed(value: Any, steps: Sequence[str], path: str, new: object) -> Any:
    if not steps:
        return _fitting(value, new, path)
    step, rest = steps[0], steps[1:]
    if isinstance(value, tuple):
        names = [str(getattr(item, "name", i)) for i, item in enumerate(value)]
        at = int(step) if step.isdigit() else names.index(step) if step in names else -1
        if not 0 <= at < len(value):
            raise ValueError(f"{path}: no element {step}; {nearest(step, names)}")
        return (*value[:at], _changed(value[at], rest, path, new), *value[at + 1 :])
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        raise ValueError(f"{path}: {value!r} has no field {step}")
    fields = [f.name for f in dataclasses.fields(value)]
    if step not in fields:
        raise ValueError(f"{path}: no field {step}; {nearest(step, fields)}")
    inner = _changed(getattr(value, step), rest, path, new)
    return dataclasses.replace(value, **{step: inner})


def _fitting(old: object, new: object, path: str) -> object:
    if isinstance(new, list):
        new = tuple(new)
    if isinstance(old, float) and isinstance(new, int) and not isinstance(new, bool):
        return float(new)
    if old is not None and new is not None and type(new) is not type(old):
        raise ValueError(f"{path}={new!r}: expected a {type(old).__name__} like {old!r}")
    return new
