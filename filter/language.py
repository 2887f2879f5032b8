"""Is a page, and is a text, in a language that we want?"""

from dataclasses import dataclass
from typing import ClassVar

from crawl.candidate import Candidate
from crawl.language import detect
from filter.text import words
from filter.verdict import Drop
from filter.vocabulary import FUNCTION_WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLanguage:
    """Drops candidates of pages whose running text is not in an allowed language (LAIT step 1)."""

    stage: ClassVar[str] = "page"
    languages: tuple[str, ...]
    min_score: float

    def __call__(self, candidate: Candidate, /) -> Drop | None:
        if candidate.language not in self.languages:
            allowed = " ".join(self.languages)
            return Drop(reason="language", value=candidate.language, threshold=allowed)
        if candidate.language_score < self.min_score:
            return Drop(reason="language", value=candidate.language_score, threshold=self.min_score)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLanguage:
    """Drops a text that is clearly in another language than its page.

    A few words are a thin basis, and proper names look foreign ("Photograph of Jan Oort"): only a
    confident finding counts, and none against the grammar ("a green ball in a snowy landscape" is
    Polish with 0.78, because of one word).
    """

    stage: ClassVar[str] = "text"
    languages: tuple[str, ...]
    min_foreign_score: float

    def __call__(self, text: str, /) -> Drop | None:
        language, score = detect(text)
        if language in self.languages or score < self.min_foreign_score:
            return None
        if "en" in self.languages and _is_english(text):
            return None
        return Drop(reason="text_language", value=language, threshold=" ".join(self.languages))


def _is_english(text: str) -> bool:
    """Whether two different function words make up a quarter of the text."""
    found = [word.casefold() for word in words(text)]
    held = [word for word in found if word in FUNCTION_WORDS]
    return len(set(held)) >= 2 and len(held) >= len(found) / 4
