"""How do words and regions become vectors of one width? One file per modality."""
