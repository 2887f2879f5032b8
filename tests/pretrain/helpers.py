"""What several tests of pretraining need."""

from pretrain.batch import Batch, View
from pretrain.draws import Draws
from pretrain.encoders.gated import Streams
from pretrain.network import Network
from pretrain.objectives.objective import Encoded


def draws(n: int, step: int = 0) -> Draws:
    """The draws of the first `n` rows."""
    return Draws(seed=0, step=step, rows=tuple(range(n)))


def encoded(network: Network, batch: Batch, view: View | None = None) -> Encoded:
    """What the network makes of a batch, by default uncorrupted."""
    view = view or View.of(batch)
    return network.encode(
        Streams.join(
            network.embed_text(batch, view),
            batch.text_mask_BL,
            network.embed_image(batch, view),
            batch.region_mask_BR,
        )
    )
