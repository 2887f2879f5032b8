"""How does a trained dual encoder leave the house as an open_clip checkpoint?"""

import json
from pathlib import Path

from open_clip.constants import HF_CONFIG_NAME, HF_SAFE_WEIGHTS_NAME
from safetensors.torch import save_file

from pretrain.checkpoint import find, load_dual
from pretrain.tokens import CLIP


def export(checkpoint: Path, out: Path) -> Path:
    """Write what open_clip loads as `local-dir:OUT`, and `lait relevance` as a backbone.

    Args:
        checkpoint: A checkpoint, or a stage's or run's folder: its last one is taken.
        out: A folder: the model's config and its weights, nothing else.

    Raises:
        ValueError: no complete checkpoint, or not one of a dual encoder that open_clip can read.
    """
    path = find(checkpoint)
    network, snapshot = load_dual(path)
    pixels = snapshot.recipe.inputs.pixels
    if pixels is None or pixels.crop is None or snapshot.recipe.vocabulary != CLIP:
        raise ValueError(
            f"{path} was trained with vocabulary={snapshot.recipe.vocabulary} and "
            f"inputs.pixels={pixels}: open_clip knows only vocabulary={CLIP} and cropped pixels"
        )
    described = {
        "model_cfg": network.towers.model_cfg(),
        "preprocess_cfg": {
            "size": pixels.size_px,
            "mode": "RGB",
            "mean": list(pixels.mean),
            "std": list(pixels.std),
            "interpolation": "bicubic",
            "resize_mode": "shortest",
        },
    }
    out.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.contiguous() for name, tensor in network.clip.state_dict().items()}
    save_file(weights, out / HF_SAFE_WEIGHTS_NAME, metadata={"format": "pt"})
    text = json.dumps(described, indent=2, sort_keys=True) + "\n"
    (out / HF_CONFIG_NAME).write_text(text, encoding="utf-8")
    return out
