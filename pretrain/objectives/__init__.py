"""What is asked of the network? One file per objective: its corruption, its head and its loss."""
