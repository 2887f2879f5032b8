"""With which settings does a curation run, and how does a person change one?"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crawl.config import CrawlConfig
from filter.config import FilterConfig
from shards.config import ShardsConfig
from shards.manifest import config_hash

NO_RELEVANCE: Final = "none"


class CurateConfig(BaseModel):
    """Everything that decides what a curation makes of given archives."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    crawl: CrawlConfig = CrawlConfig()
    filter: FilterConfig = FilterConfig()
    shards: ShardsConfig = ShardsConfig()
    batch_images: int = Field(default=32, ge=1)
    """Images that the relevance model scores at once."""
    thumbnails_per_reason: int = Field(default=24, ge=0)
    """Small pictures kept for the review of every reason, and of the kept pairs."""
    max_error_share: float = Field(default=0.05, ge=0, le=1)
    """A run in which filters raised on a larger share of the candidates is not finished."""
    max_drop_share: float = Field(default=0.99, ge=0, le=1)
    """A run in which one filter drops a larger share of the candidates that reach it is not
    finished: a threshold, a model or a word list is wrong more often than the web is;"""
    max_drop_shares: tuple[str, ...] = ()
    """other bounds for some reasons: [relevance=0.9, min_side=1];"""
    max_drop_share_from: int = Field(default=1000, ge=1)
    """once so many have reached it: of few, all may rightly fall."""
    relevance_digest: str = NO_RELEVANCE
    """Of the relevance model; set by the run itself, from the model it is given."""


_SET_BY_THE_RUN: Final = frozenset(
    {
        "relevance_digest",
        "eval_sets_digest",
        "not_in_digest",
        "known_bad_digest",
        "natural_digest",
        "safety_digest",
        "tombstones_digest",
    }
)


Settings = TypeVar("Settings", bound=BaseModel)


def load_config(file: Path | None = None, overrides: Sequence[str] = ()) -> CurateConfig:
    """Settings of a curation; see `overridden`."""
    return overridden(CurateConfig, file, overrides)


def overridden(
    model: type[Settings], file: Path | None = None, overrides: Sequence[str] = ()
) -> Settings:
    """The default settings, changed by a YAML file, then by overrides like `filter.min_words=4`.

    Raises ValueError, in one line that names the field and where it was given: for an unknown
    field (with the nearest known one), a wrong type, a value out of range, an unreadable file.
    """
    settings: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for path, value, given in (*_of_file(file), *_of_overrides(overrides)):
        _check_known(model, path, given)
        place = settings
        *groups, field = path.split(".")
        for group in groups:
            place = place.setdefault(group, {})
        place[field] = value
        origin[path] = given
    try:
        return model.model_validate(settings)
    except ValidationError as error:
        raise ValueError(_explain(error, origin)) from error


def digest(config: CurateConfig) -> str:
    """sha256 of the resolved settings, as it stands in the manifest of a run."""
    return config_hash(config)


def fields(model: type[BaseModel] = CurateConfig, prefix: str = "") -> Iterator[str]:
    """Dotted names of all settings that a person may change."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from fields(inner, f"{prefix}{name}.")
        elif name not in _SET_BY_THE_RUN:
            yield f"{prefix}{name}"


def _of_file(file: Path | None) -> Iterator[tuple[str, Any, str]]:
    if file is None:
        return
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"--config {file} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"--config {file} is not YAML: {' '.join(str(error).split())}") from error
    if content is None:
        return
    if not isinstance(content, dict):
        raise ValueError(f"--config {file} must hold fields, as in `filter: {{min_words: 4}}`")
    for path, value in _flat(content, ""):
        yield path, value, f"--config {file}: {path}: {value}"


def _flat(content: Mapping[Any, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _of_overrides(overrides: Sequence[str]) -> Iterator[tuple[str, Any, str]]:
    for override in overrides:
        path, equals, text = override.partition("=")
        if not equals:
            raise ValueError(f"--set {override} needs a value, as in filter.min_words=4")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(f"--set {override}: {text!r} cannot be read") from error
        yield path.strip(), value, f"--set {override}"


def _check_known(model: type[BaseModel], path: str, given: str) -> None:
    known = list(fields(model))
    if path in known:
        return
    near = difflib.get_close_matches(path, known, n=1, cutoff=0.5)
    # The right name in the wrong group, or without one, is the commonest slip.
    same_end = [name for name in known if name.split(".")[-1] == path.split(".")[-1]]
    hint = (same_end or near or [f"one of {', '.join(known)}"])[0]
    raise ValueError(f"{given}: there is no field {path}; did you mean {hint}?")


def _explain(error: ValidationError, origin: Mapping[str, str]) -> str:
    first = error.errors()[0]
    path = ".".join(str(part) for part in first["loc"])
    # An error inside a list carries the place in the list: look for the field around it.
    given = next((origin[known] for known in origin if f"{path}.".startswith(f"{known}.")), path)
    return f"{given}: {first['msg']}"
