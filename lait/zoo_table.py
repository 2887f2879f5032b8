"""What came out of the zoo, as values, as a table and as a page?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

BASELINES: Final = (("text alone", "text"), ("image alone", "image"))
"""ImageBERT that is shown one of both: what it scores, nobody has learned from the pair."""
_TIMES_CHANCE: Final = 2.0
"""A recall of less says nothing on a hundred images."""
_PAGE: Final = """# The recipes, side by side

Every recipe's small version (`shrink()`), pretrained on the demo world in two stages, web then
clean, {pairs:,} pairs in all, then fine-tuned on the clean set, for retrieval and for the world's
questions (VQA); one seed ({seed}). Recall is the mean of both directions on {n_images:,} unseen
scenes, VQA the accuracy on their {n_questions:,} questions. The last two models are ImageBERT's,
shown the text alone or the image alone. This page is written by

```
lait zoo --demo out/demo --out out/zoo --scale {scale:g} --page docs/recipes.md
```

{table}
The last column says in what a model is above both baselines: in retrieval, where its R@1 is also at
least {times:g} times that of chance, and in VQA. {verdict}

The small versions share widths and epochs, not what made each system good at its own scale: the
table does not say which is best. A model whose recall is that of chance has not learned to match
within these steps, and one whose VQA is below that of the text alone has not learned to answer.

{sources}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieved:
    """Recall, the mean of both directions."""

    r1: float
    r10: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One model of the zoo."""

    name: str
    citation: str
    parameters: int
    zero_shot: Retrieved | None
    """None: no objective of the recipe scores pairs."""
    fine_tuned: Retrieved | None
    """None: a dual encoder, whose fine-tuning is more of the same."""
    vqa: float | None
    """Accuracy; None: the network takes no regions."""

    @property
    def r1(self) -> float:
        """Recall at 1 after all that the model was trained for."""
        found = self.fine_tuned or self.zero_shot
        return 0.0 if found is None else found.r1


@dataclass(frozen=True, slots=True, kw_only=True)
class Zoo:
    """All that was trained."""

    n_images: int
    """Held out."""
    pairs: int
    """Shown to every model in pretraining."""
    seed: int
    scale: float
    """Of the epochs."""
    n_questions: int
    """About the held-out images."""
    chance: Retrieved
    entries: tuple[Entry, ...]
    """The baselines come last."""

    @property
    def baselines(self) -> tuple[Entry, ...]:
        """What is learned from one of text and image."""
        return self.entries[-len(BASELINES) :]

    @property
    def models(self) -> tuple[Entry, ...]:
        """The recipes'."""
        return self.entries[: -len(BASELINES)]

    def above(self, entry: Entry) -> tuple[bool, bool | None]:
        """Whether retrieval and VQA are above both baselines; None: VQA cannot be asked."""
        floor = max(_TIMES_CHANCE * self.chance.r1, *(other.r1 for other in self.baselines))
        if entry.vqa is None:
            return entry.r1 > floor, None
        return entry.r1 > floor, entry.vqa > max(other.vqa or 0.0 for other in self.baselines)


Column = tuple[str, Callable[[Zoo, Entry], str]]
COLUMNS: Final[tuple[Column, ...]] = (
    ("model", lambda zoo, entry: entry.name),
    ("parameters", lambda zoo, entry: f"{entry.parameters:,}"),
    ("0-shot R@1", lambda zoo, entry: _shown(entry.zero_shot, "r1")),
    ("R@10", lambda zoo, entry: _shown(entry.zero_shot, "r10")),
    ("tuned R@1", lambda zoo, entry: _shown(entry.fine_tuned, "r1")),
    ("R@10", lambda zoo, entry: _shown(entry.fine_tuned, "r10")),
    ("VQA", lambda zoo, entry: "-" if entry.vqa is None else f"{entry.vqa:.3f}"),
    ("above both baselines", lambda zoo, entry: _above(zoo, entry)),
)
"""Of the table; another measure is a field of `Entry`, filled in `lait.zoo`, and a line here."""


NARROW: Final = tuple(column for column in COLUMNS if column[0] != "parameters")
"""Of them, what a terminal of eighty characters has room for."""


def rows_of(zoo: Zoo, columns: Sequence[Column] = COLUMNS) -> list[list[str]]:
    """The cells of the table, one row a model."""
    return [[show(zoo, entry) for _, show in columns] for entry in zoo.entries]


def page_of(zoo: Zoo) -> str:
    """The page of the documentation that shows the table."""
    chance = ["chance", "", *[f"{zoo.chance.r1:.3f}", f"{zoo.chance.r10:.3f}"] * 2, "", ""]
    lines = [[title for title, _ in COLUMNS], ["---"] * len(COLUMNS), *rows_of(zoo), chance]
    return _PAGE.format(
        table="".join(f"| {' | '.join(line)} |\n" for line in lines),
        sources="".join(f"- {entry.name}: {entry.citation}\n" for entry in zoo.models),
        pairs=zoo.pairs,
        n_images=zoo.n_images,
        n_questions=zoo.n_questions,
        seed=zoo.seed,
        scale=zoo.scale,
        times=_TIMES_CHANCE,
        verdict=_verdict(zoo),
    )


def _verdict(zoo: Zoo) -> str:
    """Which models are not above the baselines in all that they were asked."""
    missing = [entry.name for entry in zoo.models if False in zoo.above(entry)]
    if not missing:
        return "Here every model is, in all that it was asked."
    return f"Here these are not, in all that they were asked: {', '.join(missing)}."


def _above(zoo: Zoo, entry: Entry) -> str:
    if entry in zoo.baselines:
        return ""
    names = zip(("retrieval", "VQA"), zoo.above(entry), strict=True)
    return ", ".join(name for name, is_above in names if is_above) or "nothing"


def _shown(found: Retrieved | None, cut: str) -> str:
    return "none" if found is None else f"{getattr(found, cut):.3f}"
