"""What can a person type? Every command, its options, its errors and its exit codes."""

import typer

app = typer.Typer()


def main() -> None:
    app()
