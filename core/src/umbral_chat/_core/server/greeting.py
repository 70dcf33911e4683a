"""What `serve` prints once it accepts connections: where, and the first commands to try."""

from __future__ import annotations

import os
import shlex
from pathlib import Path


def greeting(url: str, *, keyless: bool, page: bool = False, command: str = "umbral-chat") -> list[str]:
    """The lines. `page`: something is served at `/`, as the extra `web` does. `command`: how this shell runs ours."""
    auth = "" if keyless else " -H 'Authorization: Bearer YOUR_KEY'"
    # In the environment, since other users of the machine can see arguments.
    key = "" if keyless else "UMBRAL_CHAT_KEY=YOUR_KEY "
    sends = f"curl {url}/v1/conversations/demo/messages{auth} -H 'Content-Type: application/json'"
    lines = [
        f"Umbral Chat listens on {url} (process {os.getpid()}). Try next:",
        *([f"  open {url}/ in a browser"] if page else []),
        "  " + sends + """ -d '{"content": "Hello"}'""",
        f"  curl '{url}/v1/conversations/demo/events?wait=30'{auth}",
        f"  {key}{shlex.quote(command)} --url {url} tail -f demo",
        f"  {url}/schema in a browser",
    ]
    if keyless:
        lines.append(
            "No key is configured: only this machine is served, and every caller has all rights. Set core.keys before "
            "you put a reverse proxy in front: not every proxy can be distinguished from a program of this machine."
        )
    return lines


def command_of(program: str, folder: Path) -> str:
    """How a shell in `folder` runs the program that was started as `program`: by its path where it is below the
    folder, as in a checkout's `.venv`, since it is on no PATH there; else by its name."""
    path = folder / program
    is_command = path.name.startswith("umbral-chat")
    return str(path.relative_to(folder)) if is_command and path.is_relative_to(folder) else "umbral-chat"


__all__ = ["command_of", "greeting"]
