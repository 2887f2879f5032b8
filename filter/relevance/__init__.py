"""LAIT's weak image-text relevance model: trained on a little supervised data, applied to all."""
