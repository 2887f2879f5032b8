"""Which text is shown with which image, and do they belong together?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pretrain.draws import Draws


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One row of a step: the text of row `text_row` with the image of row `image_row`."""

    text_row: int
    image_row: int
    match: bool
    second: str | None = None
    """A second text, shown after the first."""


class Pairing(Protocol):
    """A frozen value of a recipe: how the rows of a global batch become pairs."""

    @property
    def rows_per_image(self) -> int:
        """Pairs made of each row; they stand together, the true one first, and stay together."""
        ...

    def __call__(
        self,
        images: Sequence[int],
        texts: Sequence[str],
        captions: Sequence[frozenset[str]],
        draws: Draws,
    ) -> list[Choice]:
        """Pair the rows of a global batch.

        Args:
            images: the number of each row's image; a row never gets its own image as a negative.
            texts: the text each row would show.
            captions: all true texts of each row's image; a negative is none of them.
            draws: one row per row of the batch.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """All pairs are true ones (UNITER, when words or regions are masked)."""

    @property
    def rows_per_image(self) -> int:
        """See `Pairing.rows_per_image`."""
        return 1

    def __call__(
        self,
        images: Sequence[int],
        texts: Sequence[str],
        captions: Sequence[frozenset[str]],
        draws: Draws,
    ) -> list[Choice]:
        """See `Pairing`."""
        return [Choice(text_row=row, image_row=row, match=True) for row in range(len(images))]


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomNegatives:
    """Half of the pairs are true; the others get a random text or a random image.

    ImageBERT, image-text matching: negatives are random, never mined. The ratio and the shares of
    the two kinds are not published; 1:1 and equal shares are this house's assumption.
    """

    negative: float = 0.5
    """Probability that a row is made a mismatch."""
    random_text: float = 0.5
    """Of the mismatches, the share whose text is replaced; the others get another image."""

    @property
    def rows_per_image(self) -> int:
        """See `Pairing.rows_per_image`."""
        return 1

    def __call__(
        self,
        images: Sequence[int],
        texts: Sequence[str],
        captions: Sequence[frozenset[str]],
        draws: Draws,
    ) -> list[Choice]:
        """See `Pairing`.

        A row for which the batch holds no mismatch stays a true pair.
        """
        uniform = draws.uniform("pairing", 3).tolist()
        choices = []
        for row, (is_negative, kind, which) in enumerate(uniform):
            replace_text = kind < self.random_text
            others = mismatches(row, images, texts, captions, replace_text=replace_text)
            if is_negative >= self.negative or not others:
                choices.append(Choice(text_row=row, image_row=row, match=True))
                continue
            other = others[int(which * len(others))]
            choices.append(_mismatch(row, other, replace_text=replace_text))
        return choices


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Each true pair beside its rivals, for ranking (ImageBERT, fine-tuning for retrieval)."""

    wrong_texts: int = 1
    """Texts of other rows shown with each image."""
    wrong_images: int = 1
    """Images of other rows shown with each text."""

    @property
    def rows_per_image(self) -> int:
        """The true pair and its rivals."""
        return 1 + self.wrong_texts + self.wrong_images

    def __call__(
        self,
        images: Sequence[int],
        texts: Sequence[str],
        captions: Sequence[frozenset[str]],
        draws: Draws,
    ) -> list[Choice]:
        """See `Pairing`.

        Rivals of one row differ as long as the batch has enough of them. Where it has none, the
        true pair stands in for it, marked as the match it is.
        """
        uniform = draws.uniform("candidates", 2).tolist()
        choices = []
        for row, shares in enumerate(uniform):
            choices.append(Choice(text_row=row, image_row=row, match=True))
            wanted = ((True, self.wrong_texts), (False, self.wrong_images))
            for (replace_text, n), share in zip(wanted, shares, strict=True):
                others = mismatches(row, images, texts, captions, replace_text=replace_text)
                first = int(share * len(others))
                for k in range(n):
                    if not others:
                        choices.append(Choice(text_row=row, image_row=row, match=True))
                        continue
                    other = others[(first + k) % len(others)]
                    choices.append(_mismatch(row, other, replace_text=replace_text))
        return choices


def mismatches(
    row: int,
    images: Sequence[int],
    texts: Sequence[str],
    captions: Sequence[frozenset[str]],
    *,
    replace_text: bool,
) -> list[int]:
    """Rows whose text (or image) would make a mismatch with this row's image (or text)."""
    return [
        other
        for other in range(len(images))
        if images[other] != images[row]
        and (texts[other] if replace_text else texts[row])
        not in captions[row if replace_text else other]
    ]


def _mismatch(row: int, other: int, *, replace_text: bool) -> Choice:
    if replace_text:
        return Choice(text_row=other, image_row=row, match=False)
    return Choice(text_row=row, image_row=other, match=False)
