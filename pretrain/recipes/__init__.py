"""One file per model of the survey; the file's name is the recipe's name."""
