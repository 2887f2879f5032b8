"""Are the tasks' files read as published, and scored as their benchmarks score them?"""

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from pretrain.plain_pickle import read_plain_pickle
from pretrain.tasks import figures, gqa, nlvr2, refer, snli_ve, vcr, vqa
from pretrain.tasks.answers import normal, soft_scores, vocabulary
from pretrain.tasks.task import Record, Row


def wrote(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def lines(path: Path, *content: Any) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in content))
    return path


@pytest.mark.parametrize(
    ("said", "compared"),
    [
        ("The  Dog.", "dog"),
        ("two", "2"),
        ("100,978", "100978"),
        ("3.5", "3.5"),
        ("2:50 pm", "2:50 pm"),
        ("girl's", "girl's"),
        ("dont", "don't"),
        ("black-and-white", "black and white"),
        ("none", "0"),
        ("A", ""),
    ],
)
def test_answers_are_compared_as_vqa_compares_them(said: str, compared: str) -> None:
    assert normal(said) == compared


def test_soft_scores_are_the_mean_over_all_nine_of_ten_people() -> None:
    people = ["red"] * 4 + ["dark red"] * 3 + ["pink"] * 2 + ["the rose"]
    assert soft_scores(people) == pytest.approx(
        {"red": 1.0, "dark red": 0.9, "pink": 0.6, "rose": 0.3}
    )
    by_hand = []  # the published definition, literally
    for left_out in range(10):
        others = people[:left_out] + people[left_out + 1 :]
        by_hand.append(min(1.0, others.count("dark red") / 3))
    assert sum(by_hand) / 10 == pytest.approx(0.9)
    assert soft_scores(["one"]) == {"1": 1.0}


def test_the_vocabulary_is_ordered_by_frequency_then_alphabet() -> None:
    assert vocabulary(["b", "a", "c", "c", "b", "d"], 1) == ("b", "c", "a", "d")
    assert vocabulary(["b", "a", "c", "c", "b", "d"], 2) == ("b", "c")


QUESTIONS = {
    "task_type": "Open-Ended",
    "questions": [
        {"image_id": 42, "question": "What colour is it?", "question_id": 42000},
        {"image_id": 42, "question": "How many?", "question_id": 42001},
        {"image_id": 7, "question": "Is it day?", "question_id": 7000},
    ],
}


def vqa_truth(question_id: int, kind: str, *given: str) -> dict[str, Any]:
    return {
        "question_id": question_id,
        "image_id": question_id // 1000,
        "answer_type": kind,
        "multiple_choice_answer": given[0],
        "answers": [{"answer": a, "answer_confidence": "yes", "answer_id": 1} for a in given],
    }


def test_vqa_joins_questions_and_annotations_in_any_order(tmp_path: Path) -> None:
    questions = wrote(tmp_path / "q.json", QUESTIONS)
    truth = {
        "annotations": [
            vqa_truth(42001, "number", *["two"] * 10),
            vqa_truth(42000, "other", *["red"] * 8, "pink", "pink"),
        ]
    }
    annotations = wrote(tmp_path / "a.json", truth)
    records = vqa.read([annotations, questions], None)
    assert [record.id for record in records] == ["42000", "42001", "7000"]
    assert records[0].rows == (Row(image=42, text="What colour is it?"),)
    assert records[0].right == pytest.approx({"red": 1.0, "pink": 0.6})
    assert records[1].right == {"2": 1.0}
    assert records[1].kind == "number"
    assert not records[2].right
    found = vqa.metrics(records, {"42000": "Pink!", "42001": "3", "7000": "yes"})
    assert found == pytest.approx(
        {"accuracy": 0.3, "accuracy of number": 0.0, "accuracy of other": 0.6}
    )
    assert vqa.objective(records[:2]).answers == ("2", "red")
    assert vqa.results({"42000": "red"}) == [{"question_id": 42000, "answer": "red"}]


def test_vqa_names_a_file_that_is_missing(tmp_path: Path) -> None:
    only = wrote(tmp_path / "a.json", {"annotations": []})
    with pytest.raises(ValueError, match="give the questions file"):
        vqa.read([only], None)
    with pytest.raises(ValueError, match="no such file"):
        vqa.read([tmp_path / "none.json"], None)
    with pytest.raises(ValueError, match="--split val"):
        vqa.read([only], "val")
    broken = wrote(tmp_path / "b.json", {"questions": [{"question_id": 1, "question": "?"}]})
    with pytest.raises(ValueError, match=r'question 0 has no "image_id"'):
        vqa.read([broken], None)


