"""Which texts may describe a picture, and is each refusal the telling one?"""

import json

import pytest

from crawl.config import CrawlConfig
from crawl.language import detect
from filter.config import FilterConfig
from filter.recipe import lait
from filter.text import fold, repetition, words

GOOD = [
    "A red umbrella on the sandy beach",
    "Three dogs play in the snow",
    "12 red apples on a wooden table",
    "A man takes a photo of the mountains",
    "Two cats and a dog sleep on the sofa, next to a lamp.",
    "The London Eye at night, seen from Westminster Bridge",
    "Children share a book in the library",
    "Photograph of Jan Oort",
    "A well-known bridge in San Francisco",
    "People read more books in the park than at home",
    "The cover of the first edition, published in 1922",
    "Aerial view of a volcano in Iceland",
    "By the sea, a red boat lies on the sand",
]
BAD = [
    ("IMG_2034.JPG", "text_file_name"),
    ("DSC00123", "text_file_name"),
    ("my holiday photo.jpeg", "text_file_name"),
    ("red-house-at-lake-640x480", "text_file_name"),
    ("product_12345_large", "text_file_name"),
    ("Screenshot 20200203", "text_file_name"),
    ("20200203 142233", "text_file_name"),
    ("9f86d081884c7d65", "text_file_name"),
    ("image", "text_boilerplate"),
    ("Photo of the day", "text_boilerplate"),
    ("Click to enlarge", "text_boilerplate"),
    ("Click here to view the full size image", "text_boilerplate"),
    ("Image 3 of 10", "text_boilerplate"),
    ("Photo: Jane Smith", "text_boilerplate"),
    ("Image not available", "text_boilerplate"),
    ("Share this on Facebook", "text_boilerplate"),
    ("© 2019 Example Media. All rights reserved.", "text_boilerplate"),
    ("Home » Garden » Umbrellas", "text_boilerplate"),
    ("Posted by Anna on 3 May 2020", "text_boilerplate"),
    ("Company logo", "text_boilerplate"),
    ("By Tom Ellery, 2019-02-10", "text_boilerplate"),
    ("2015-06-06 By Sofia Ruiz", "text_boilerplate"),
    ("By Marek Nowak, May 25, 2020", "text_boilerplate"),
    ("Two cats", "text_short"),
    ("Bananas", "text_short"),
    ("word " * 30 + "and more things " * 20, "text_long"),
    ("Buy cheap umbrellas online, free shipping", "text_spam"),
    ("Find it at https://example.org/beach today", "text_spam"),
    ("Best beach umbrella ever!!! Order now", "text_spam"),
    ("beach umbrella beach umbrella beach umbrella beach", "text_repetition"),
    ("Hot porn pictures of the beach", "text_profanity"),
    ("Featured image for this post", "text_boilerplate"),
    ("For prints of this beach write to jane.doe+beach@mail.example.org", "text_personal"),
    ("Ein roter Schirm steht am Strand", "text_language"),
    ("Красный зонт стоит на пляже", "text_language"),
    ("海滩上的红色雨伞和蓝天", "text_language"),
    ("xqzt vwpl krrg bhnm sdfg", "text_oov"),
]


@pytest.mark.parametrize(
    "text", ["A green ball in a snowy landscape", "Red balloon in a snowy field"]
)
def test_grammar_overrules_the_language_detector(sieve, text) -> None:
    language, score = detect(text)
    assert language != "en"
    assert score >= FilterConfig().min_foreign_score
    assert sieve(text) is None


@pytest.fixture(scope="module")
def sieve():
    return lait(FilterConfig(), CrawlConfig()).text


@pytest.mark.parametrize("text", GOOD)
def test_descriptions_pass(sieve, text) -> None:
    assert sieve(text) is None


@pytest.mark.parametrize(("text", "reason"), BAD)
def test_noise_is_refused_for_the_telling_reason(sieve, text, reason) -> None:
    refusal = sieve(text)
    assert refusal is not None
    assert (refusal.stage, refusal.drop.reason) == ("text", reason)


@pytest.mark.parametrize(
    ("setting", "text", "reason"),
    [
        ({"min_words": 6}, "A red umbrella here", "text_short"),
        ({"max_words": 3}, "A red umbrella here", "text_long"),
        ({"max_repetition": 0.1}, "A red dog and a red cat and a bird", "text_repetition"),
        ({"max_oov_share": 0.1}, "A red xqzt umbrella near here", "text_oov"),
        ({"min_foreign_score": 0.2, "languages": ("de",)}, "A red umbrella here", "text_language"),
    ],
)
def test_thresholds_are_settings(setting, text, reason) -> None:
    assert lait(FilterConfig(), CrawlConfig()).text(text) is None
    refusal = lait(FilterConfig(**setting), CrawlConfig()).text(text)
    assert refusal is not None
    assert refusal.drop.reason == reason


def test_word_bounds_are_inclusive(sieve) -> None:
    assert sieve("Three big dogs") is None
    exactly = lait(FilterConfig(max_words=5), CrawlConfig()).text
    assert exactly("A red umbrella stands here") is None
    assert exactly("A red umbrella stands right here") is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A well-known dog's tail", ["A", "well-known", "dog's", "tail"]),
        ("红色 ball", ["红", "色", "ball"]),
        ("— ! ?", []),
    ],
)
def test_words(text, expected) -> None:
    assert words(text) == expected


def test_repetition_counts_content_words_only() -> None:
    assert repetition(words("the dog and the cat and the cow and the hen")) == 0
    assert repetition(["dog"] * 4) == 0.75
    assert repetition(["dog"] * 3) == 0, "three words say too little"


def test_fold() -> None:
    assert fold("  A Red\n BALL ") == "a red ball"
    assert fold("STRASSE") == fold("straße")


def test_human_captions_pass(sieve, shared_data) -> None:
    """At most 2% of sentences written by people about real photographs are refused as noise."""
    lines = (shared_data / "captions" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    noise = {
        "text_file_name", "text_boilerplate", "text_personal", "text_spam", "text_profanity",
        "text_repetition", "text_language", "text_oov",
    }  # fmt: skip
    texts = [" ".join(json.loads(line)["alt"].split()) for line in lines]
    refusals = [refusal.drop.reason for text in texts if (refusal := sieve(text))]
    assert len(texts) > 2000
    assert sum(reason in noise for reason in refusals) < 0.02 * len(texts)
