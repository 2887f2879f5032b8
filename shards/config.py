"""How are shards cut?"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ShardsConfig(BaseModel):
    """Settings of the shard writer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    samples_per_shard: int = Field(default=10_000, ge=1)
    """Target; the number of shards is the count of kept pairs over this, rounded up."""
    ledger_rows_per_file: int = Field(default=50_000, ge=1)


class MergeConfig(BaseModel):
    """Settings of a merge."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    samples_per_shard: int = Field(default=10_000, ge=1)
    same_image: Literal["best", "refuse"] = "best"
    """Of an image with two texts or records: keep the most relevant, or refuse to merge."""


class DrawConfig(BaseModel):
    """Settings of a random sample."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    samples_per_shard: int = Field(default=10_000, ge=1)
    n: int | None = Field(default=None, ge=1)
    """How many; or"""
    share: float | None = Field(default=None, gt=0, le=1)
    """which share, rounded to the nearest whole sample."""
    seed: int = 0
