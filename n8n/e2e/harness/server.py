"""A running n8n with credentials and workflows in it: offline, on free ports, in a folder of its own."""

import json
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from n8n.e2e.harness.copies import Copy
from n8n.e2e.harness.editor import Editor
from n8n.e2e.harness.install import Installed
from n8n.e2e.harness.process import HarnessError, clean_env, process, run, say
from n8n.e2e.harness.web import Answer, call, wait_until
from tests.ports import free_port

CLI_LOG = "n8n-cli.log"
CLI_LIMIT, START_LIMIT, WEBHOOK_LIMIT = 300.0, 300.0, 120.0


@dataclass(frozen=True)
class N8n:
    """The server's port and its folder, and its API as the editor of its owner uses it."""

    port: int
    folder: Path
    editor: Editor

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def chat(self, copy: Copy, session: str, message: str) -> Answer:
        """Send a message as n8n's chat widget does."""
        body = {"action": "sendMessage", "sessionId": session, "chatInput": message}
        return call(self.port, "POST", copy.path, body)

    def webhook(self, copy: Copy, body: object, *, key: str | None) -> Answer:
        authorization = None if key is None else f"Bearer {key}"
        return call(self.port, "POST", copy.path, body, authorization=authorization)

    def runs(self, copy: Copy, status: str) -> int:
        """How many runs of a workflow ended so."""
        with closing(sqlite3.connect(f"file:{_database(self.folder)}?mode=ro", uri=True)) as database:
            query = 'SELECT count(*) FROM execution_entity WHERE "workflowId" = ? AND status = ?'
            return int(database.execute(query, (copy.id, status)).fetchone()[0])

    def status(self, execution: str) -> str:
        """Of one execution: `running`, `success`, …; `none` where there is none of this id."""
        with closing(sqlite3.connect(f"file:{_database(self.folder)}?mode=ro", uri=True)) as database:
            row = database.execute("SELECT status FROM execution_entity WHERE id = ?", (execution,)).fetchone()
        return "none" if row is None else str(row[0])

    def began(self, copy: Copy) -> list[datetime]:
        """When each run of a workflow began, by n8n's own clock, oldest first."""
        with closing(sqlite3.connect(f"file:{_database(self.folder)}?mode=ro", uri=True)) as database:
            query = 'SELECT "startedAt" FROM execution_entity WHERE "workflowId" = ? ORDER BY id'
            rows = database.execute(query, (copy.id,)).fetchall()
        return [datetime.fromisoformat(row[0]).replace(tzinfo=UTC) for row in rows]

    def last_run(self, copy: Copy, limit: float = 60.0) -> str:
        """How n8n lists the newest run of a workflow: `success`, `error`, … (it writes this after it has answered)."""
        end = time.monotonic() + limit
        while True:
            # n8n's own API wants an owner and a login; its database has the same, opened read-only.
            with closing(sqlite3.connect(f"file:{_database(self.folder)}?mode=ro", uri=True)) as database:
                query = 'SELECT status FROM execution_entity WHERE "workflowId" = ? ORDER BY id DESC LIMIT 1'
                row = database.execute(query, (copy.id,)).fetchone()
            status = "none" if row is None else str(row[0])
            if status not in ("none", "new", "running") or time.monotonic() > end:
                return status
            time.sleep(0.1)


def _database(folder: Path) -> Path:
    return folder / ".n8n" / "database.sqlite"


@contextmanager
def n8n_server(
    installed: Installed,
    folder: Path,
    logs: Path,
    credentials: Sequence[dict[str, Any]],
    copies: Sequence[Copy],
    port: int | None = None,
    *,
    publish: bool = True,
    settings: Mapping[str, str] | None = None,
) -> Iterator[N8n]:
    """Import, publish and start; in this order, since n8n's commands do not reach a running server.

    Only the first of the workflows is published by its command, since each command takes as long as a start of n8n. The
    others are published as the editor's button does.

    `port` is given where it must be known before; `settings` are further variables of n8n's environment."""
    port = port or free_port()
    env = environment(installed, folder, port, free_port()) | dict(settings or {})
    began = time.monotonic()
    _import(installed, folder, logs, env, credentials, copies, publish)
    say(f"n8n: imported {len(copies)} workflows in {time.monotonic() - began:.0f} s")
    with process(start_command(installed), log=logs / "n8n.log", env=env, cwd=folder, grace=20.0) as child:
        began = time.monotonic()
        server = N8n(port, folder, _editor(port, child))
        if publish:
            for copy in copies[1:]:
                server.editor.publish(copy.id)
            _wait(server, child, copies)
        say(f"n8n: {server.url}, ready in {time.monotonic() - began:.0f} s")
        yield server


