"""What a check-up finds, and the checks of the machine: settings, address, plugins, database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from umbral_chat.errors import UmbralChatError

if TYPE_CHECKING:
    from umbral_chat._core.plugins import PluginHost
    from umbral_chat._core.settings.effective import Settings
    from umbral_chat.providers.edges import CheckResult


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the doctor. `skipped`: there was nothing to look at, which is no fault."""

    name: str
    state: Literal["ok", "failed", "skipped"]
    detail: str
    mend: str | None = None

    @classmethod
    def of(cls, name: str, result: CheckResult) -> Finding:
        """A plugin's check, as a finding."""
        state: Literal["ok", "failed", "skipped"] = "ok" if result.ok else "failed"
        return cls(name, "skipped" if result.skipped else state, result.detail, result.mend)


def settings_finding(settings: Settings) -> Finding:
    """Where the settings came from."""
    given = len(settings.origins)
    source = f"{settings.file}" if settings.file else "no file"
    return Finding("settings", "ok", f"{source}, {given} set, the rest defaults")


def address_finding(settings: Settings) -> Finding:
    """Whether the address may be listened on with the keys that there are."""
    from umbral_chat._core.cli.output import counted
    from umbral_chat._core.settings.checks import check_exposure

    core = settings.core
    try:
        check_exposure(core)
    except UmbralChatError as error:
        return Finding("address", "failed", str(error))
    who = counted(len(core.keys), "key", "keys") if core.keys else "no key: every caller on this machine may do all"
    return Finding("address", "ok", f"{core.host}:{core.port}, {who}")


def plugin_findings(plugins: PluginHost) -> Iterator[Finding]:
    """Every installed plugin. One that is disabled on purpose is no fault."""
    for status in plugins.statuses:
        name = f"plugin {status.name}"
        what = f"{status.distribution} {status.version}" if status.distribution else "of no distribution"
        if status.state == "disabled":
            yield Finding(name, "skipped", f"{what}, disabled")
        elif status.state != "active":
            yield Finding(name, "failed", f"{what}, {status.state}: {status.reason}", status.mend)
        elif status.faults:
            yield Finding(name, "failed", f"{what}: {'; '.join(status.faults)}", status.mend)
        else:
            yield Finding(name, "ok", f"{what}: {', '.join(status.provides) or 'provides nothing'}")


def database_finding(path: Path) -> Finding:
    """Whether the SQLite file can be used: it is one of ours, whole, not from a newer version, and can be written.

    Nothing is changed: a missing one is not made, and what a crash left beside it stays.
    """
    from umbral_chat._core.sqlite.engine.exposure import exposed

    name = "database"
    folder = path.absolute().parent
    if not folder.is_dir():
        return Finding(name, "failed", f"there is no directory {folder}", f"Make it: mkdir -p {folder}")
    if not os.access(folder, os.W_OK):
        return Finding(name, "failed", f"{folder} cannot be written", "SQLite writes beside its file: allow it there.")
    if (reason := exposed(path)) is not None:
        return Finding(name, "failed", f"{path} is not safe", reason)
    if not path.exists():
        return Finding(name, "skipped", f"{path} will be made at the first start")
    if not os.access(path, os.R_OK | os.W_OK):
        return Finding(name, "failed", f"{path} cannot be read and written", "Run as its owner, or allow it.")
    return _opened(name, path)


def _opened(name: str, path: Path) -> Finding:
    import apsw

    from umbral_chat._core.sqlite.engine.schema import APPLICATION_ID, VERSION

    try:
        log = path.with_name(path.name + "-wal").exists()
        # A connection that may only read would leave an empty log behind; one that may write clears its own away, and
        # is kept from moving one that was there into the database.
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, int(log))
            connection.set_busy_timeout(2000)
            connection.execute("PRAGMA query_only = ON")
            application, version = connection.pragma("application_id"), connection.pragma("user_version")
            fault = connection.execute("PRAGMA quick_check(1)").get
        finally:
            connection.close()
    except apsw.NotADBError:
        return Finding(name, "failed", f"{path} is no SQLite database", "Name the right file: core.database.")
    except apsw.Error as error:
        return Finding(name, "failed", f"{path}: {error}", "Restore a backup, or name another file: core.database.")
    if fault != "ok":
        return Finding(name, "failed", f"{path} is damaged: {fault}", "Restore a backup.")
    if application != APPLICATION_ID and (application or version):
        return Finding(name, "failed", f"{path} is of another program", "Name the right file: core.database.")
    if version > VERSION:
        return Finding(name, "failed", f"{path} was written by a newer version", "Upgrade umbral-chat-core.")
    return Finding(name, "ok", f"{path}, {path.stat().st_size} bytes, sound, schema {version}")


__all__ = [
    "Finding",
    "address_finding",
    "database_finding",
    "plugin_findings",
    "settings_finding",
]
