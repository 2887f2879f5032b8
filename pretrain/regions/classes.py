"""What are a detector's classes called?"""

from pathlib import Path

_MAX_CLASSES = 100_000


def coco_91() -> tuple[str, ...]:
    """The 91 outputs of torchvision's detectors of COCO: background, gaps and all."""
    from torchvision.models.detection import FasterRCNN_ResNet50_FPN_Weights

    return tuple(FasterRCNN_ResNet50_FPN_Weights.COCO_V1.meta["categories"])


def coco_80() -> tuple[str, ...]:
    """The 80 things of COCO without background and gaps, in the order that YOLO models use."""
    return tuple(name for name in coco_91() if name not in ("__background__", "N/A"))


def read_names(option: str, file: Path) -> tuple[str, ...]:
    """One name a line.

    Raises:
        ValueError: no such file, none or too many in it, or a line that is empty.
    """
    if not file.is_file():
        raise ValueError(f"{option} {file} is not a file of one name a line")
    try:
        names = tuple(line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    except UnicodeDecodeError as error:
        raise ValueError(f"{option} {file} is not UTF-8 text: {error}") from error
    if not 0 < len(names) <= _MAX_CLASSES or not all(names):
        raise ValueError(
            f"{option} {file}: 1 to {_MAX_CLASSES} names are needed, none of them empty"
        )
    return names
