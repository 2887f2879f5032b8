"""Does a recipe survive JSON, and is a wrong field met with the right one?"""

import json

import pytest

from pretrain.objectives.mrfr import Mrfr
from pretrain.plain import canonical, from_plain, to_plain
from pretrain.recipe import Recipe, load, staged, with_settings


def test_a_recipe_comes_back_equal() -> None:
    recipe = load("imagebert")
    again = from_plain(json.loads(json.dumps(to_plain(recipe))), Recipe)
    assert again == recipe
    assert again.digest == recipe.digest


def test_types_outside_of_our_packages_are_not_loaded() -> None:
    for kind in ("subprocess.Popen", "os.system", "pretrain.plain.os"):
        with pytest.raises(ValueError, match="not"):
            from_plain({"type": kind, "args": ["id"]}, Recipe)


def test_a_field_of_another_version_is_named() -> None:
    plain = to_plain(load("imagebert"))
    plain["temperature"] = 1
    with pytest.raises(ValueError, match="temperature"):
        from_plain(plain, Recipe)


def test_another_value_than_expected_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a Recipe"):
        from_plain(to_plain(Mrfr()), Recipe)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("encoder.dropout", 0.5),
        ("stages.in_domain.epochs", 3),
        ("stages.1.optim.lr", 0.5),
        ("objectives.mrfr.reduction", "sum"),
        ("objectives.mlm.corruption.select", 0.3),
        ("init.bert", None),
        ("stages.0.optim.clip_norm", None),
    ],
)
def test_settings_change_one_field(path: str, value: object) -> None:
    recipe = load("imagebert")
    changed = with_settings(recipe, {path: value})
    before, after = (canonical(to_plain(r)) for r in (recipe, changed))
    assert before != after
    assert json.loads(after) != json.loads(before)
    back = {"clip_norm": 1.0, "bert": "bert-base-uncased"}
    leaf = path.rsplit(".", 1)[1]
    originals = {
        "dropout": 0.1,
        "epochs": 17.0,
        "lr": 1e-4,
        "reduction": "mean",
        "select": 0.15,
        **back,
    }
    assert with_settings(changed, {path: originals[leaf]}).encoder == recipe.encoder
    undone = canonical(to_plain(with_settings(changed, {path: originals[leaf]})))
    assert json.loads(undone) == json.loads(before)


@pytest.mark.parametrize(
    ("path", "value", "hint"),
    [
        ("encoder.dropuot", 0.1, "did you mean dropout"),
        ("stages.in_domian.epochs", 3, "did you mean in_domain"),
        ("stages.7.epochs", 3, "no element 7"),
        ("encoder.hidden", "big", "expected a int"),
        ("encoder.hidden.more", 1, "has no field more"),
        ("name", 3, "expected a str"),
    ],
)
def test_wrong_settings_name_the_nearest(path: str, value: object, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        with_settings(load("imagebert"), {path: value})


def test_stages_take_the_users_names() -> None:
    recipe = with_settings(load("imagebert"), {"stages.in_domain.epochs": 3.0})
    named = staged(recipe, ("web", "clean", "cleaner"))
    assert [(s.name, s.epochs) for s in named.stages] == [
        ("web", 17),
        ("clean", 3.0),
        ("cleaner", 3.0),
    ]
    assert staged(recipe, ("in_domain",)).stages == (recipe.stages[1],)
    assert staged(named, ("web", "clean", "cleaner")) == named
    for names in ((), ("a", "a")):
        with pytest.raises(ValueError, match="--stage"):
            staged(recipe, names)
