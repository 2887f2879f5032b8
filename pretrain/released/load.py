"""How does a released checkpoint become the first weights of a network?"""

import importlib
import json
import logging
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from pretrain.network import Network
from pretrain.plain import nearest
from pretrain.released.source import Source

logger = logging.getLogger(__name__)

_HELPERS = ("load", "source", "__init__")


class Released(Protocol):
    """What a module of `pretrain.released`, named after a Hugging Face model type, has."""

    def take(self, source: Source, network: Network) -> None:
        """Take every tensor of the checkpoint that the network has, under our name."""
        ...


def start_from_released(network: Network, folder: Path) -> None:
    """Begin with a released checkpoint; heads that it lacks, or of other widths, stay as they are.

    Its pooler goes where the network has none.

    Raises:
        ValueError: no such checkpoint, of another model, or of other widths.
    """
    config, weights = folder / "config.json", read_weights(folder)
    if not config.is_file():
        raise ValueError(f"init.released={folder} has no config.json")
    model_type = str(json.loads(config.read_text()).get("model_type"))
    source = Source(weights)
    module_of(model_type).take(source, network)
    if source.left:
        raise ValueError(
            f"init.released={folder} has a tensor {min(source.left)} for which the network has no "
            "place: does its config.json fit the recipe's encoder?"
        )
    network.load_state_dict(_fitting(network, source.taken, folder), strict=False)


def module_of(model_type: str) -> Released:
    """The map of names of a model type.

    Raises:
        ValueError: there is none; names those that there are.
    """
    known = sorted({path.stem for path in Path(__file__).parent.glob("*.py")} - {*_HELPERS})
    if model_type not in known:
        raise ValueError(f"init.released: no map for {model_type}: {nearest(model_type, known)}")
    module: Released = importlib.import_module(f"pretrain.released.{model_type}")
    return module


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint; nothing in it is executed.

    Raises:
        ValueError: neither `model.safetensors` nor a `pytorch_model.bin` of tensors alone.
    """
    safe, pickled = folder / "model.safetensors", folder / "pytorch_model.bin"
    try:
        if safe.is_file():
            return dict(load_file(safe))
        if pickled.is_file():
            loaded = dict(torch.load(pickled, map_location="cpu", weights_only=True))
            return {name: value for name, value in loaded.items() if isinstance(value, Tensor)}
    except (OSError, SafetensorError, pickle.UnpicklingError, RuntimeError, TypeError) as error:
        raise ValueError(f"init.released={folder} holds more than tensors: {error}") from error
    raise ValueError(f"init.released={folder} has no model.safetensors or pytorch_model.bin")


def _fitting(network: Network, taken: Mapping[str, Tensor], folder: Path) -> dict[str, Tensor]:
    fitting, own = {}, network.state_dict()
    for name, tensor in taken.items():
        head = name.startswith("heads.") or (name.startswith("pooler.") and name not in own)
        if head and (name not in own or own[name].shape != tensor.shape):
            logger.warning("%s does not fit and stays as it is", name)
            continue
        if name not in own or own[name].shape != tensor.shape:
            there = tuple(own[name].shape) if name in own else "nothing"
            raise ValueError(
                f"init.released={folder} does not fit: {name} is {tuple(tensor.shape)} there and "
                f"{there} here"
            )
        fitting[name] = tensor
    for name in own:
        if name not in taken and not name.startswith("heads."):
            raise ValueError(f"init.released={folder} lacks {name}")
    return fitting
