"""The command line of a bench that may measure a part of what it can."""

from __future__ import annotations

import argparse
from collections.abc import Iterable


def only(module: str, about: str | None, what: str, names: Iterable[str]) -> list[str]:
    """Which of `names` the caller wants alone; none: all, and the page is written. Ends the program with an error for
    a name that is none of them."""
    known = list(dict.fromkeys(names))
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=about)
    # Not `choices`: with nargs="*" Python 3.11 holds them against the empty list, too.
    parser.add_argument(what, nargs="*", help=f"only these {what}s, printed and not written: {', '.join(known)}")
    wanted: list[str] = getattr(parser.parse_args(), what)
    if unknown := set(wanted) - set(known):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return wanted


__all__ = ["only"]
