"""What must a corruption promise?"""

from typing import Protocol

from pretrain.batch import Batch, View
from pretrain.draws import Draws
from pretrain.tokens import WordPiece


class Corruption(Protocol):
    """A frozen value. Objectives that name equal corruptions share one draw of it."""

    def __call__(self, view: View, batch: Batch, draws: Draws, wordpiece: WordPiece) -> View:
        """A new view with more hidden; `view` and `batch` stay as they are."""
        ...
