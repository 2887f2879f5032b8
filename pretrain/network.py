"""How do embedders, encoder and the objectives' heads form one network?"""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from pretrain.batch import Batch, View
from pretrain.embed.image import EmbedSizes
from pretrain.embed.text import TextEmbedder
from pretrain.encoders.gated import GatedEncoder, Streams
from pretrain.objectives.objective import Encoded, Loss, Sizes
from pretrain.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSizes:
    """The widths that come from the data, not from the recipe."""

    vocabulary: int
    feature_dim: int
    classes: int


class Network(nn.Module):
    """A recipe's network, freshly initialised at random, like BERT."""

    def __init__(self, recipe: Recipe, sizes: DataSizes) -> None:
        super().__init__()
        encoder = recipe.encoder
        widths = {"hidden": encoder.hidden, "eps": encoder.eps, "dropout": encoder.dropout}
        self.text = TextEmbedder(recipe.text, vocabulary=sizes.vocabulary, **widths)  # type: ignore[arg-type]
        self.region = recipe.region.embedder(
            EmbedSizes(
                text=recipe.text,
                hidden=encoder.hidden,
                feature_dim=sizes.feature_dim,
                eps=encoder.eps,
                dropout=encoder.dropout,
            )
        )
        self.encoder = GatedEncoder(encoder)
        head_sizes = Sizes(
            hidden=encoder.hidden,
            vocabulary=sizes.vocabulary,
            feature_dim=sizes.feature_dim,
            classes=sizes.classes,
            eps=encoder.eps,
        )
        self.heads = nn.ModuleDict({o.name: o.head(head_sizes) for o in recipe.objectives})
        self.apply(partial(_initialise, std=encoder.init_std))
        self.recipe = recipe

    def embed_text(self, batch: Batch, view: View) -> Tensor:
        """[B, L, hidden]."""
        return torch.as_tensor(self.text(view.tokens_BL, batch.segments_BL, batch.positions_BL))

    def embed_image(self, batch: Batch, view: View) -> Tensor:
        """[B, R, hidden]."""
        return torch.as_tensor(self.region(batch, view, self.text))

    def encode(self, streams: Streams) -> Encoded:
        """What the encoder makes of embedded streams."""
        streams = self.encoder(streams)
        return Encoded(
            text_BLH=streams.text,
            image_BRH=streams.image,
            words_VH=self.text.word.weight,
        )

    def forward(self, batch: Batch, view: View) -> dict[str, Loss]:
        """The loss of every objective on one view of the batch."""
        encoded = self.encode(
            Streams.join(
                self.embed_text(batch, view),
                batch.text_mask_BL,
                self.embed_image(batch, view),
                batch.region_mask_BR,
            )
        )
        return {
            objective.name: objective.loss(self.heads[objective.name], encoded, batch, view)
            for objective in self.recipe.objectives
        }


def _initialise(module: nn.Module, std: float) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=std)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
