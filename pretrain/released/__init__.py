"""Which names do released checkpoints give our weights? One file per Hugging Face model type."""
