"""How does a corpus of text alone become pairs that have no image?"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pretrain.collate import Inputs, Pair
from pretrain.data import Example
from pretrain.network import DataSizes
from pretrain.regions.regions import Regions
from pretrain.tokens import Pieces, WordPiece

NAME = "text"
"""What a task plan calls the corpus."""


class TextSet:
    """Chunks of so many pieces, each a line of the file and as many of the next as fill it.

    The file is UTF-8, read whole and cut once; lines that are empty separate nothing.
    """

    def __init__(self, file: Path, wordpiece: WordPiece, sizes: DataSizes, n_pieces: int) -> None:
        """Raises ValueError when the file cannot be read or holds no text."""
        try:
            body = file.read_bytes()
            lines = [line for line in body.decode("utf-8").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"text corpus {file} cannot be read: {error}") from error
        if not lines:
            raise ValueError(f"text corpus {file} holds no text")
        self.digest = hashlib.sha256(body).hexdigest()
        self._chunks = list(_filled(wordpiece.encode(lines), n_pieces))
        self._nothing = Regions.none(feature_dim=sizes.feature_dim, classes=sizes.classes)

    @property
    def rows_per_question(self) -> int:
        """See `PairSource`."""
        return 1

    def __len__(self) -> int:
        return len(self._chunks)

    def example(self, i: int) -> Example:
        """No image, and no caption."""
        return Example(regions=self._nothing, captions=())

    def pairs(self, i: int, inputs: Inputs, wordpiece: WordPiece) -> list[Pair]:
        """Chunk `i`, without special tokens."""
        return [Pair(pieces=self._chunks[i], regions=self._nothing, match=True, bare=True)]


def _filled(texts: list[Pieces], n_pieces: int) -> Iterator[Pieces]:
    ids: list[int] = []
    words: list[int] = []
    for text in texts:
        first = 1 + max(words, default=-1)
        ids += text.ids
        words += [first + word for word in text.words]
        while len(ids) >= n_pieces:
            yield _chunk(ids[:n_pieces], words[:n_pieces])
            ids, words = ids[n_pieces:], words[n_pieces:]
    if ids:
        yield _chunk(ids, words)


def _chunk(ids: list[int], words: list[int]) -> Pieces:
    """Its words are numbered from 0 again."""
    return Pieces(ids=tuple(ids), words=tuple(word - words[0] for word in words))
