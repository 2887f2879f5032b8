"""Can the main-image model be taught and tested, and is what it tells about itself true?"""

from pathlib import Path

import pytest

from crawl.config import CrawlConfig
from crawl.main_image import read_model, score, shipped_model, write_model
from crawl.main_image_eval import (
    accuracies,
    answer_all,
    cross_validate,
    folds,
    learning_curve,
)
from crawl.main_image_fit import HAND_WEIGHTS, fit
from crawl.main_image_pages import (
    LabelledPage,
    blind,
    is_same_picture,
    read_labelled,
    site_of,
)
from crawl.signals import SIGNS
from tests.crawl.labelled import N_SITES, write_labelled


def quiet(_done: int, _total: int) -> None:
    pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelled")
    write_labelled(folder)
    return folder


@pytest.fixture(scope="module")
def labelled(folder: Path) -> list[LabelledPage]:
    return read_labelled(folder / "pages.jsonl", folder / "gold.jsonl", CrawlConfig(), quiet)


def test_a_page_is_read_with_its_hints_and_without(labelled: list[LabelledPage]) -> None:
    assert len(labelled) == 3 * N_SITES
    hint = next(page for page in labelled if page.group == "hint")
    assert any(dom.is_meta for dom in hint.full.doms)
    assert not any(dom.is_meta for dom in hint.blind.doms)
    assert sum(hint.full.right) == sum(hint.blind.right) == 1
    none = next(page for page in labelled if page.group == "none")
    assert none.main_image is None
    assert not any(none.full.right)


def test_folds_never_share_a_site(labelled: list[LabelledPage]) -> None:
    tested: list[str] = []
    for training, test in folds(labelled, n_folds=4, seed=1):
        assert {page.site for page in training}.isdisjoint(page.site for page in test)
        tested += [page.file for page in test]
    assert sorted(tested) == sorted(page.file for page in labelled)


def test_one_site_cannot_be_cross_validated(labelled: list[LabelledPage]) -> None:
    with pytest.raises(ValueError, match="1 site"):
        list(folds([page for page in labelled if page.site == "site0.co.uk"]))


def test_what_is_learned_holds_on_other_sites(labelled: list[LabelledPage]) -> None:
    answers = cross_validate(labelled, penalty=1.0)
    assert {each.group: each.share for each in accuracies(answers) if each.is_blind} == {
        "lead": 1.0,
        "hint": 1.0,
        "none": 1.0,
    }
    assert len(answers) == 2 * len(labelled)


def test_weights_keep_their_signs_and_their_facts(labelled: list[LabelledPage]) -> None:
    model = fit(labelled, penalty=1.0, sources="a test")
    assert all(weight * SIGNS[name] >= 0 for name, weight in model.weights.items())
    assert {name: model.weights[name] for name in HAND_WEIGHTS} == HAND_WEIGHTS
    facts = model.training
    assert (facts.n_pages, facts.n_sites, facts.n_without) == (24, 8, 8)
    assert facts.sources == "a test"


def test_fitting_is_reproducible(labelled: list[LabelledPage]) -> None:
    assert fit(labelled, penalty=1.0, sources="") == fit(labelled, penalty=1.0, sources="")


def test_nothing_to_learn_from(labelled: list[LabelledPage]) -> None:
    with pytest.raises(ValueError, match="nothing to learn from"):
        fit([page for page in labelled if page.group == "none"], penalty=1.0, sources="")


def test_learning_curve_ends_with_all_sites(labelled: list[LabelledPage]) -> None:
    ((n_sites, answers),) = learning_curve(labelled, penalty=1.0)
    assert n_sites == 7
    assert len(answers) == 2 * len(labelled)


def test_fewer_training_sites_are_really_fewer(labelled: list[LabelledPage]) -> None:
    """With one site to learn from, what is learned differs."""
    few = cross_validate(labelled, penalty=1.0, n_sites=1)
    every = cross_validate(labelled, penalty=1.0)
    assert len(few) == len(every)
    assert fit(labelled[:3], penalty=1.0, sources="") != fit(labelled, penalty=1.0, sources="")


def test_weights_survive_the_disk(labelled: list[LabelledPage], tmp_path: Path) -> None:
    model = fit(labelled, penalty=1.0, sources="a test")
    write_model(tmp_path / "w.json", model)
    assert read_model(tmp_path / "w.json") == model
    dom = labelled[0].full.doms[0]
    assert score(dom, model) != score(dom, shipped_model())


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("{", "no file of main-image weights"), ('{"weights": {"size": 1}}', "unknown signals size")],
)
def test_weights_that_cannot_be_used(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "w.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=complaint):
        read_model(path)
    with pytest.raises(ValueError, match="No such file"):
        read_model(tmp_path / "no.json")


def test_shipped_weights_say_what_they_were_learned_from() -> None:
    facts = shipped_model().training
    assert facts.n_sites > 200
    assert facts.n_without > 20
    assert facts.sources


@pytest.mark.parametrize(
    ("url", "label", "same"),
    [
        ("https://a.org/u/harbour-300x200.jpg", "https://a.org/u/harbour.jpg", True),
        (
            "https://a.org/r?url=https%3A%2F%2Fb.org%2Fboats.jpg&w=3",
            "https://b.org/boats.jpg",
            True,
        ),
        ("https://a.org/x/1.jpg", "https://a.org/y/1.jpg", False),
        ("https://cdn.org/x/1.jpg", "https://a.org/x/1.jpg", True),
        ("https://a.org/img/7f93b233d3c0983c36?w=3", "https://a.org/img/7f93b233d3c0983c36", True),
        ("https://a.org/harbour-one.jpg", "https://a.org/harbour-two.jpg", False),
        ("https://a.org/harbour.jpg", "/harbour.jpg", True),
    ],
)
def test_same_picture(url: str, label: str, same: bool) -> None:
    assert is_same_picture((url,), label, "https://a.org/page") is same


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://news.bbc.co.uk/a", "bbc.co.uk"),
        ("https://blog.example.org/", "example.org"),
        ("https://t.co/x", "t.co"),
        ("https://example.com", "example.com"),
    ],
)
def test_site_of(url: str, site: str) -> None:
    assert site_of(url) == site


def test_blind_takes_hints_and_nothing_else() -> None:
    kept = '<meta property="og:title" content="x"><link rel=canonical href=/a><img src=a.jpg>'
    hints = (
        '<meta content="a.jpg" property=og:image><meta name="twitter:image:src" content="a.jpg">'
        '<link rel="image_src" href=a.jpg><link rel=preload as=image href=a.jpg>'
        '<script type="application/ld+json">{"image": "a.jpg"}</script>'
    )
    assert blind((kept + hints + kept).encode()).decode() == kept + kept


def test_a_bad_line_is_named(folder: Path, tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text('{"file": "a.html", "main_image": null}\n{"file": "b.html"}\n')
    with pytest.raises(ValueError, match=r"gold\.jsonl line 2: expected"):
        read_labelled(folder / "pages.jsonl", gold, CrawlConfig(), quiet)
    gold.write_text('{"file": "a.html", "main_image": null}\n')
    with pytest.raises(ValueError, match="has no answer for any file"):
        read_labelled(folder / "pages.jsonl", gold, CrawlConfig(), quiet)


def test_answers_of_shipped_weights(labelled: list[LabelledPage]) -> None:
    """The weights that came from real pages know these made-up ones, too."""
    found = {each.group: each.share for each in accuracies(answer_all(shipped_model(), labelled))}
    assert found == {"lead": 1.0, "hint": 1.0, "none": 1.0}
