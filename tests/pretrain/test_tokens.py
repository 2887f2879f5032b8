"""Does text fall into the pieces that BERT's own vocabulary gives it?"""

from pathlib import Path

import pytest

from pretrain.tokens import load_wordpiece, packaged_bert


def test_packaged_vocabulary_cuts_as_bert_does_and_knows_words() -> None:
    wordpiece = load_wordpiece()
    assert wordpiece.vocabulary == 30_522
    assert (wordpiece.pad, wordpiece.cls, wordpiece.sep, wordpiece.mask) == (0, 101, 102, 103)
    (pieces,) = wordpiece.encode(["A tiny blue toadstool."])
    by_id = (packaged_bert() / "vocab.txt").read_text().splitlines()
    tokens = [by_id[i] for i in pieces.ids]
    assert tokens == ["a", "tiny", "blue", "toad", "##sto", "##ol", "."]
    assert pieces.words == (0, 1, 2, 3, 3, 3, 4)


def test_a_long_text_is_not_cut_by_settings_in_the_vocabulary_file() -> None:
    (pieces,) = load_wordpiece().encode(["cat " * 1000])
    assert len(pieces.ids) == 1000


def test_vocab_txt_and_tokenizer_json_of_one_vocabulary_agree() -> None:
    folder = packaged_bert()
    text = "Crimson sailboats, naïve 北京 unbelievably"
    by_json = load_wordpiece(str(folder / "tokenizer.json")).encode([text])
    by_txt = load_wordpiece(str(folder / "vocab.txt")).encode([text])
    assert by_json == by_txt


def test_a_vocabulary_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no tokenizer"):
        load_wordpiece(str(tmp_path))
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\ncat\n")
    with pytest.raises(ValueError, match="MASK"):
        load_wordpiece(str(tmp_path))
