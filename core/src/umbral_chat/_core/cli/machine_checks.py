"""The doctor's findings, and its checks of this machine: settings, address, plugins, database."""

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
    """The outcome of one check. `skipped`: there was nothing to check, which is no fault."""

    name: str
    state: Literal["ok", "failed", "skipped"]
    detail: str
    mend: str | None = None

    @classmethod
    def of(cls, name: str, result: CheckResult) -> Finding:
        """The finding for a result of a plugin's check."""
        state: Literal["ok", "failed", "skipped"] = "ok" if result.ok else "failed"
        return cls(name, "skipped" if result.skipped else state, result.detail, result.mend)


def settings_finding(settings: Settings) -> Finding:
    """Where the settings come from, and how many are set."""
    given = len(settings.origins)
    source = f"{settings.file}" if settings.file else "no file"
    return Finding("settings", "ok", f"{source}, {given} set, the rest defaults")


def address_finding(settings: Settings) -> Finding:
    """Whether the service may listen on the address with the keys that are set."""
    from umbral_chat._core.cli.output import counted
    from umbral_chat._core.settings.checks import check_exposure

    core = settings.core
    try:
        check_exposure(core)
    except UmbralChatError as error:
        return Finding("address", "failed", str(error))
    access = (
        counted(len(core.keys), "key", "keys")
        if core.keys
        else "no key: every caller on this machine may do everything"
    )
    return Finding("address", "ok", f"{core.host}:{core.port}, {access}")


def plugin_findings(plugins: PluginHost) -> Iterator[Finding]:
    """A finding for each installed plugin. One that is disabled in the settings is no fault."""
    for status in plugins.statuses:
        name = f"plugin {status.name}"
        what = f"{status.distribution} {status.version}" if status.distribution else "without a distribution"
        if status.state == "disabled":
            yield Finding(name, "skipped", f"{what}, disabled")
        elif status.state != "active":
            yield Finding(name, "failed", f"{what}, {status.state}: {status.reason}", status.mend)
        elif status.faults:
            yield Finding(name, "failed", f"{what}: {'; '.join(status.faults)}", status.mend)
        else:
            yield Finding(name, "ok", f"{what}: {', '.join(status.provides) or 'provides nothing'}")


def database_finding(path: Path) -> Finding:
    """Whether the SQLite file can be used: it is an Umbral Chat database, undamaged, of no newer version, and writable.

    Nothing is changed: a missing file is not created, and files that a crash left beside it are kept.
    """
    from umbral_chat._core.sqlite.engine.exposure import find_exposure

    name = "database"
    folder = path.absolute().parent
    if not folder.is_dir():
        return Finding(name, "failed", f"there is no directory {folder}", f"Create it: mkdir -p {folder}")
    if not os.access(folder, os.W_OK):
        return Finding(
            name,
            "failed",
            f"{folder} cannot be written",
            "SQLite writes files beside its database: make the directory writable.",
        )
    if (reason := find_exposure(path)) is not None:
        return Finding(name, "failed", f"{path} is not safe", reason)
    if not path.exists():
        return Finding(name, "skipped", f"{path} will be created at the first start")
    if not os.access(path, os.R_OK | os.W_OK):
        return Finding(
            name, "failed", f"{path} cannot be read and written", "Run as its owner, or change its permissions."
        )
    return _inspect(name, path)


def _inspect(name: str, path: Path) -> Finding:
    import apsw

    from umbral_chat._core.sqlite.engine.schema import APPLICATION_ID, VERSION

    try:
        log = path.with_name(path.name + "-wal").exists()
        # A read-only connection would leave an empty write-ahead log behind. One that may write removes its own, and is
        # kept from checkpointing one that was there into the database.
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
        return Finding(name, "failed", f"{path} is not an SQLite database", "Set core.database to the right file.")
    except apsw.Error as error:
        return Finding(name, "failed", f"{path}: {error}", "Restore a backup, or set core.database to another file.")
    if fault != "ok":
        return Finding(name, "failed", f"{path} is damaged: {fault}", "Restore a backup.")
    if application != APPLICATION_ID and (application or version):
        return Finding(name, "failed", f"{path} belongs to another program", "Set core.database to the right file.")
    if version > VERSION:
        return Finding(name, "failed", f"{path} was written by a newer version", "Upgrade umbral-chat-core.")
    return Finding(name, "ok", f"{path}, {path.stat().st_size} bytes, undamaged, schema {version}")


__all__ = [
    "Finding",
    "address_finding",
    "database_finding",
    "plugin_findings",
    "settings_finding",
]
