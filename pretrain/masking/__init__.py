"""Which parts of a batch are hidden from the network? One file per kind of corruption."""
