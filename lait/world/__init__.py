"""A small synthetic web with its gold answers, deterministic from a seed."""