def start_command(installed: Installed) -> list[str]:
    """What starts it."""
    return [str(installed.node), str(installed.script), "start"]


def _import(
    installed: Installed,
    folder: Path,
    logs: Path,
    env: dict[str, str],
    credentials: Sequence[dict[str, Any]],
    copies: Sequence[Copy],
    publish: bool,
) -> None:
    def cli(*words: str) -> None:
        command = [str(installed.node), str(installed.script), *words]
        run(f"n8n {words[0]}", command, log=logs / CLI_LOG, env=env, limit=CLI_LIMIT, cwd=folder)

    files = folder / "import"
    files.mkdir(parents=True)
    for copy in copies:
        (files / f"{copy.name}.json").write_text(json.dumps(copy.workflow()))
    secrets = folder / "credentials.json"
    secrets.write_text(json.dumps(credentials))
    cli("import:credentials", f"--input={secrets}")
    secrets.unlink()
    cli("import:workflow", "--separate", f"--input={files}")
    # One by one: to publish what is active in the file is refused by an n8n without queue mode.
    for copy in copies[:1] if publish else ():
        cli("publish:workflow", f"--id={copy.id}")


def _editor(port: int, child: "subprocess.Popen[bytes]") -> Editor:
    """n8n's API, once it answers: that is about a second after it says that it is ready."""

    def answers() -> bool:
        ready = call(port, "GET", "/healthz/readiness").status == 200
        return ready and call(port, "GET", "/rest/settings").status == 200

    wait_until("n8n start", answers, limit=START_LIMIT, alive=lambda: child.poll() is None)
    return Editor(f"http://127.0.0.1:{port}")


def _wait(server: N8n, child: "subprocess.Popen[bytes]", copies: Sequence[Copy]) -> None:
    for copy in (copy for copy in copies if copy.called):
        wait_until(
            f"n8n: webhook of {copy.name}",
            partial(_answers, server.port, copy.path),
            limit=WEBHOOK_LIMIT,
            alive=lambda: child.poll() is None,
        )


def _answers(port: int, path: str) -> bool:
    """Whether a webhook is there. No run starts: a Chat Trigger answers this itself, a Webhook wants the key."""
    return call(port, "POST", path, {"action": "loadPreviousSession", "sessionId": "probe"}).status != 404


def environment(installed: Installed, folder: Path, port: int, broker: int) -> dict[str, str]:
    """What n8n runs with. Raises HarnessError where it is not installed."""
    if not installed.script.is_file():
        raise HarnessError(f"{installed.script} is gone; remove the cache folder and run again")
    return clean_env(
        ["N8N_", "DB_", "NODE_OPTIONS", "WEBHOOK_URL", "EXECUTIONS_"],
        PATH=installed.path(),
        N8N_USER_FOLDER=str(folder),
        N8N_ENCRYPTION_KEY="only-for-this-throw-away-folder",
        N8N_PORT=str(port),
        N8N_RUNNERS_BROKER_PORT=str(broker),
        N8N_LISTEN_ADDRESS="127.0.0.1",
        N8N_HOST="127.0.0.1",
        N8N_PROTOCOL="http",
        N8N_WEBHOOK_URL=f"http://127.0.0.1:{port}/",
        DB_TYPE="sqlite",
        # No call leaves the machine.
        N8N_DIAGNOSTICS_ENABLED="false",
        N8N_VERSION_NOTIFICATIONS_ENABLED="false",
        N8N_TEMPLATES_ENABLED="false",
        N8N_PERSONALIZATION_ENABLED="false",
        N8N_HIRING_BANNER_ENABLED="false",
        N8N_DISABLED_MODULES="mcp-registry,community-packages,instance-ai,agents",
        N8N_SECURE_COOKIE="false",
        N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS="true",
        GENERIC_TIMEZONE="UTC",
        TZ="UTC",
    )
