"""Which objectives are asked about which data, step by step? One file per plan."""
