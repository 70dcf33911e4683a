"""The `umbral-chat` command line. Importing it loads click and nothing else; each command loads what it needs."""

from __future__ import annotations

import os
import sys

from umbral_chat._core.cli.group import cli, exit_output_failed


def main() -> None:
    """Entry point of the `umbral-chat` program; ends the process with one of `failures.ExitCode`."""
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            # A terminal that is not UTF-8 shows \uXXXX for what it cannot write, instead of ending the command.
            reconfigure(errors="backslashreplace")
    try:
        cli(prog_name="umbral-chat")
    except OSError as error:  # while the help is printed, before any command runs
        exit_output_failed(error)


def _open_closed_streams() -> None:
    """Open each standard stream that the caller closed (`>&-`) on the null device. Left closed, its descriptor would be
    given to the next file that is opened: a database, say, into which the command would then print."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free descriptor is assigned, hence the order of the loop.
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115  # open as long as the process


__all__ = ["cli", "main"]
