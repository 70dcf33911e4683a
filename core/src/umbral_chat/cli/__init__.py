"""The `umbral-chat` command line. Importing it loads click and nothing else; each command loads what it needs."""

from __future__ import annotations

import sys

from umbral_chat.cli.group import cli


def main() -> None:
    """Entry point of the `umbral-chat` program; ends the process with one of `umbral_chat.cli.failures.ExitCode`."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            # A terminal that is not UTF-8 shows \uXXXX for what it cannot write, instead of ending the command.
            reconfigure(errors="backslashreplace")
    cli(prog_name="umbral-chat")


__all__ = ["cli", "main"]
