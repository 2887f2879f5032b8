"""Which words stand around the main image of a page, and which of them are true?"""

import random
from collections import Counter
from dataclasses import dataclass
from typing import Final

from lait.world.caption import captions, mismatched, title
from lait.world.page_language import TONGUES
from lait.world.scene import Scene
from lait.world.text_noise import filler, noise
from lait.world.web_case import Mix, Subject, Words
from lait.world.web_plan import PagePlan

CAPTIONS_PER_PAGE: Final = 10
_USES: Final = 2
"""A true caption stands beside at most this many pictures, so that LAIT's rule spares it."""
_NEUTRAL_HEADINGS: Final = (
    "Picture of the week",
    "From the archive",
    "Notes for the weekend",
    "News from the team",
    "Something to look at",
    "Seen this month",
)
_CLAIMS: Final[dict[Subject, tuple[str, ...]]] = {
    "chart": ("Bar chart of visitors in every month of the year", "Sales per quarter as a chart"),
    "screenshot": ("Screenshot of the settings window", "The new start page of our program"),
    "logo": ("The new logo of the football club", "Official logo of the town festival"),
    "clip_art": ("Free clip art for your invitation cards", "Cartoon drawing for children"),
    "meme": ("Funny meme about Monday mornings", "When you forget your umbrella at home"),
    "map": ("Map of the walking routes around the lake", "Street map of the old town"),
}
_CREDIT: Final = " (photo: Zoë Müller)"
_ACCENTED: Final = "The café on the corner, run by Zoë and José, stays open until nine."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """All the words of one page that depend on its picture."""

    heading: str
    alt: str | None
    title: str | None
    caption: str | None
    lead: tuple[str, ...]
    body: tuple[str, ...]
    far: tuple[str, ...]
    true_texts: tuple[str, ...]
    """Every text on the page that describes the main image, the expected one first."""


class CaptionBook:
    """Hands out true captions so that none is used for many pictures."""

    def __init__(self) -> None:
        self._uses: Counter[str] = Counter()

    def take(self, scene: Scene, n: int) -> list[str]:
        """`n` captions of a scene, fresh ones first."""
        options = captions(scene, CAPTIONS_PER_PAGE, 0)
        fresh = [text for text in options if self._uses[text] < _USES]
        chosen = (fresh + [text for text in options if text not in fresh])[:n]
        self._uses.update(chosen)
        return chosen


class Writer:
    """Writes the words of one page; `scene` is what its picture shows."""

    def __init__(
        self, plan: PagePlan, scene: Scene, other: Scene, book: CaptionBook, shared: str | None
    ) -> None:
        """`shared` is the text that all pages of a `same_text` group bear, else None."""
        self._plan, self._scene, self._other, self._shared = plan, scene, other, shared
        self._rng = random.Random(f"text:{scene.seed}:{plan.number}")
        self._true = book.take(scene, 5) if shared is None else [shared] * 5
        self._told: list[str] = []

    def write(self) -> Wording:
        if self._plan.case.language != "en":
            return self._foreign()
        mix = self._plan.member.mix
        alt = self._words(mix.alt, credit=True)
        caption = self._words(mix.caption, credit=True)
        hover = self._words(mix.title)
        lead, body, far = self._running(mix)
        if alt is None and self._rng.random() < 0.5:
            alt = ""  # present and empty is as common as absent
        true_texts = self._told if self._plan.case.subject == "scene" else []
        return Wording(
            heading=self._heading(mix),
            alt=alt,
            title=hover,
            caption=caption,
            lead=lead,
            body=body,
            far=far,
            true_texts=tuple(true_texts),
        )

    def _words(self, kind: Words, *, credit: bool = False) -> str | None:
        """One text of a kind; a true one is remembered as told."""
        if kind is None:
            return None
        if kind == "true":
            return self._tell(credit=credit)
        if kind == "wrong":
            return self._wrong()
        return self._shared or noise(kind, self._rng)

    def _tell(self, *, credit: bool) -> str:
        case = self._plan.case
        if case.subject in _CLAIMS:
            return self._rng.choice(_CLAIMS[case.subject])
        text = self._true.pop(0)
        legacy = self._plan.site.charset != "utf-8" or self._plan.site.declared == "conflict"
        if credit and legacy and self._shared is None and self._rng.random() < 0.4:
            text += _CREDIT
        self._told.append(text)
        return text

    def _wrong(self) -> str:
        return mismatched(self._scene, self._other, self._rng.randrange(2**31))

    def _running(self, mix: Mix) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Paragraphs before, after and far from the image: 60 words or more together."""
        said = filler(self._plan.site.genre, 9, self._rng)
        about = [_ACCENTED, *said[7:]]
        if mix.near == "none":
            return (), (), (" ".join(said[:3]), " ".join(said[3:6]), " ".join(about))
        if mix.near == "filler":
            return (
                (" ".join(said[:2]), said[2]),
                (" ".join(said[3:5]), " ".join(said[5:7])),
                (" ".join(about),),
            )
        first, second = self._sentence(mix), self._sentence(mix)
        return (
            (" ".join(said[:2]), f"{said[2]} {first}"),
            (f"{second} {said[3]}", " ".join(said[4:7])),
            (" ".join(about),),
        )

    def _sentence(self, mix: Mix) -> str:
        """A caption as a sentence of the running text."""
        if mix.near == "wrong":
            return f"{self._wrong()}."
        text = f"{self._true.pop(0)}."
        self._told.append(text)
        return text

    def _heading(self, mix: Mix) -> str:
        words = (mix.alt, mix.title, mix.caption, mix.near)
        if self._plan.case.subject == "scene" and "true" in words:
            return title(self._scene, self._plan.number)
        if "wrong" in words:
            return title(self._other, self._plan.number)
        return self._rng.choice(_NEUTRAL_HEADINGS)

    def _foreign(self) -> Wording:
        """A page in another language, true words included (a German reader would keep it)."""
        tongue, rng = TONGUES[self._plan.case.language], self._rng
        said = rng.sample(tongue.sentences, 6)
        alt, caption = rng.sample(tongue.descriptions, 2)
        space = "" if tongue.code == "ja" else " "
        return Wording(
            heading=rng.choice(tongue.headings),
            alt=alt,
            title=None,
            caption=caption,
            lead=(space.join(said[:2]),),
            body=(space.join(said[2:4]), said[4]),
            far=(said[5],),
            true_texts=(),
        )
