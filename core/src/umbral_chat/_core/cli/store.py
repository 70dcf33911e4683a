"""`new-epoch` and `backup`: maintenance of the store that the settings select."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

import rich_click as click

from umbral_chat._core.cli.command import command, confirm, json_option, run_async
from umbral_chat._core.cli.failures import Problem, Unreachable
from umbral_chat._core.cli.local import config_option, database_option, local_service, open_local_storage
from umbral_chat._core.cli.service import Service, service_options
from umbral_chat.errors import StoreError


@runtime_checkable
class SupportsBackup(Protocol):
    """Optional ability of a history: a consistent copy of its store while it is in use."""

    async def backup(self, target: Path) -> None:
        """Write the copy to `target`. When it is first opened, its logs get new epochs."""
        ...


@command("new-epoch", "umbral-chat new-epoch", "umbral-chat new-epoch --database restored.sqlite3 --yes")
@database_option
@config_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
@service_options
@click.pass_context
@run_async
async def new_epoch_command(
    ctx: click.Context, database: str | None, config: str | None, yes: bool, as_json: bool
) -> None:
    """Give every log a new epoch, after the store was restored from a copy.

    Without it, readers whose cursor is in the lost part would take new entries for those that they know. Every existing
    cursor and conversation token becomes invalid. A copy by `umbral-chat backup` does this by itself when it is first
    opened.
    """
    from umbral_chat._core.cli.output import counted, notice, print_json, stdout
    from umbral_chat._core.plugins import boot
    from umbral_chat.providers.history import RenewsEpochs

    settings, plugins = boot(config, options={"core.database": database})
    storage = open_local_storage(settings, plugins)
    if not isinstance(storage.history, RenewsEpochs):
        raise StoreError(f"The history {storage.name!r} cannot renew its epochs.")
    service = local_service(ctx, settings)
    if await _answers(service):
        notice(f"A service answers at {service.url}: stop it first if it uses this store, or it keeps the old epochs.")
    confirm("Draw new epochs? Every existing cursor and token becomes invalid.", yes=yes)
    async with storage.lifespan:
        count = await storage.history.new_epochs()
    if as_json:
        print_json({"logs": count})
    else:
        stdout().print(f"✓ {counted(count, 'log has a new epoch', 'logs have new epochs')}")


@command("backup", "umbral-chat backup /backups/umbral-chat.sqlite3")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@database_option
@config_option
@json_option
@run_async
async def backup_command(file: Path, database: str | None, config: str | None, as_json: bool) -> None:
    """Copy the store to FILE, which must not exist; the service may be running.

    To restore, stop the service and replace the database with the copy: its logs get new epochs at the first start.
    """
    from umbral_chat._core.cli.output import print_json, stdout
    from umbral_chat._core.plugins import boot

    storage = open_local_storage(*boot(config, options={"core.database": database}))
    if not isinstance(storage.history, SupportsBackup):
        raise StoreError(f"The history {storage.name!r} has no backup command; use its database's own.")
    async with storage.lifespan:
        await storage.history.backup(file)
    size = _size(file)
    if as_json:
        print_json({"file": str(file), "bytes": size})
    else:
        stdout().print(f"✓ {file}: {size} bytes", soft_wrap=True)


def _size(file: Path) -> int:
    return file.stat().st_size


async def _answers(service: Service) -> bool:
    from umbral_chat._core.cli.client import Client

    async with Client(service) as client:
        try:
            await client.fetch("GET", "/health/live", within=2)
        except Unreachable:
            return False
        except Problem:
            return True
    return True


__all__ = ["SupportsBackup", "backup_command", "new_epoch_command"]
