"""Shards in, checkpoints out: staged vision-language pretraining. Never imports Beam."""
