"""One file per group of commands; `lait/cli.py` puts them on the command line."""
