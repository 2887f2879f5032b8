"""How are shards cut?"""

from pydantic import BaseModel, ConfigDict, Field


class ShardsConfig(BaseModel):
    """Settings of the shard writer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    samples_per_shard: int = Field(default=10_000, ge=1)
    """Target; the number of shards is the count of kept pairs over this, rounded up."""
    ledger_rows_per_file: int = Field(default=500_000, ge=1)
