"""What happens to one batch between its corruption and its gradients?"""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from pretrain.batch import Batch, View
from pretrain.objectives.objective import Loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A batch and what the network is shown of it."""

    batch: Batch
    view: View


@dataclass(slots=True, kw_only=True)
class Leaves:
    """The embedded words and regions of one pass, for strategies that look or push at them.

    The network fills `text_BLH` and `image_BRH`; after `backward` each has its `grad`.
    """

    push_text_BLH: Tensor | None = None
    """Added to the embedded words before the encoder."""
    push_image_BRH: Tensor | None = None
    text_BLH: Tensor | None = None
    image_BRH: Tensor | None = None

    def through(self, text_BLH: Tensor, image_BRH: Tensor) -> tuple[Tensor, Tensor]:
        """The embeddings as the encoder gets them. Called by the network."""
        if self.push_text_BLH is not None:
            text_BLH = text_BLH + self.push_text_BLH
        if self.push_image_BRH is not None:
            image_BRH = image_BRH + self.push_image_BRH
        for leaf in (text_BLH, image_BRH):
            leaf.retain_grad()
        self.text_BLH, self.image_BRH = text_BLH, image_BRH
        return text_BLH, image_BRH


class Pass(Protocol):
    """Forward passes as the loop makes them: on all workers at once, in the stage's precision."""

    def losses(self, shown: Shown, leaves: Leaves | None = None) -> dict[str, Loss]:
        """Of every objective that is asked. Any view or masks may be shown."""
        ...

    def minimised(self, losses: dict[str, Loss]) -> Tensor:
        """What to call `backward` on: each sum over its global count, weighted."""
        ...


class Strategy(Protocol):
    """A frozen value of a stage: how gradients are gathered from one batch.

    Counting, clipping and stepping are the loop's. A strategy may pass as often as it likes; the
    gradients of its passes add up.
    """

    def __call__(self, through: Pass, shown: Shown) -> dict[str, Loss]:
        """Call `backward` at least once; returns the losses to be reported."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """Forward and backward, once."""

    def __call__(self, through: Pass, shown: Shown) -> dict[str, Loss]:
        """See `Strategy`."""
        losses = through.losses(shown)
        through.minimised(losses).backward()  # type: ignore[no-untyped-call]
        return losses
