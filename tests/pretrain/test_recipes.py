"""Does every file of pretrain/recipes hold a recipe that trains?"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pretrain import recipe as recipes
from pretrain import stage
from pretrain.data import TrainingSet
from pretrain.journal import summary
from pretrain.loader import Loader
from pretrain.network import DataSizes, build
from pretrain.optim import build_optimizer
from pretrain.tokens import load_wordpiece
from pretrain.workers import Workers

FOLDER = Path(recipes.__file__).parent / "recipes"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


def test_the_folder_is_the_registry() -> None:
    assert recipes.names() == NAMES
    assert "imagebert" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_recipe_trains(name: str, memory_set: Callable[..., TrainingSet]) -> None:
    """A few steps of its small version; the loss falls on pairs seen again and again."""
    recipe = recipes.load(name, shrink=True)
    part = dataclasses.replace(recipe.stages[0], epochs=50.0, steps=None, batch_pairs=8)
    data = memory_set(8)
    load = Loader(data=data, recipe=recipe, stage=part, seed=0)
    regions = data.example(0).regions
    sizes = DataSizes(
        vocabulary=load_wordpiece(recipe.vocabulary).vocabulary,
        feature_dim=regions.features_RD.shape[1],
        classes=regions.probs_RK.shape[1],
    )
    torch.manual_seed(0)
    network = build(recipe, sizes)
    optimizer = build_optimizer(network, part.optim, part.more_optims)
    cpu = torch.device("cpu")
    reports = list(
        stage.run(network, optimizer, load, Workers(), cpu, first_step=0, position=load.start())
    )
    # Of every objective its mean, for a plan may ask one at a time, and some of them seldom.
    ends = summary(reports[:20]), summary(reports[-20:])
    asked = [o for o in recipe.objectives if all(o.name in end for end in ends)]
    assert asked
    first, last = (sum(o.weight * end[o.name] for o in asked) for end in ends)
    assert last < 0.9 * first


@pytest.mark.parametrize("name", NAMES)
def test_recipe_tells_what_it_is(name: str) -> None:
    recipe = recipes.load(name)
    assert recipe.name == name
    assert recipe.citation
    assert (FOLDER / f"{name}.py").read_text().startswith('"""')
    assert recipes.load(name, shrink=True).name == name


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("imagbert", "did you mean imagebert"),
        ("nothing_like_it", "there is .*imagebert"),
        ("no_such_package.recipe", "no recipe no_such_package.recipe"),
        ("../imagebert", "did you mean imagebert"),
    ],
)
def test_an_unknown_recipe_names_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        recipes.load(name)


def test_any_importable_module_can_hold_a_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_recipe.py").write_text(
        "from pretrain.recipes.imagebert import recipe, shrink\n"
    )
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "broken.py").write_text("import module_that_is_missing\n")
    (tmp_path / "my_package" / "mine.py").write_text("from my_recipe import *\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert recipes.load("my_package.mine") == recipes.load("imagebert")
    with pytest.raises(ModuleNotFoundError, match="module_that_is_missing"):
        recipes.load("my_package.broken")
