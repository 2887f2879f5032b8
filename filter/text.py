"""Could this text describe a picture? The rules that cost microseconds.

Each filter looks at one text alone (LAIT step 3: cut noisy words, keep sentences of normal length,
drop a high share of unknown words). The order in `filter.recipe` asks for what a text IS (a file
name, a template) before how long it is: the more telling reason wins.
"""

import re
from dataclasses import dataclass
from typing import ClassVar, Final

from filter.phrases import BOILERPLATE, BOILERPLATE_PATTERNS, PROFANE, SPAM_PATTERNS
from filter.verdict import Drop
from filter.vocabulary import FUNCTION_WORDS, english_words, is_known

_WORD: Final = re.compile(r"[぀-ヿ㐀-鿿가-힯]|[^\W_]+(?:['’-][^\W_]+)*")
"""A run of letters and digits; scripts without spaces count each sign."""
_LETTERS: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_EXTENSION: Final = re.compile(
    r"\.(?:jpe?g|jfif|png|gif|webp|avif|svg|bmp|tiff?|heic|ico|psd|raw|mp4|pdf|html?|php)\W*$",
    re.IGNORECASE,
)
_CAMERA: Final = re.compile(
    r"^(?:img|image|dsc[nf]?|pict?|photo|picture|mvi|imgp|sam|gopr|dji|pxl|wp|scan|screen ?shot"
    r"|untitled|unnamed|download|file|foto|p)[\s_(#-]*\d{2,}[\w.()-]*"
    r"(?:\s+(?:\(?\d+\)?|copy|edited|edit|final|small|large|original))*$",
    re.IGNORECASE,
)
"""What cameras and phones call their pictures: a prefix and a number."""
_NUMBER: Final = re.compile(r"^[\d\s_.,:x×()/#-]*\d[\d\s_.,:x×()/#-]*$")
_SEPARATORS: Final = re.compile(r"[|»›•·►]|\s>\s")
_MIN_MENU_MARKS: Final = 2
_MAX_FILE_WORDS: Final = 6
_MIN_NAME_PARTS: Final = 3
_MIN_CONTENT_WORDS: Final = 4


def words(text: str) -> list[str]:
    """The words of a text in order."""
    return _WORD.findall(text)


def fold(text: str) -> str:
    """A text as the aggregation rules compare it: case and white space folded."""
    return " ".join(text.casefold().split())


@dataclass(frozen=True, slots=True, kw_only=True)
class FileName:
    """Drops what a camera, a phone or a content system named, not a person."""

    stage: ClassVar[str] = "text"

    def __call__(self, text: str, /) -> Drop | None:
        tokens = text.split()
        named = (
            (len(tokens) <= _MAX_FILE_WORDS and _EXTENSION.search(text))
            or _CAMERA.match(text)
            or _NUMBER.match(text)
            or (len(tokens) == 1 and _is_machine_token(text))
            or (len(tokens) > 1 and all("_" in token for token in tokens))
        )
        return Drop(reason="text_file_name") if named else None


def _is_machine_token(token: str) -> bool:
    """One token without spaces that joins parts or mixes digits in: `red-house-640x480`."""
    if len(words(token)) > 1 and not re.search(r"[_\-.+%]", token):
        return False
    parts = re.split(r"[_\-.+%]+", token.strip("_-.+%"))
    digits = sum(char.isdigit() for char in token)
    return "_" in token or len(parts) >= _MIN_NAME_PARTS or (digits > 0 and len(token) > 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Boilerplate:
    """Drops texts of templates: "image", "photo of the day", "click to enlarge", menus."""

    stage: ClassVar[str] = "text"

    def __call__(self, text: str, /) -> Drop | None:
        bare = " ".join(words(text.casefold()))
        if bare in BOILERPLATE:
            return Drop(reason="text_boilerplate", value=bare)
        for pattern in BOILERPLATE_PATTERNS:
            if found := pattern.search(text):
                return Drop(reason="text_boilerplate", value=found.group())
        if len(_SEPARATORS.findall(text)) >= _MIN_MENU_MARKS:
            return Drop(reason="text_boilerplate", value="menu")
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """Keeps texts of normal length, counted in words."""

    stage: ClassVar[str] = "text"
    min_words: int
    max_words: int

    def __call__(self, text: str, /) -> Drop | None:
        n_words = len(words(text))
        if n_words < self.min_words:
            return Drop(reason="text_short", value=n_words, threshold=self.min_words)
        if n_words > self.max_words:
            return Drop(reason="text_long", value=n_words, threshold=self.max_words)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spam:
    """Drops texts that sell or link."""

    stage: ClassVar[str] = "text"

    def __call__(self, text: str, /) -> Drop | None:
        for pattern in SPAM_PATTERNS:
            if found := pattern.search(text):
                return Drop(reason="text_spam", value=found.group())
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profanity:
    """Drops texts with a word of a short list."""

    stage: ClassVar[str] = "text"

    def __call__(self, text: str, /) -> Drop | None:
        swears = any(word.casefold() in PROFANE for word in words(text))
        return Drop(reason="text_profanity") if swears else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """Drops texts that say the same words again and again."""

    stage: ClassVar[str] = "text"
    max_share: float

    def __call__(self, text: str, /) -> Drop | None:
        share = repetition([word.casefold() for word in words(text)])
        if share <= self.max_share:
            return None
        return Drop(reason="text_repetition", value=share, threshold=self.max_share)


def repetition(folded: list[str]) -> float:
    """Share of content words that repeat an earlier one, 0..1; 0 for a handful of words."""
    content = [word for word in folded if word not in FUNCTION_WORDS]
    if len(content) < _MIN_CONTENT_WORDS:
        return 0.0
    return 1 - len(set(content)) / len(content)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfVocabulary:
    """Drops texts most of whose words are unknown: codes, keyword soup, damaged encodings."""

    stage: ClassVar[str] = "text"
    max_share: float

    def __call__(self, text: str, /) -> Drop | None:
        if self.max_share >= 1:
            return None
        found = _LETTERS.findall(text)
        if not found:
            return Drop(reason="text_oov", value=1.0, threshold=self.max_share)
        known = english_words()
        share = sum(not is_known(word, known) for word in found) / len(found)
        if share <= self.max_share:
            return None
        return Drop(reason="text_oov", value=share, threshold=self.max_share)
