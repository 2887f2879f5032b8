"""Requests in, outcomes out: polite, bounded, never to an address that is not public."""
