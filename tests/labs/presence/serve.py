"""`python -m tests.labs.presence.serve --bug NAME`: the service as its environment sets it up, with one deliberate bug.
No part of the product."""

from __future__ import annotations

import argparse
import sys

from umbral_chat._core.plugins import boot
from umbral_chat._core.server.serve import serve

from .bugs import BUGS


def main(arguments: list[str]) -> int:
    """Serve until stopped by a signal."""
    parser = argparse.ArgumentParser(prog="python -m tests.labs.presence.serve", description=__doc__)
    parser.add_argument("--bug", choices=BUGS, required=True)
    BUGS[parser.parse_args(arguments).bug].make()
    settings, plugins = boot(None)
    return serve(settings, plugins)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
