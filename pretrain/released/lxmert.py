"""What are LXMERT's weights called in Hugging Face's LxmertForPreTraining?"""

from pretrain.encoders.sublayers import Attend
from pretrain.network import Network
from pretrain.released.source import Source

_HEADS = {"obj": "objects", "attr": "attributes", "feat": "features"}


def take(source: Source, network: Network) -> None:
    """Everything that `network`, of the recipe `lxmert`, has."""
    source.text_tables("lxmert.embeddings")
    visual = "lxmert.encoder.visn_fc"
    for ours, theirs in (
        ("feature", "visn_fc"),
        ("feature_norm", "visn_layer_norm"),
        ("location", "box_fc"),
        ("location_norm", "box_layer_norm"),
    ):
        source.module(f"region.{ours}", f"{visual}.{theirs}")
    _encoder(source, network)
    source.module("pooler.dense", "lxmert.pooler.dense")
    source.words_head("heads.mlm", "cls.predictions")
    source.module("heads.itm", "cls.seq_relationship")
    source.module("heads.detected.transform.dense", "obj_predict_head.transform.dense")
    source.module("heads.detected.transform.norm", "obj_predict_head.transform.LayerNorm")
    for theirs, ours in _HEADS.items():
        source.module(f"heads.detected.{ours}", f"obj_predict_head.decoder_dict.{theirs}")
    for layer in (0, 2, 3):
        source.module(f"heads.qa.{layer}", f"answer_head.logit_fc.{layer}")


def _encoder(source: Source, network: Network) -> None:
    n_text = n_image = n_cross = 0
    crossed = False
    for at, sublayer in enumerate(network.recipe.encoder.sublayers):
        ours = f"encoder.sublayers.{at}"
        if not isinstance(sublayer, Attend):
            continue
        if sublayer.crosses:
            cross = f"lxmert.encoder.x_layers.{n_cross}.visual_attention"
            source.attention(f"{ours}.text", f"{cross}.att", f"{cross}.output")
            crossed = True
        elif crossed:
            _end_of_cross_layer(source, at, f"lxmert.encoder.x_layers.{n_cross}")
            n_cross, crossed = n_cross + 1, False
        else:
            if sublayer.text_to_text:
                _layer(source, at, "text", f"lxmert.encoder.layer.{n_text}")
                n_text += 1
            if sublayer.image_to_image:
                _layer(source, at, "image", f"lxmert.encoder.r_layers.{n_image}")
                n_image += 1


def _layer(source: Source, at: int, stream: str, theirs: str) -> None:
    """A layer of one modality's own encoder."""
    attention = f"{theirs}.attention"
    source.attention(f"encoder.sublayers.{at}.{stream}", f"{attention}.self", f"{attention}.output")
    source.feed_forward(
        f"encoder.sublayers.{at + 1}.{stream}", f"{theirs}.intermediate", f"{theirs}.output"
    )


def _end_of_cross_layer(source: Source, at: int, theirs: str) -> None:
    """Self-attention and feed-forward of both streams."""
    for ours, name in (("text", "lang"), ("image", "visn")):
        attention = f"{theirs}.{name}_self_att"
        source.attention(
            f"encoder.sublayers.{at}.{ours}", f"{attention}.self", f"{attention}.output"
        )
        source.feed_forward(
            f"encoder.sublayers.{at + 1}.{ours}",
            f"{theirs}.{name}_inter",
            f"{theirs}.{name}_output",
        )
