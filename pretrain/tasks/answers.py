"""When are two answers the same, and how right is one that few people gave?

The rules are those published with the VQA data sets (visualqa.org/evaluation): lower case, number
words as digits, no articles, punctuation as spaces except apostrophe and colon, contractions with
their apostrophe; an answer is compared with every nine of the ten people's.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

_NUMBERS: Final = (
    "zero one two three four five six seven eight nine ten".split()  # noqa: SIM905
)
_DIGITS: Final = {"none": "0", **{word: str(n) for n, word in enumerate(_NUMBERS)}}
_ARTICLES: Final = frozenset({"a", "an", "the"})
_PERIOD: Final = re.compile(r"(?<!\d)\.|\.(?!\d)")
_COMMA: Final = re.compile(r"(?<=\d),(?=\d)")
_PUNCTUATION: Final = re.compile(r"[;/\[\]\"{}()=+\\_\-><@`,?!]")
_NOT: Final = "ain are could did does had has have is might must need should was were wo would"
_CONTRACTIONS: Final = {
    **{f"{verb}nt": f"{verb}n't" for verb in _NOT.split()},
    **{f"{who}ve": f"{who}'ve" for who in ("could", "i", "might", "should", "they", "we", "would")},
    **{f"{who}d": f"{who}'d" for who in ("he", "they", "you", "who", "it", "that", "there")},
    **{f"{who}s": f"{who}'s" for who in ("he", "she", "that", "there", "what", "where", "who")},
    **{f"{who}re": f"{who}'re" for who in ("they", "you")},
    "cant": "can't",
    "dont": "don't",
    "couldnt": "couldn't",
    "didnt": "didn't",
    "im": "i'm",
    "oclock": "o'clock",
    "youll": "you'll",
    "yall": "y'all",
}
_NEEDED: Final = 3
"""Of nine people, how many must have given an answer for it to be all right."""


def normal(answer: str) -> str:
    """The answer as it is compared."""
    text = " ".join(answer.lower().split())
    text = _COMMA.sub("", _PERIOD.sub("", text))
    words = (_DIGITS.get(word, word) for word in _PUNCTUATION.sub(" ", text).split())
    return " ".join(_CONTRACTIONS.get(word, word) for word in words if word not in _ARTICLES)


def soft_scores(given: Sequence[str]) -> dict[str, float]:
    """How right each answer is, by what people answered: the mean over all sets of all but one.

    With ten people: 0.3, 0.6, 0.9 and 1 for an answer that one, two, three or more gave. A single
    person is right.
    """
    people = [normal(answer) for answer in given]
    if len(people) == 1:
        return {people[0]: 1.0}
    scores = {}
    for answer, n in Counter(people).items():
        with_it, without = (
            n * min(1.0, (n - 1) / _NEEDED),
            (len(people) - n) * min(1.0, n / _NEEDED),
        )
        scores[answer] = (with_it + without) / len(people)
    return scores


def vocabulary(answers: Iterable[str], at_least: int) -> tuple[str, ...]:
    """The answers that occur `at_least` times, by number and then alphabet."""
    counted = Counter(answers)
    often = [(-n, answer) for answer, n in counted.items() if n >= at_least]
    return tuple(answer for _, answer in sorted(often))
