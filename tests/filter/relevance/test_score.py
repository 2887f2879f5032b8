"""Does scoring a file keep its lines, their order, and tell what it could not see?"""

import json
from pathlib import Path

import pytest

from filter.relevance.model import RelevanceModel
from filter.relevance.pairs import read_pairs, read_pixels
from filter.relevance.preprocess import Pixels
from filter.relevance.score import score_pairs
from tests.filter.relevance.conftest import Trained


def lines_of(trained: Trained, n: int) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in trained.pairs.read_text().splitlines()[:n]]
    return [line | {"image": str(trained.pairs.parent / line["image"])} for line in lines]


def write(path: Path, lines: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_lines_come_back_in_order_with_a_score(trained: Trained, tmp_path: Path) -> None:
    progress: list[tuple[int, int]] = []
    out = tmp_path / "scored.jsonl"
    summary = score_pairs(
        trained.model, trained.pairs, out, lambda done, total: progress.append((done, total))
    )
    before = [json.loads(line) for line in trained.pairs.read_text().splitlines()]
    after = [json.loads(line) for line in out.read_text().splitlines()]
    assert [{k: v for k, v in line.items() if k != "score"} for line in after] == before
    assert summary.scored == len(before)
    assert summary.unscored == 0
    assert summary.missing_line == ""
    assert progress[-1] == (96, 96)
    model = RelevanceModel.load(trained.model)
    for line in (read_pairs(out)[5], read_pairs(out)[90]):
        pixels = read_pixels(trained.pairs.parent / line.name, 224, "squash")
        assert not isinstance(pixels, str)
        assert model.score([pixels], [[line.text]]) == [[line.fields["score"]]]


def test_missing_images_give_null_and_are_named(trained: Trained, tmp_path: Path) -> None:
    lines = lines_of(trained, 4)
    lines[1]["image"] = "gone.jpg"
    pairs, out = write(tmp_path / "pairs.jsonl", lines), tmp_path / "out.jsonl"
    summary = score_pairs(trained.model, pairs, out)
    scores = [json.loads(line)["score"] for line in out.read_text().splitlines()]
    assert [score is None for score in scores] == [False, True, False, False]
    assert (summary.scored, summary.unscored) == (3, 1)
    assert summary.missing == (("gone.jpg", "No such file or directory"),)
    assert summary.missing_line.startswith("1 of 3 images cannot be read: gone.jpg")


def test_an_image_whose_lines_lie_apart_keeps_its_own_scores(
    trained: Trained, tmp_path: Path
) -> None:
    lines = lines_of(trained, 6)
    mixed = [lines[0], lines[2], lines[4], lines[1], lines[3], lines[5]]
    outs = []
    for name, some in (("a", lines), ("b", mixed)):
        pairs, out = write(tmp_path / f"{name}.jsonl", some), tmp_path / f"{name}.out"
        score_pairs(trained.model, pairs, out)
        outs.append([json.loads(line) for line in out.read_text().splitlines()])
    by_text = {line["text"]: line["score"] for line in outs[0]}
    assert [by_text[line["text"]] for line in outs[1]] == [line["score"] for line in outs[1]]
    assert len(set(by_text.values())) > 1


def test_nothing_is_written_when_no_image_can_be_read(trained: Trained, tmp_path: Path) -> None:
    pairs = write(tmp_path / "pairs.jsonl", [{"image": "gone.jpg", "text": "a"}])
    with pytest.raises(ValueError, match=r"1 of 1 images cannot be read: gone\.jpg"):
        score_pairs(trained.model, pairs, tmp_path / "out.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.jsonl"]


def test_an_output_that_cannot_be_written_is_refused_first(
    trained: Trained, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"--out .* cannot be written"):
        score_pairs(trained.model, trained.pairs, tmp_path)
    with pytest.raises(ValueError, match=r"--out .* cannot be written"):
        score_pairs(trained.model, trained.pairs, tmp_path / "no" / "folder.jsonl")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no pair"),
        ("\n \n", "holds no pair"),
        ("nonsense\n", "line 1 is not JSON"),
        ('{"image": "a.jpg", "text": "a"}\n[1]\n', "line 2 is not an object"),
        ('{"text": "a"}\n', 'line 1 has no "image"'),
        ('{"image": 3, "text": "a"}\n', 'line 1 has no "image"'),
        ('\n{"image": "a.jpg"}\n', 'line 2 has no "text"'),
        ('{"image": "a.jpg", "text": "a", "host": 4}\n', '"host" is 4, not a string'),
    ],
)
def test_bad_lines_are_named_by_number(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        read_pairs(path)


def test_a_pairs_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.jsonl cannot be read"):
        read_pairs(tmp_path / "nowhere.jsonl")


def test_pixels_are_decoded_under_the_cascades_limits(tmp_path: Path) -> None:
    (tmp_path / "x.svg").write_text("<svg></svg>")
    told: Pixels | str = read_pixels(tmp_path / "x.svg", 224, "squash")
    assert told == "image_format (svg)"
