"""How do embedders, encoder and the objectives' heads form one network?"""

import dataclasses
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from pretrain.batch import Batch, View
from pretrain.dual import DualNetwork
from pretrain.embed.image import EmbedSizes, SpeaksToWords, StartsFromText
from pretrain.embed.text import TextEmbedder
from pretrain.encoders.gated import GatedEncoder
from pretrain.encoders.streams import Streams
from pretrain.objectives.objective import Encoded, Loss, Sizes
from pretrain.recipe import Recipe
from pretrain.steps.strategy import Leaves


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSizes:
    """The widths that come from the data, not from the recipe."""

    vocabulary: int
    feature_dim: int
    classes: int
    attributes: int = 0
    """That the detector tells apart."""


class Network(nn.Module):
    """A recipe's network, freshly initialised at random, like BERT."""

    def __init__(self, recipe: Recipe, sizes: DataSizes) -> None:
        super().__init__()
        encoder = recipe.encoder
        self.text = TextEmbedder(
            recipe.text,
            vocabulary=sizes.vocabulary,
            hidden=encoder.hidden,
            eps=encoder.eps,
            dropout=encoder.dropout,
        )
        self.region = recipe.region.embedder(
            EmbedSizes(
                text=recipe.text,
                hidden=encoder.image_stream.hidden,
                feature_dim=sizes.feature_dim,
                eps=encoder.eps,
                dropout=encoder.dropout,
            )
        )
        self.encoder = GatedEncoder(encoder)
        self.pooler = recipe.pooling.pooler(encoder)
        head_sizes = Sizes(
            hidden=encoder.hidden,
            image_hidden=encoder.image_stream.hidden,
            pooled=recipe.pooling.width(encoder),
            vocabulary=sizes.vocabulary,
            feature_dim=sizes.feature_dim,
            classes=sizes.classes,
            attributes=sizes.attributes,
            eps=encoder.eps,
        )
        self.heads = nn.ModuleDict({o.name: o.head(head_sizes) for o in recipe.objectives})
        self.apply(partial(_initialise, std=encoder.init_std))
        self.recipe = recipe
        self.start_image_from_text()

    def start_image_from_text(self) -> None:
        """To be called again whenever the text's tables get other first weights."""
        if isinstance(self.region, StartsFromText):
            self.region.start_from_text(self.text)

    def embed_text(self, batch: Batch, view: View) -> Tensor:
        """[B, L, hidden]; with the token of a task, [B, L + 1, hidden]."""
        visual_B1H = None
        if isinstance(self.region, SpeaksToWords):
            visual_B1H = self.region.words(batch, view)
        return torch.as_tensor(
            self.text(view.tokens_BL, batch.segments_BL, batch.positions_BL, view.task, visual_B1H)
        )

    def embed_image(self, batch: Batch, view: View) -> Tensor:
        """[B, n_leading + R, hidden]: regions, after what stands for the whole image."""
        return torch.as_tensor(self.region(batch, view, self.text))

    def image_mask(self, batch: Batch) -> Tensor:
        """bool [B, n_leading + R]: which rows of `embed_image` are real."""
        if isinstance(self.region, SpeaksToWords):
            return torch.cat((self.region.leading(batch), batch.region_mask_BR), dim=1)
        leading = self.recipe.region.n_leading
        return functional.pad(batch.region_mask_BR, (leading, 0), value=True)

    def streams(self, batch: Batch, view: View) -> Streams:
        """What the encoder is given."""
        task_token = int(view.task is not None)
        return Streams.join(
            self.embed_text(batch, view),
            functional.pad(batch.text_mask_BL, (task_token, 0), value=True),
            self.embed_image(batch, view),
            self.image_mask(batch),
        )

    def encode(self, streams: Streams) -> Encoded:
        """What the encoder makes of embedded streams."""
        streams = self.encoder(streams)
        return Encoded(
            text_BLH=streams.text,
            image_BRH=streams.image[:, self.recipe.region.n_leading :],
            words_VH=self.text.word.weight,
            features_HD=torch.as_tensor(self.region.get_submodule("feature").weight),
            pooled_BP=self.pooler(
                streams.text, streams.image, streams.mask_BS[:, : streams.n_text]
            ),
        )

    def look(self, batch: Batch, view: View, leaves: Leaves | None = None) -> Encoded:
        """What the network makes of one view of the batch; fills `leaves`, if given."""
        streams = self.streams(batch, view)
        if leaves is not None:
            streams = streams.apart(*leaves.through(streams.text, streams.image))
        encoded = self.encode(streams)
        if view.task is None:
            return encoded
        words_BLH = torch.cat((encoded.text_BLH[:, :1], encoded.text_BLH[:, 2:]), dim=1)
        return dataclasses.replace(encoded, text_BLH=words_BLH)

    def forward(
        self,
        batch: Batch,
        view: View,
        asked: tuple[str, ...] | None = None,
        leaves: Leaves | None = None,
    ) -> dict[str, Loss]:
        """The loss of every objective on one view of the batch.

        Args:
            batch: The pairs.
            view: What is shown of them.
            asked: Only these objectives, by name; None: all.
            leaves: Filled with the embeddings; see `Leaves`.
        """
        encoded = self.look(batch, view, leaves)
        return {
            objective.name: objective.loss(self.heads[objective.name], encoded, batch, view)
            for objective in self.recipe.objectives
            if asked is None or objective.name in asked
        }


def build(recipe: Recipe, sizes: DataSizes) -> Network | DualNetwork:
    """The network that a recipe asks for, freshly initialised."""
    if recipe.towers is None:
        return Network(recipe, sizes)
    return DualNetwork(recipe.towers, recipe.objectives)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterCount:
    """How large a network is."""

    body: int
    """Embedders, encoder and pooler."""
    heads: int


def count_parameters(recipe: Recipe, sizes: DataSizes) -> ParameterCount:
    """Counted without making a network: nothing is allocated."""
    with torch.device("meta"):
        network = Network(recipe, sizes)
    total = sum(parameter.numel() for parameter in network.parameters())
    heads = sum(parameter.numel() for parameter in network.heads.parameters())
    return ParameterCount(body=total - heads, heads=heads)


def _initialise(module: nn.Module, std: float) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=std)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
