"""Are mismatches random, fair between the two kinds, and never secretly true?"""

from collections import Counter

from pretrain.draws import Draws
from pretrain.pairing import Candidates, Choice, RandomNegatives


def choose(n: int, step: int = 0, images: list[int] | None = None) -> list[Choice]:
    images = images or list(range(n))
    texts = [f"text {i}" for i in images]
    captions = [frozenset([text]) for text in texts]
    draws = Draws(seed=0, step=step, rows=tuple(range(n)))
    return RandomNegatives()(images, texts, captions, draws)


def test_half_are_mismatches_half_of_those_have_another_text() -> None:
    kinds: Counter[str] = Counter()
    for step in range(100):
        for row, choice in enumerate(choose(64, step)):
            moved_text, moved_image = choice.text_row != row, choice.image_row != row
            assert choice.match == (not moved_text and not moved_image)
            assert not (moved_text and moved_image)
            kinds["text" if moved_text else "image" if moved_image else "true"] += 1
    total = kinds.total()
    assert abs(kinds["true"] / total - 0.5) < 0.02
    assert abs(kinds["text"] / total - 0.25) < 0.02


def test_every_other_row_is_equally_likely() -> None:
    partners = Counter(
        choices[0].text_row
        for step in range(4000)
        if (choices := choose(6, step)) and choices[0].text_row != 0
    )
    assert set(partners) == {1, 2, 3, 4, 5}
    assert min(partners.values()) > 0.7 * max(partners.values())


def test_the_same_image_is_never_its_own_mismatch() -> None:
    images = [1, 1, 1, 2]
    for step in range(200):
        for choice in choose(4, step, images):
            assert choice.match or images[choice.text_row] != images[choice.image_row]


def test_a_text_that_is_true_of_the_other_image_is_no_mismatch() -> None:
    texts = ["a red ball", "a red ball", "a cat"]
    captions = [frozenset(["a red ball"]), frozenset(["a red ball", "a toy"]), frozenset(["a cat"])]
    for step in range(300):
        draws = Draws(seed=0, step=step, rows=(0, 1, 2))
        for choice in RandomNegatives()([0, 1, 2], texts, captions, draws):
            assert choice.match or texts[choice.text_row] not in captions[choice.image_row]


def test_a_row_without_any_mismatch_stays_true() -> None:
    assert all(choice.match for step in range(50) for choice in choose(3, step, [5, 5, 5]))


def test_rivals_stand_behind_their_true_pair() -> None:
    pairing = Candidates(wrong_texts=2, wrong_images=1)
    texts = [f"text {i}" for i in range(6)]
    captions = [frozenset([text]) for text in texts]
    rivals: Counter[int] = Counter()
    for step in range(600):
        draws = Draws(seed=0, step=step, rows=tuple(range(6)))
        choices = pairing(list(range(6)), texts, captions, draws)
        assert len(choices) == 6 * pairing.rows_per_image
        for row in range(6):
            true, *others = choices[row * 4 : (row + 1) * 4]
            assert true == Choice(text_row=row, image_row=row, match=True)
            assert not any(choice.match for choice in others)
            assert [choice.image_row == row for choice in others] == [True, True, False]
            assert others[0].text_row != others[1].text_row
            assert others[2].text_row == row
        rivals[choices[1].text_row] += 1
    assert set(rivals) == {1, 2, 3, 4, 5}
    assert min(rivals.values()) > 0.6 * max(rivals.values())


def test_without_rivals_the_true_pair_stands_in() -> None:
    draws = Draws(seed=0, step=0, rows=(0, 1))
    choices = Candidates()([7, 7], ["a", "b"], [frozenset(["a", "b"])] * 2, draws)
    assert [(c.text_row, c.image_row, c.match) for c in choices] == [(0, 0, True)] * 3 + [
        (1, 1, True)
    ] * 3
