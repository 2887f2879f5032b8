"""From where do the maps from and to region features start?

Pooled features of a convolutional network have a large mean that all images share, and dimensions
of very different spread. A random projection passes on mostly that mean, and training first has to
unlearn it. So the projection starts as a random one of the STANDARDISED feature,
W (r - mean) / spread, folded into its weight and bias: the model is the same linear map.

Where a tied head gives features back through the transpose of that map (UNITER), all dimensions
share one spread: a weight that is divided by the spread of a dimension which hardly varies would
answer far beyond it, and that one error would be all that the network learns from.
"""

import numpy as np
import torch
from torch import nn

from pretrain.data import TrainingSet
from pretrain.network import Network
from pretrain.objectives.mrfr import Mrfr

_MAX_IMAGES = 2000
_MIN_SPREAD = 1e-3


def start_regions(network: Network, data: TrainingSet) -> None:
    """Fold mean and spread of the data's first features into a freshly initialised network."""
    features_ND = np.concatenate(
        [data.example(i).regions.features_RD for i in range(min(len(data), _MAX_IMAGES))]
    ).astype(np.float32)
    mean_D = torch.from_numpy(features_ND.mean(axis=0))
    spread_D = torch.from_numpy(features_ND.std(axis=0)).clamp(min=_MIN_SPREAD)
    if any(isinstance(o, Mrfr) and o.tied for o in network.recipe.objectives):
        spread_D = spread_D.square().mean().sqrt().expand_as(spread_D)
    with torch.no_grad():
        projection = network.region.get_submodule("feature")
        assert isinstance(projection, nn.Linear), projection
        if projection.in_features != len(mean_D):
            return  # of features that the network makes itself
        projection.weight.div_(spread_D)
        projection.bias.sub_(projection.weight @ mean_D)
