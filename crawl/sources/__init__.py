"""Where pages come from: each module yields `Page` and `ImageRef` values with full provenance."""
