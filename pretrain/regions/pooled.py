"""What are the features of boxes whose detector keeps its own to itself?"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from pretrain.regions.backbone import EfficientNetLite0
from pretrain.regions.found import Found
from pretrain.regions.regions import Regions


def pooled_regions(
    backbone: EfficientNetLite0, pictures: Sequence[Image.Image], found: Sequence[Found]
) -> list[Regions]:
    """What another network sees in the boxes of each picture, by RoI-align (He et al. 2017)."""
    boxes = [one.boxes_R4 for one in found]
    features = backbone.pool(backbone.maps(pictures), boxes).numpy().astype(np.float16)
    parts = np.split(features, np.cumsum([len(rows) for rows in boxes])[:-1])
    return [
        Regions(boxes_R4=one.boxes_R4, features_RD=part, probs_RK=one.probs_RK.astype(np.float16))
        for one, part in zip(found, parts, strict=True)
    ]
