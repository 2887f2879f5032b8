"""Is a page, and is a text, in a language that we want?"""

from dataclasses import dataclass
from typing import ClassVar

from crawl.candidate import Candidate
from crawl.language import detect
from filter.verdict import Drop


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
    confident finding counts.
    """

    stage: ClassVar[str] = "text"
    languages: tuple[str, ...]
    min_foreign_score: float

    def __call__(self, text: str, /) -> Drop | None:
        language, score = detect(text)
        if language in self.languages or score < self.min_foreign_score:
            return None
        return Drop(reason="text_language", value=language, threshold=" ".join(self.languages))
