"""How is a piece of a page, or the name of a file, made a line of plain text?"""

import re
from urllib.parse import unquote

MAX_TEXT_CHARS = 2000
"""One text is cut here, at a word: no caption is longer."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2066-\u2069\ufeff]+")
_NAME_WORD = re.compile(r"(?:[^\W_]|['’])+")
_NAME_NOISE = re.compile(
    r"(?=[a-z]*\d)[0-9a-z]{7,}|\d+(?:x\d+|w|h|px|x)?|[a-f]{6,}|[a-z]", re.IGNORECASE
)
_MAX_NAME_CHARS = 300


def clean(text: str) -> str:
    """Fold white space to single spaces; drop control and direction characters; bound length."""
    if len(text) > 4 * MAX_TEXT_CHARS:
        text = text[: 4 * MAX_TEXT_CHARS]
    text = " ".join(text.split())
    if not text.isprintable():
        text = " ".join(_CONTROL.sub(" ", text).split())
    if len(text) > MAX_TEXT_CHARS:
        text = text[:MAX_TEXT_CHARS].rpartition(" ")[0] or text[:MAX_TEXT_CHARS]
    return text


def file_name_words(url: str) -> str:
    """The words of a URL's file name, without sizes, numbers and hashes; '' if none is left."""
    name = url.partition("?")[0].rpartition("/")[2]
    if "%" in name:
        name = unquote(name)
    stem = (name.rpartition(".")[0] or name)[:_MAX_NAME_CHARS]
    return " ".join([word for word in _NAME_WORD.findall(stem) if not _NAME_NOISE.fullmatch(word)])
