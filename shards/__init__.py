"""Kept pairs in; reproducible WebDataset shards out. Imports torch only in the loader."""
