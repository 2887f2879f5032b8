"""Is running text cut where sentences end, and only there?"""

import pytest

from filter.sentences import sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One dog. Two cats.", ("One dog.", "Two cats.")),
        ("One dog.  Two\ncats", ("One dog.", "Two cats")),
        ("Is it? Yes! It is…  Good.", ("Is it?", "Yes!", "It is…", "Good.")),
        ("Mr. Smith met Dr. J. Brown. They sat.", ("Mr. Smith met Dr. J. Brown.", "They sat.")),
        ("It costs 3.50 euros. e.g. this one.", ("It costs 3.50 euros. e.g. this one.",)),
        ("In the U.S. Senate they sat.", ("In the U.S. Senate they sat.",)),
        ('He said "stop." Then he left.', ('He said "stop."', "Then he left.")),
        ("A beach (in May.) A hill.", ("A beach (in May.)", "A hill.")),
        ("First thing | Second thing", ("First thing", "Second thing")),
        ("no end mark", ("no end mark",)),
        ("   ", ()),
        ("Ends in 1999. 2000 came.", ("Ends in 1999.", "2000 came.")),
    ],
)
def test_sentences(text, expected) -> None:
    assert sentences(text) == expected


def test_no_word_is_lost() -> None:
    text = 'A dog. (A cat.) "A bird!" • A fish? And 5 more… St. Ives.'
    joined = " ".join(sentences(text)).replace("•", " ")
    assert joined.split() == text.replace("•", " ").split()
