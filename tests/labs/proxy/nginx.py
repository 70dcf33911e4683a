"""nginx as a process of our own: its settings from the documentation, its files in a folder, on a free port."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

from tests.labs.kit.driver import die_with_parent
from tests.ports import free_port

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "stream.md"
"""The page whose first block of nginx settings is tried."""

MISSING = "nginx is missing: install it (Debian: apt-get install nginx-light)."


class NginxFailed(Exception):
    """nginx did not start, or refused its settings."""


def program() -> str | None:
    """Where nginx is; None: it is not installed. Debian has it where a user's PATH does not look."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def documented_settings() -> str:
    """The settings that the page gives. Raises NginxFailed where it gives none."""
    found = re.search(r"```text\n(location .*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    if found is None:
        raise NginxFailed(f"{PAGE.name} has no block of nginx settings.")
    return found[1]


class Nginx:
    """A master and one worker in `folder`, in front of a service at `upstream_port`."""

    def __init__(self, nginx: str, folder: Path, upstream_port: int, *, read_timeout: int) -> None:
        self.port = free_port()
        self._nginx = nginx
        self._folder = folder
        self._upstream_port = upstream_port
        self._read_timeout = read_timeout
        self._process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> Path:
        """What it complains of."""
        return self._folder / "error.log"

    async def start(self) -> None:
        """Start it and wait until it listens. Raises NginxFailed."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._settings_file.write_text(self._settings(), "utf-8")
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.DEVNULL, preexec_fn=die_with_parent()
        )
        for _ in range(200):
            if self._process.returncode is not None:
                break
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return
        raise NginxFailed(f"nginx does not listen: {self.log.read_text('utf-8') if self.log.exists() else 'no log'}")

    async def reload(self) -> None:
        """Load the settings again, as a deployer does: a new worker takes over, the old one ends its connections."""
        signalling = await asyncio.create_subprocess_exec(*self._command, "-s", "reload")
        if await signalling.wait():
            raise NginxFailed("nginx was not reloaded.")

    async def stop(self) -> None:
        """End it, and its connections."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    @property
    def _settings_file(self) -> Path:
        return self._folder / "nginx.conf"

    @property
    def _command(self) -> list[str]:
        return [self._nginx, "-p", str(self._folder), "-c", str(self._settings_file), "-e", str(self.log)]

    def _settings(self) -> str:
        """The documented settings, with this run's ports, in what a file of settings needs around them."""
        locations = documented_settings().replace("127.0.0.1:8750", f"127.0.0.1:{self._upstream_port}")
        # The silence that is tried is shorter than the documented one, and longer than a heartbeat.
        locations = re.sub(r"proxy_read_timeout [^;]*;", f"proxy_read_timeout {self._read_timeout}s;", locations)
        server = f"server {{\n  listen 127.0.0.1:{self.port};\n{locations}}}"
        temporary = "".join(
            f"  {kind}_temp_path {self._folder / kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        return (
            f"daemon off;\nworker_processes 1;\nworker_shutdown_timeout 2s;\npid {self._folder / 'nginx.pid'};\n"
            "events { worker_connections 1024; }\n"
            f"http {{\n  access_log off;\n{temporary}{server}\n}}\n"
        )


__all__ = ["MISSING", "Nginx", "NginxFailed", "documented_settings", "program"]
