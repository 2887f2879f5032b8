"""How do two captions stand with one image, and do both belong to it?"""

from collections.abc import Sequence
from dataclasses import dataclass

from pretrain.draws import Draws
from pretrain.pairing import Choice, mismatches


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoCaptions:
    """Each image with two texts: the first is its own, so is the second in half of the rows.

    VisualBERT. A true second text is another caption of the image, a false one is a caption of
    another image. An image with a single caption has no other: it is shown with one text, its own
    or, as often as seconds are false, another image's.
    """

    negative: float = 0.5
    """Probability that a row is made a mismatch."""

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
        choices = []
        for row, (is_negative, which) in enumerate(draws.uniform("two_captions", 2).tolist()):
            own = sorted(captions[row] - {texts[row]})
            others = mismatches(row, images, texts, captions, replace_text=True)
            match = is_negative >= self.negative or not others
            other = row if match else others[int(which * len(others))]
            if own:
                second = own[int(which * len(own))] if match else texts[other]
                made = Choice(text_row=row, image_row=row, match=match, second=second)
            else:
                made = Choice(text_row=other, image_row=row, match=match)
            choices.append(made)
        return choices
