"""`python -m tests.labs.autobahn.serve PORT`: the real server with the echo route, until it is stopped."""

from __future__ import annotations

import sys
import tempfile
from importlib.metadata import EntryPoint

from umbral_chat._core.plugins.boot import boot
from umbral_chat._core.server.serve import serve

LARGEST = 16 * 1024 * 1024
"""Bytes of the largest message of the cases (9.1.6, 9.2.6)."""


ECHO = EntryPoint("echo", "tests.labs.autobahn.echo", "umbral_chat")


def main(port: str) -> int:
    """Serve."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {
            "CONFIG": "",
            "CORE__DATABASE": f"{folder}/chat.sqlite3",
            "CORE__PORT": port,
            "CORE__CORS_ORIGINS": '["*"]',
            "CORE__LIMITS__BODY_BYTES": str(LARGEST),
            "CORE__LIMITS__BODY_TIMEOUT": "300",
        }
        variables = {f"UMBRAL_CHAT_{name}": value for name, value in environ.items()}
        return serve(*boot(None, variables, entry_points=[ECHO]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
