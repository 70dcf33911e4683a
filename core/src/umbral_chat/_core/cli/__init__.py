"""The `umbral-chat` command line. Importing it loads click and nothing else; each command loads what it needs."""

from __future__ import annotations

import os
import sys

from umbral_chat._core.cli.group import cli, end_without_room


def main() -> None:
    """Entry point of the `umbral-chat` program; ends the process with one of `failures.ExitCode`."""
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            # A terminal that is not UTF-8 shows \uXXXX for what it cannot write, instead of ending the command.
            reconfigure(errors="backslashreplace")
    try:
        cli(prog_name="umbral-chat")
    except OSError as error:  # of what is printed before a command begins: its help
        end_without_room(error)


def _open_what_is_closed() -> None:
    """A standard stream that the caller closed (`>&-`) goes nowhere. Left closed, its number would be that of the next
    file which is opened: a database, say, into which the command would then print."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is given, so that these come in order.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115  # lives as long as the process


__all__ = ["cli", "main"]
