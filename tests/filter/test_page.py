"""Are opt-outs obeyed, and does only the main image of an English page pass?"""

import pytest

from filter.language import PageLanguage
from filter.page import MainImage, OptOut
from filter.verdict import Drop


@pytest.mark.parametrize(
    ("signals", "expected"),
    [
        ((), None),
        (("noai",), Drop(reason="opt_out", value="noai")),
        (("tdm", "noimageindex"), Drop(reason="opt_out", value="noimageindex tdm")),
    ],
)
def test_opt_out(make_candidate, signals, expected) -> None:
    assert OptOut()(make_candidate(opt_out=signals)) == expected


def test_main_image(make_candidate) -> None:
    assert MainImage()(make_candidate()) is None
    drop = MainImage()(make_candidate(is_main=False, main_score=0.2))
    assert drop == Drop(reason="not_main", value=0.2)


@pytest.mark.parametrize(
    ("language", "score", "expected"),
    [
        ("en", 0.5, None),
        ("en", 0.49, Drop(reason="language", value=0.49, threshold=0.5)),
        ("de", 0.99, Drop(reason="language", value="de", threshold="en")),
        ("und", 0.0, Drop(reason="language", value="und", threshold="en")),
    ],
)
def test_page_language(make_candidate, language, score, expected) -> None:
    sieve = PageLanguage(languages=("en",), min_score=0.5)
    assert sieve(make_candidate(language=language, language_score=score)) == expected


def test_several_languages_may_be_allowed(make_candidate) -> None:
    sieve = PageLanguage(languages=("en", "de"), min_score=0.5)
    assert sieve(make_candidate(language="de")) is None
