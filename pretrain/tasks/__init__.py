"""For which tasks are pretrained models fine-tuned? One file per task; the path is the registry."""
