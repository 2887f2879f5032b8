"""What are VisualBERT's weights called in Hugging Face's VisualBertForPreTraining?

The authors' weights are published in that layout. In them 1 = the second text belongs to the image,
as here, though the library's documentation says otherwise.
"""

from pretrain.network import Network
from pretrain.released.source import Source


def take(source: Source, network: Network) -> None:
    """Everything that `network`, of the recipe `visualbert`, has."""
    embeddings = "visual_bert.embeddings"
    source.text_tables(embeddings)
    source.module("region.feature", f"{embeddings}.visual_projection")
    for ours, theirs in (("position", "position"), ("segment", "token_type")):
        source.tensor(f"region.{ours}.weight", f"{embeddings}.visual_{theirs}_embeddings.weight")
    for layer in range(len(network.recipe.encoder.sublayers) // 2):
        theirs = f"visual_bert.encoder.layer.{layer}"
        attention, feed_forward = (f"encoder.sublayers.{2 * layer + i}.text" for i in (0, 1))
        source.attention(attention, f"{theirs}.attention.self", f"{theirs}.attention.output")
        source.feed_forward(feed_forward, f"{theirs}.intermediate", f"{theirs}.output")
    source.module("pooler.dense", "visual_bert.pooler.dense")
    source.words_head("heads.mlm", "cls.predictions")
    source.module("heads.itm", "cls.seq_relationship")
