"""Which text is shown with which image, and do they belong together?"""

from collections.abc import Sequence
from dataclasses import dataclass

from pretrain.draws import Draws


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One row of a step: the text of row `text_row` with the image of row `image_row`."""

    text_row: int
    image_row: int
    match: bool


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

        A row for which the batch holds no mismatch stays a true pair.
        """
        uniform = draws.uniform("pairing", 3).tolist()
        choices = []
        for row, (is_negative, kind, which) in enumerate(uniform):
            replace_text = kind < self.random_text
            others = [
                other
                for other in range(len(images))
                if images[other] != images[row]
                and (texts[other] if replace_text else texts[row])
                not in captions[row if replace_text else other]
            ]
            if is_negative >= self.negative or not others:
                choices.append(Choice(text_row=row, image_row=row, match=True))
                continue
            other = others[int(which * len(others))]
            choices.append(
                Choice(text_row=other, image_row=row, match=False)
                if replace_text
                else Choice(text_row=row, image_row=other, match=False)
            )
        return choices
