"""How is one optimiser step made? One file per strategy."""
