"""Does the word list know English, its endings and names, and not noise?"""

import importlib.util

import pytest

from filter.text import OutOfVocabulary
from filter.vocabulary import english_words, is_known


@pytest.mark.parametrize(
    "word",
    ["Umbrella", "dog's", "dog’s", "stopped", "cities", "hoping", "London", "happily", "boxes"],
)
def test_known(word) -> None:
    assert is_known(word, english_words())


@pytest.mark.parametrize("word", ["xqzt", "Regenschirm", "asdfgh", "зонт", "zzing"])
def test_unknown(word) -> None:
    assert not is_known(word, english_words())


def test_size() -> None:
    assert 15_000 < len(english_words()) < 30_000


def test_without_the_package_the_setting_is_named(monkeypatch) -> None:
    english_words.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    try:
        with pytest.raises(ValueError, match=r"max_oov_share"):
            OutOfVocabulary(max_share=0.5)("a red umbrella")
        assert OutOfVocabulary(max_share=1)("xqzt vwpl krrg") is None
    finally:
        english_words.cache_clear()
