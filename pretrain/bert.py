"""How do the weights of a BERT become the first weights of a network?"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from pretrain.encoders.sublayers import Attend, Sublayer
from pretrain.network import Network
from pretrain.recipe import Init
from pretrain.tokens import PACKAGED, packaged_bert

logger = logging.getLogger(__name__)

_TABLES = {
    "text.word.weight": "embeddings.word_embeddings.weight",
    "text.position.weight": "embeddings.position_embeddings.weight",
    "text.segment.weight": "embeddings.token_type_embeddings.weight",
    "text.norm.weight": "embeddings.LayerNorm.weight",
    "text.norm.bias": "embeddings.LayerNorm.bias",
}
_SEGMENTS = "text.segment.weight"
_ATTENTION = {
    "output": "attention.output.dense",
    "norm": "attention.output.LayerNorm",
}
_FEED_FORWARD = {
    "inner": "intermediate.dense",
    "output": "output.dense",
    "norm": "output.LayerNorm",
}
_POOLER = "pooler.dense"
_QKV = ("attention.self.query", "attention.self.key", "attention.self.value")


def start_from_bert(network: Network, init: Init) -> None:
    """Overwrite text tables, the text's layers and pooler with a BERT's; the rest stays as it is.

    Raises:
        ValueError: no such weights, or they do not fit; names `init.bert` or `init.layers`.
    """
    if init.bert is None:
        return
    weights = load_bert(init.bert)
    places = text_layers(network.recipe.encoder.sublayers)
    layers = range(len(places)) if init.layers is None else init.layers
    if len(layers) != len(places):
        raise ValueError(
            f"init.layers={layers} names {len(layers)} layers, the encoder has {len(places)}"
        )
    mapped = {**encoder_from_bert(weights, layers, places)}
    mapped |= {ours: _take(weights, theirs) for ours, theirs in _TABLES.items()}
    own = network.state_dict()
    # More segments than a BERT has: the others stay at random.
    segments = mapped[_SEGMENTS]
    if segments.shape[1] == own[_SEGMENTS].shape[1]:
        mapped[_SEGMENTS] = torch.cat((segments, own[_SEGMENTS][len(segments) :]))
    if f"{_POOLER}.weight" in own and f"{_POOLER}.weight" in weights:
        mapped |= {f"{_POOLER}.{kind}": weights[f"{_POOLER}.{kind}"] for kind in ("weight", "bias")}
    for name, tensor in mapped.items():
        if name not in own or own[name].shape != tensor.shape:
            there = tuple(own[name].shape) if name in own else "nothing"
            raise ValueError(
                f"init.bert={init.bert} does not fit the encoder: {name} is {tuple(tensor.shape)} "
                f"there and {there} here; set encoder.hidden, or init.bert=null"
            )
    network.load_state_dict(mapped, strict=False)
    network.start_image_from_text()
    logger.info("%d tensors start from %s", len(mapped), init.bert)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLayer:
    """Where in the encoder a layer of the text is."""

    attention: int
    feed_forward: int


def text_layers(sublayers: Sequence[Sublayer]) -> list[TextLayer]:
    """What a BERT's layers can become: attention of the text to itself, then feed-forward."""
    return [
        TextLayer(attention=at, feed_forward=at + 1)
        for at, sublayer in enumerate(sublayers)
        if isinstance(sublayer, Attend) and sublayer.text_to_text
    ]


def started_by_bert(sublayers: Sequence[Sublayer]) -> str:
    """A pattern of the paths of what a BERT starts, for `ParamGroup`; it matches in whatever
    DistributedDataParallel and torch.compile call the network."""
    layers = text_layers(sublayers)
    numbers = "|".join(str(n) for layer in layers for n in (layer.attention, layer.feed_forward))
    return rf"^(module\.|_orig_mod\.)*(text|encoder\.sublayers\.({numbers})\.text)(?=\.)"


def encoder_from_bert(
    weights: Mapping[str, Tensor], layers: Sequence[int], places: Sequence[TextLayer]
) -> dict[str, Tensor]:
    """The encoder's parameters by our names, from a BertModel's by its own."""
    mapped = {}
    for place, theirs in zip(places, layers, strict=True):
        attention = f"encoder.sublayers.{place.attention}.text"
        feed_forward = f"encoder.sublayers.{place.feed_forward}.text"
        source = f"encoder.layer.{theirs}"
        for kind in ("weight", "bias"):
            mapped[f"{attention}.qkv.{kind}"] = torch.cat(
                [_take(weights, f"{source}.{part}.{kind}") for part in _QKV]
            )
            for name, part in _ATTENTION.items():
                mapped[f"{attention}.{name}.{kind}"] = _take(weights, f"{source}.{part}.{kind}")
            for name, part in _FEED_FORWARD.items():
                mapped[f"{feed_forward}.{name}.{kind}"] = _take(weights, f"{source}.{part}.{kind}")
    return mapped


def load_bert(source: str) -> dict[str, Tensor]:
    """The tensors of a BertModel by its own names, from a folder or, by transformers, from a hub.

    Raises:
        ValueError: the folder has no `model.safetensors` of a BERT.
    """
    folder = packaged_bert() if source == PACKAGED else Path(source)
    if not folder.exists():
        return _load_from_hub(source)
    file, config = folder / "model.safetensors", folder / "config.json"
    if not file.is_file() or not config.is_file():
        raise ValueError(f"init.bert={source} has no model.safetensors with its config.json")
    if json.loads(config.read_text()).get("model_type") != "bert":
        raise ValueError(f"init.bert={source} is not a BERT: see model_type in its config.json")
    return {name.removeprefix("bert."): tensor for name, tensor in load_file(file).items()}


def _load_from_hub(name: str) -> dict[str, Tensor]:
    from transformers import BertModel

    try:
        model = BertModel.from_pretrained(name)
    except OSError as error:
        raise ValueError(f"init.bert={name} is no folder, and no hub gave it: {error}") from error
    return dict(model.state_dict())


def _take(weights: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in weights:
        raise ValueError(
            f"the BERT of init.bert has no tensor {name}: fewer layers than init.layers?"
        )
    return weights[name]
