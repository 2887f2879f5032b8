"""What is a whole pretraining run, as one value?"""

import dataclasses
import hashlib
import importlib
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pretrain.collate import Inputs
from pretrain.dual import Towers
from pretrain.embed.image import ImageSpec
from pretrain.embed.region import RegionSpec
from pretrain.embed.text import TextSpec
from pretrain.encoders.gated import EncoderSpec
from pretrain.objectives.objective import Objective
from pretrain.optim import Adam, Sgd
from pretrain.pairing import Pairing
from pretrain.plain import canonical, changed, nearest, to_plain
from pretrain.pooling.first import FirstToken
from pretrain.pooling.pooling import Pooling
from pretrain.steps.strategy import Standard, Strategy
from pretrain.task_plans.joint import Joint
from pretrain.task_plans.task_plan import TaskPlan
from pretrain.tokens import PACKAGED


@dataclass(frozen=True, slots=True, kw_only=True)
class Init:
    """Where the first weights come from; what a BERT does not have starts at N(0, 0.02)."""

    bert: str | None = PACKAGED
    """`packaged`, a folder of a Hugging Face BERT, a model hub's name, or None: all random."""
    layers: tuple[int, ...] | None = None
    """Which of its layers become layers 0, 1, ... of the encoder; None: the first ones."""
    checkpoint: str | None = None
    """A checkpoint of `lait pretrain` to go on from; then `bert` is not looked at."""
    released: str | None = None
    """A folder with the authors' weights in Hugging Face's layout (see `pretrain.released`); then
    `bert` is not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of the curriculum: on one data set, from the weights of the stage before."""

    name: str
    epochs: float
    """Passes over the images of the stage's data."""
    batch_pairs: int
    """Pairs in one optimiser step, on all workers together."""
    optim: Adam
    steps: int | None = None
    """Optimiser steps; None: as many as `epochs` need."""
    micro_batches: int = 1
    """Into how many forward passes, at most, a worker cuts its share of a step. Pairs of like
    length pass together, so that little is padding; a narrow network gains nothing from it."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """bfloat16: autocast; weights and optimiser stay float32."""
    compile: bool = False
    """Run the network through torch.compile."""
    parallel: Literal["ddp", "fsdp"] = "ddp"
    """How several workers share the work, see `pretrain.parallel`; checkpoints are the same."""
    log_every: int = 10
    """Steps between two lines of the metrics."""
    checkpoint_every: int = 500
    """Steps between two checkpoints; the last step of a stage always makes one."""
    pairing: Pairing | None = None
    """None: the recipe's."""
    more_optims: tuple[Adam | Sgd, ...] = ()
    """Optimisers of the parameters that their `params` name; all others are `optim`'s."""
    average: float | None = None
    """Keep an exponential moving average of the weights with this decay beside them."""
    tasks: TaskPlan = field(default_factory=Joint)
    """What is asked at which step."""
    strategy: Strategy = field(default_factory=Standard)
    """How gradients are gathered from a batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A model and how it is trained. Written into every checkpoint."""

    name: str
    citation: str
    assumptions: tuple[str, ...]
    """What the paper leaves open, and what is assumed here."""
    vocabulary: str
    """`packaged`, `clip`, or the path of a vocabulary."""
    inputs: Inputs
    objectives: tuple[Objective, ...]
    pairing: Pairing
    init: Init
    stages: tuple[Stage, ...]
    text: TextSpec = field(default_factory=TextSpec)
    region: ImageSpec = field(default_factory=RegionSpec)
    encoder: EncoderSpec = field(default_factory=lambda: EncoderSpec(sublayers=()))
    pooling: Pooling = field(default_factory=FirstToken)
    """What stands for a pair."""
    towers: Towers | None = None
    """A dual encoder of pixels and words (CLIP); text, region, encoder and pooling are then not
    looked at."""

    @property
    def digest(self) -> str:
        """sha256 of everything above."""
        return hashlib.sha256(canonical(to_plain(self)).encode()).hexdigest()


def names() -> list[str]:
    """The recipes that come with lait: the modules of `pretrain.recipes`."""
    package = importlib.import_module("pretrain.recipes")
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


def load(name: str, *, shrink: bool = False) -> Recipe:
    """The recipe of `pretrain.recipes.<name>`, or of any importable module given by dotted name.

    Args:
        name: The path is the registry: `imagebert`, or `mypackage.my_recipe`.
        shrink: The small version, for tests and demonstrations.

    Raises:
        ValueError: no such module; names the nearest.
    """
    if not re.fullmatch(r"\w+(\.\w+)*", name):
        raise ValueError(f"recipe {name!r}: {nearest(name, names())}")
    path = name if "." in name else f"pretrain.recipes.{name}"
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{path}.".startswith(f"{error.name}."):
            raise  # the recipe is there, something that it imports is not
        raise ValueError(f"no recipe {name}: {nearest(name, names())}") from error
    recipe = module.shrink() if shrink else module.recipe()
    assert isinstance(recipe, Recipe), recipe
    return recipe


def with_settings(recipe: Recipe, settings: Mapping[str, object]) -> Recipe:
    """The recipe with fields replaced: `{"encoder.dropout": 0.0, "stages.clean.epochs": 3}`.

    Raises:
        ValueError: an unknown field (naming the nearest), or a value of another type.
    """
    for path, value in settings.items():
        recipe = changed(recipe, path, value)
    return recipe


def staged(recipe: Recipe, stage_names: tuple[str, ...]) -> Recipe:
    """The recipe with the stages of a run, in the run's order.

    A name of the recipe's own takes that stage's settings; any other name takes those of the stage
    at its place, the last one's beyond the end.

    Raises:
        ValueError: no names, or a name twice.
    """
    if not stage_names or len(set(stage_names)) < len(stage_names):
        raise ValueError(f"--stage names must be given, each once; got {', '.join(stage_names)}")
    own = {stage.name: stage for stage in recipe.stages}
    chosen = (
        own.get(name, recipe.stages[min(place, len(recipe.stages) - 1)])
        for place, name in enumerate(stage_names)
    )
    stages = tuple(
        dataclasses.replace(stage, name=name)
        for stage, name in zip(chosen, stage_names, strict=True)
    )
    return dataclasses.replace(recipe, stages=stages)
