"""Pages in, pairs out: sources, DOM extraction, main image, opt-outs. Never imports torch."""