def test_gqa_tells_open_from_binary_and_asks_what_is_entailed(tmp_path: Path) -> None:
    def one(answer: str, structural: str, entailed: list[str]) -> dict[str, Any]:
        types = {"structural": structural, "semantic": "obj", "detailed": "x"}
        return {
            "imageId": "2405722",
            "question": "Is there a red apple?",
            "answer": answer,
            "types": types,
            "entailed": entailed,
        }

    content = {
        "1": one("yes", "verify", ["1", "2", "3"]),
        "2": one("red", "query", ["2"]),
        "3": one("apple", "query", []),
    }
    records = gqa.read([wrote(tmp_path / "gqa.json", content)], None)
    assert records[0].rows[0].image == "2405722"
    found = gqa.metrics(records, {"1": "yes", "2": "red", "3": "pear"})
    assert found == pytest.approx(
        {
            "accuracy": 2 / 3,
            "accuracy of binary": 1.0,
            "accuracy of open": 0.5,
            "consistency": 0.5,  # question 1 is right; of the two others it entails, one is
        }
    )
    assert gqa.results({"1": "yes"}) == [{"questionId": "1", "prediction": "yes"}]


def vcr_line(**changes: Any) -> dict[str, Any]:
    return {
        "annot_id": "val-0",
        "img_fn": "lsmdc/a.jpg",
        "objects": ["person", "dog"],
        "question": ["Why", "does", [0], "hold", [0, 1], "?"],
        "answer_choices": [["no"], [[1], "runs"], ["maybe"], ["yes"]],
        "answer_label": 1,
        "rationale_choices": [["a"], ["b"], ["c"], ["d"]],
        "rationale_label": 3,
        **changes,
    }


def test_vcr_asks_for_the_answer_and_then_for_the_reason(tmp_path: Path) -> None:
    records = vcr.read([lines(tmp_path / "val.jsonl", vcr_line())], None)
    answer, rationale = records
    assert [row.second for row in answer.rows] == ["no", "dog 2 runs", "maybe", "yes"]
    assert answer.rows[0].text == "Why does person 1 hold person 1 and dog 2 ?"
    assert rationale.rows[0].text.endswith("? dog 2 runs")
    assert (answer.right, rationale.right) == ({"1": 1.0}, {"3": 1.0})
    right, wrong = {"val-0/answer": "1"}, {"val-0/rationale": "0"}
    assert vcr.metrics(records, right | wrong) == {"Q->A": 1.0, "QA->R": 0.0, "Q->AR": 0.0}
    both = right | {"val-0/rationale": "3"}
    assert vcr.metrics(records, both) == {"Q->A": 1.0, "QA->R": 1.0, "Q->AR": 1.0}
    with pytest.raises(ValueError, match=r"line 1 tags the objects \[5\], there are 2"):
        vcr.read([lines(tmp_path / "bad.jsonl", vcr_line(question=["Who", [5]]))], None)


def test_nlvr2_takes_two_pictures_and_its_consistency_whole_sentences(tmp_path: Path) -> None:
    def one(identifier: str, sentence: str, label: str) -> dict[str, str]:
        return {"identifier": identifier, "sentence": sentence, "label": label}

    file = lines(
        tmp_path / "dev.json",
        one("dev-1-0-0", "Two dogs.", "True"),
        one("dev-1-1-0", "Two dogs.", "False"),
        one("dev-2-0-1", "A cat.", "True"),
    )
    records = nlvr2.read([file], None)
    assert [row.image for row in records[0].rows] == ["dev-1-0-img0", "dev-1-0-img1"]
    found = nlvr2.metrics(records, {"dev-1-0-0": "True", "dev-1-1-0": "True", "dev-2-0-1": "True"})
    assert found == pytest.approx({"accuracy": 2 / 3, "consistency": 0.5})
    assert nlvr2.results({"dev-1-0-0": "True"}) == "dev-1-0-0,True\n"
    assert nlvr2.objective(records).rows == 2


