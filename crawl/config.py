"""Which settings does extraction take?"""

from pydantic import BaseModel, ConfigDict, Field


class CrawlConfig(BaseModel):
    """Settings of everything between an archive and a candidate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_page_bytes: int = Field(default=4 * 2**20, gt=0)
    """Larger documents are counted as damage and not parsed."""
    max_image_bytes: int = Field(default=32 * 2**20, gt=0)
    """Larger image bodies are never read; their candidates are dropped as `image_bytes`."""
    max_images_per_page: int = Field(default=512, gt=0)
    """Images of a page beyond this many, in document order, are ignored and counted."""
    surrounding_chars: int = Field(default=400, gt=0)
    """Running text kept on each side of an image, cut at a sentence or word boundary."""
    guess_urls: bool = False
    """Of saved pages that no list names: believe what they say about their own address. Pages may
    lie about it."""
    part_bytes: int = Field(default=64 * 2**20, gt=0)
    """Larger archives are read in parts of about so many bytes, by as many workers as there are."""
