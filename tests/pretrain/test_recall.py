"""Is recall at K exact on scores whose ranks are known? (Check h.)"""

import numpy as np
import pytest

from pretrain.evaluate.recall import chance, image_retrieval, text_retrieval

OWNER_T = np.repeat(np.arange(12), 5)


def ranked_texts(ranks: list[int]) -> np.ndarray:
    """[I, 60] scores in which the image's best own text has exactly the given rank."""
    scores = np.zeros((len(ranks), len(OWNER_T)), dtype=np.float32)
    for image, rank in enumerate(ranks):
        own = np.flatnonzero(image == OWNER_T)
        other = np.flatnonzero(image != OWNER_T)
        order = [*other[:rank], own[2], *other[rank:], *own[[0, 1, 3, 4]]]
        scores[image, order] = np.linspace(1, 0, len(order))
    return scores


def test_h_five_captions_the_best_of_them_counts() -> None:
    scores = ranked_texts([0, 0, 0, 1, 4, 4, 5, 9, 10, 30, 40, 50])
    recall = text_retrieval(scores, OWNER_T)
    assert (recall.r1, recall.r5, recall.r10) == (3 / 12, 6 / 12, 8 / 12)


def test_h_each_text_has_one_right_image() -> None:
    scores = np.zeros((12, 60), dtype=np.float32)
    ranks = [0] * 15 + [3] * 15 + [4] * 3 + [5] * 7 + [9] * 10 + [10] * 10
    for text, rank in enumerate(ranks):
        others = [image for image in range(12) if image != OWNER_T[text]]
        order = [*others[:rank], OWNER_T[text], *others[rank:]]
        scores[order, text] = np.linspace(1, 0, 12)
    recall = image_retrieval(scores, OWNER_T)
    assert (recall.r1, recall.r5, recall.r10) == pytest.approx((15 / 60, 33 / 60, 50 / 60))


def test_equal_scores_are_no_knowledge() -> None:
    scores = np.ones((12, 60), dtype=np.float32)
    assert text_retrieval(scores, OWNER_T).r10 == 0
    assert image_retrieval(scores, OWNER_T).r10 == 0


def test_chance_is_what_random_scores_reach() -> None:
    rng = np.random.default_rng(0)
    by_text, by_image = chance(OWNER_T, 12)
    texts, images = [], []
    for _ in range(300):
        scores = rng.normal(size=(12, 60))
        texts.append(list(text_retrieval(scores, OWNER_T).as_dict().values()))
        images.append(list(image_retrieval(scores, OWNER_T).as_dict().values()))
    assert np.mean(texts, axis=0) == pytest.approx(list(by_text.as_dict().values()), abs=0.02)
    assert np.mean(images, axis=0) == pytest.approx(list(by_image.as_dict().values()), abs=0.02)
