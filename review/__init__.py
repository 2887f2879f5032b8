"""Reads a finished run for a person: funnel, score histograms, kept and dropped samples."""