def test_snli_ve_reads_the_hypothesis_and_leaves_the_undecided_out(tmp_path: Path) -> None:
    def one(pair: str, label: str) -> dict[str, str]:
        return {
            "pairID": pair,
            "Flickr30K_ID": "2407214681",
            "gold_label": label,
            "sentence1": "Two men.",
            "sentence2": "People.",
        }

    file = lines(tmp_path / "dev.jsonl", one("a", "entailment"), one("b", "-"), one("c", "neutral"))
    records = snli_ve.read([file], None)
    assert records[0].rows == (Row(image="2407214681", text="People."),)
    assert not records[1].right
    found = snli_ve.metrics(records, {"a": "entailment", "b": "neutral", "c": "entailment"})
    assert found["accuracy"] == 0.5
    with pytest.raises(ValueError, match="gold_label 'maybe'"):
        snli_ve.read([lines(tmp_path / "bad.jsonl", one("a", "maybe"))], None)


INSTANCES = {
    "images": [{"id": 9, "width": 200, "height": 100, "file_name": "COCO_000000000009.jpg"}],
    "annotations": [{"id": 5, "image_id": 9, "bbox": [20.0, 10.0, 40.0, 50.0], "category_id": 1}],
}
REFS = [
    {
        "ref_id": 1,
        "ann_id": 5,
        "image_id": 9,
        "split": "testA",
        "sentences": [{"sent_id": 11, "sent": "left one", "raw": "Left one", "tokens": []}],
    },
    {
        "ref_id": 2,
        "ann_id": 5,
        "image_id": 9,
        "split": "val",
        "sentences": [{"sent_id": 12, "sent": "the big", "raw": "", "tokens": []}],
    },
]


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_refcoco_is_read_from_its_pickle_of_plain_data(tmp_path: Path, protocol: int) -> None:
    refs = tmp_path / "refs(unc).p"
    refs.write_bytes(pickle.dumps(REFS, protocol=protocol))
    instances = wrote(tmp_path / "instances.json", INSTANCES)
    (record,) = refer.read([refs, instances], "testA")
    assert (record.id, record.rows) == ("11", (Row(image=9, text="left one"),))
    assert record.box == pytest.approx((0.1, 0.1, 0.3, 0.6))
    assert refer.metrics([record], {"11": "[0.1, 0.1, 0.3, 0.5]"}) == {"accuracy": 1.0}
    assert refer.metrics([record], {"11": "[0.1, 0.1, 0.2, 0.3]"}) == {"accuracy": 0.0}
    with pytest.raises(ValueError, match=r"--split testB: .*'testA', 'val'"):
        refer.read([refs, instances], "testB")


class Payload:
    """Would leave a marker where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_calls_something_is_refused_before_it_runs(
    tmp_path: Path, protocol: int
) -> None:
    file, marker = tmp_path / "refs.p", tmp_path / "marker"
    file.write_bytes(pickle.dumps([{"a": Payload(marker)}], protocol=protocol))
    with pytest.raises(ValueError, match="more than plain data"):
        read_plain_pickle(file)
    assert not marker.exists()
    pickle.loads(file.read_bytes())
    assert marker.exists()  # it would have


@pytest.mark.parametrize("place", [b"r\xff\xff\xff\xff", b"p4000000000\n"])
def test_a_pickle_cannot_ask_for_a_table_longer_than_itself(tmp_path: Path, place: bytes) -> None:
    """Let through, the unpickler would fill 64 GB with nothing."""
    file = tmp_path / "refs.p"
    file.write_bytes(b"\x80\x02]" + place + b".")
    with pytest.raises(ValueError, match="more than plain data"):
        read_plain_pickle(file)


@pytest.mark.parametrize("body", [b"", b"\x80", b"hello", pickle.dumps([1, 2])[:-1], b"(lp0\n"])
def test_a_damaged_pickle_is_named(tmp_path: Path, body: bytes) -> None:
    file = tmp_path / "refs.p"
    file.write_bytes(body)
    with pytest.raises(ValueError, match=r"refs\.p"):
        read_plain_pickle(file)


def test_a_missing_answer_is_a_wrong_one() -> None:
    row = Row(image=1, text="?")
    records = [Record(id=str(i), rows=(row,), right={"yes": 1.0}) for i in range(4)]
    assert figures.accuracy(records, {"0": "yes"}) == {"accuracy": 0.25}
