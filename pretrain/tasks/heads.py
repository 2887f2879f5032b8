"""Which tasks does a trained network answer, by which head, and told by which token?"""

from collections.abc import Mapping
from dataclasses import dataclass

from pretrain.objectives.objective import Objective
from pretrain.plain import nearest
from pretrain.recipe import Recipe
from pretrain.task_plans.task_plan import OWN
from pretrain.tasks.task import Asking

_FORMS = {"pointing": "refer"}
"""Heads that are not called as the task whose published form they read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One task of a network."""

    objective: Asking
    token: int | None
    """Of `TextSpec.tasks`; None: the network is not told which task it is."""

    @property
    def form(self) -> str:
        """The module of `pretrain.tasks` that reads its files."""
        return _FORMS.get(self.objective.name, self.objective.name)


def heads(recipe: Recipe) -> Mapping[str, Head]:
    """All tasks of a network, by the data set that it was trained on (`vqa`, `vg_qa`), or by the
    objective where that was the stage's own."""
    objectives: dict[str, Objective] = {o.name: o for o in recipe.objectives}
    found: dict[str, Head] = {}
    for stage in recipe.stages:
        for task in stage.tasks.tasks:
            for name in objectives if task.asked is None else task.asked:
                objective = objectives.get(name)
                if isinstance(objective, Asking):
                    called = name if task.data == OWN else task.data
                    found[called] = Head(objective=objective, token=task.token)
    return found


def head_of(recipe: Recipe, task: str | None) -> Head:
    """The task of that name; None: the only one.

    Raises:
        ValueError: the network answers no task, several, or none of that name.
    """
    found = heads(recipe)
    if not found:
        raise ValueError(f"{recipe.name} asks no questions: fine-tune with `lait finetune`")
    if task is None and len(found) > 1:
        raise ValueError(f"{recipe.name} answers several tasks: give --task: {', '.join(found)}")
    name = next(iter(found)) if task is None else task
    if name not in found:
        raise ValueError(f"--task {name}: {recipe.name} has none; {nearest(name, list(found))}")
    return found[name]


def token_of(recipe: Recipe, objective: str) -> int | None:
    """What tells the network that this objective is asked about a stage's own data; None: nothing.

    Of several stages that ask it, the last one's.
    """
    tokens = [
        task.token
        for stage in recipe.stages
        for task in stage.tasks.tasks
        if task.data == OWN and (task.asked is None or objective in task.asked)
    ]
    return tokens[-1] if tokens else None
