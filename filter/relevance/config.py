"""How is a relevance model trained? Every setting, with the value that was measured to be best."""

from pydantic import BaseModel, ConfigDict, Field


class RelevanceConfig(BaseModel):
    """Settings of `lait relevance train`. Importing this needs no torch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: str = "offline"
    """`offline` (packaged EfficientNet-lite0 and MiniLM, projections trained here), or a finished
    model that is only calibrated: `open_clip:NAME/TAG_OR_CHECKPOINT`, `open_clip:local-dir:FOLDER`,
    `open_clip:hf-hub:ORG/NAME`."""
    seed: int = Field(default=0, ge=0)
    embed_dim: int = Field(default=384, ge=8, le=384)
    """Width of the half of the shared space where pictures predict texts, at most that of the text
    tower."""
    mirror_dim: int = Field(default=256, ge=0, le=1280)
    """Width of the half where texts predict pictures; 0 = without."""
    mirror_weight: float = Field(default=1.4, gt=0)
    """Weight of the second half beside the first, before contrast moves both."""
    mirror_ridge: float = Field(default=3.0, gt=0)
    """Shrinkage of the second half, in units of the text features' mean variance."""
    max_tokens: int = Field(default=64, ge=8, le=512)
    """Longer texts are cut."""
    ridge: float = Field(default=3.0, gt=0)
    """Shrinkage of the closed-form start, in units of the image features' mean variance."""
    class_prior: float = Field(default=0.3, ge=0)
    """How much the start leans on the names of the ImageNet classes; 0 = not at all."""
    whitening: float = Field(default=0.25, ge=0, le=1)
    """0 keeps the text tower's own metric; 1 makes all its directions equally important."""
    epochs: int = Field(default=30, ge=0)
    """Contrastive passes over the images after the closed-form start."""
    batch_images: int = Field(default=256, ge=2)
    learning_rate: float = Field(default=3e-5, gt=0)
    image_dropout: float = Field(default=0.6, ge=0, lt=1)
    text_dropout: float = Field(default=0.4, ge=0, lt=1)
    temperature: float = Field(default=0.07, gt=0)
    """Of InfoNCE at the start; it is learned."""
    folds: int = Field(default=4, ge=2)
    """Parts that the hosts are dealt into; each is judged by a model that never saw it."""
    negatives_per_pair: int = Field(default=4, ge=1)
    """Random wrong texts per true pair in calibration and evaluation."""
