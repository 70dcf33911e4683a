"""Supabase's own REST and Auth (`@supabase/lite`) on our PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import aiohttp
import psycopg

from tests.labs.kit.driver import die_with_parent

from .npm import modules, node

AFTER = Path(__file__).parent / "sql" / "after" / "auth_functions.sql"

CONFIG = """\
[api]
port = {port}
max_rows = 1000
[db]
driver = "postgres"
url = "{url}"
[db.migrations]
schema_paths = []
[auth]
enabled = true
jwt_secret = "{secret}"
jwt_expiry = 3600
enable_signup = true
publishable_key = "{publishable}"
secret_key = "{service}"
[auth.email]
enable_confirmations = false
"""


ENVIRONMENT = {
    # Passwords are hashed in JavaScript: at the usual cost each takes a tenth of a second of a processor.
    "LITE_AUTH_BCRYPT_COST": "4",
    "LITE_TELEMETRY": "0",
}


class Lite:
    """One process of @supabase/lite. `url` is the database's, as a superuser: Lite switches roles itself."""

    def __init__(self, folder: Path, port: int, *, url: str, secret: str, publishable: str, service: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._folder, self._database = folder / "lite", url
        self._log = folder / "lite.log"
        # `4_lite.sql` identifies its connections by this name.
        named = f"{url}?application_name=supabase-lite"
        self._config = CONFIG.format(port=port, url=named, secret=secret, publishable=publishable, service=service)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, timeout: float = 60.0) -> None:
        """Start it and wait until it answers. Raises RuntimeError."""
        home = await asyncio.to_thread(modules)
        (self._folder / "supabase").mkdir(parents=True, exist_ok=True)
        (self._folder / "supabase" / "config.toml").write_text(self._config)
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                str(node()),
                str(home / "node_modules" / ".bin" / "lite"),
                "start",
                "--no-admin",
                cwd=self._folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(),
                start_new_session=True,
                env=os.environ | ENVIRONMENT,
            )
        async with asyncio.timeout(timeout), aiohttp.ClientSession() as session:
            while True:
                if self._process.returncode is not None:
                    raise RuntimeError(f"@supabase/lite ended by itself:\n{self.log_tail()}")
                with suppress(aiohttp.ClientError):
                    async with session.get(self.url + "/rest/v1/"):
                        break
                await asyncio.sleep(0.05)
        async with await psycopg.AsyncConnection.connect(self._database) as connection:
            await connection.execute(AFTER.read_bytes())

    async def stop(self) -> None:
        """Kill it; it has no state to save."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            await process.wait()

    def log_tail(self) -> str:
        """The end of its log."""
        text = self._log.read_text("utf-8", "replace") if self._log.exists() else ""
        return "\n".join(text.splitlines()[-15:])


__all__ = ["Lite"]
