"""The doctor's checks in order: this machine, the store and the plugins' checks, and a running service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from umbral_chat._core.cli.client import Client, Json
from umbral_chat._core.cli.failures import Problem, Unreachable, mend
from umbral_chat._core.cli.local import local_service
from umbral_chat._core.cli.machine_checks import (
    Finding,
    address_finding,
    database_finding,
    plugin_findings,
    settings_finding,
)
from umbral_chat._core.cli.service import Service, current_service
from umbral_chat._core.cli.shapes import StatusShape
from umbral_chat.errors import UmbralChatError

if TYPE_CHECKING:
    from umbral_chat._core.parts import ServiceParts
    from umbral_chat._core.plugins import PluginHost
    from umbral_chat._core.settings.effective import Settings
    from umbral_chat.providers.edges import Check


async def checkup(ctx: click.Context, config: str | None, database: str | None) -> AsyncIterator[Finding]:
    """Every finding, as soon as it is known. Checks that a fault makes impossible are left out."""
    from umbral_chat._core.plugins import boot

    service = current_service(ctx)
    try:
        settings, plugins = boot(config, options={"core.database": database})
    except UmbralChatError as error:
        yield Finding("settings", "failed", str(error))
    else:
        yield settings_finding(settings)
        yield address_finding(settings)
        for finding in plugin_findings(plugins):
            yield finding
        async for finding in provider_findings(settings, plugins):
            yield finding
        service = local_service(ctx, settings)
    async for finding in service_findings(service):
        yield finding


async def provider_findings(settings: Settings, plugins: PluginHost) -> AsyncIterator[Finding]:
    """Findings of the store and the plugins' checks, run on the parts of a service that is not started."""
    from umbral_chat._core.app import handlers
    from umbral_chat._core.consumers.checks import consumer_check
    from umbral_chat._core.service import Service as RunningService
    from umbral_chat.clock import SystemClock

    try:
        services = RunningService(settings, plugins, SystemClock()).parts
        # Called at a start, too: a plugin that fails here would stop it.
        handlers(services)
        plugins.authenticators(services.base, services.storage)
        plugins.consumers(services)
    except UmbralChatError as error:
        yield Finding("providers", "failed", str(error))
        return
    try:
        checks = [consumer_check(services), *plugins.checks(services)]
        for status in plugins.statuses:
            if status.faults:
                yield Finding(f"checks of {status.name}", "failed", "; ".join(status.faults), status.mend)
        async for finding in check_findings(services, checks):
            yield finding
    finally:
        services.base.telemetry.shutdown()


async def check_findings(services: ServiceParts, checks: Sequence[Check]) -> AsyncIterator[Finding]:
    """The finding of the database, and of each check that can run without a service."""
    from umbral_chat._core.http.operations import run_check

    file = services.base.settings.core.database
    database = database_finding(Path(file)) if services.storage.name == "sqlite" else None
    if database is not None:
        yield database
    for check in checks:
        if check.needs_service:
            yield Finding(check.name, "skipped", "it needs a running service, whose readiness reports it")
        elif not check.needs_store:
            yield Finding.of(check.name, await run_check(check))
    on_store = [check for check in checks if check.needs_store and not check.needs_service]
    if not on_store:
        return
    if database is not None and database.state != "ok":
        yield Finding("plugins' checks", "skipped", "they need the database")
        return
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(services.storage.lifespan)
        except UmbralChatError as error:
            yield Finding("store", "failed", str(error))
            yield Finding("plugins' checks", "skipped", "they need the store")
            return
        with suppress(UmbralChatError):  # the store's own check reports it
            await services.toggle.load()
        for check in on_store:
            yield Finding.of(check.name, await run_check(check))


async def service_findings(service: Service) -> AsyncIterator[Finding]:
    """Findings of a running service: each of its readiness checks, its mode, and what is missing."""
    async with Client(service) as client:
        try:
            ready = await client.call("GET", "/health/ready", within=10)
        except Unreachable:
            yield Finding("service", "skipped", f"no service answers at {service.url}; `umbral-chat serve` starts one")
            return
        except Problem as error:
            yield Finding(
                "service", "failed", f"{service.url}: {error.title} ({error.status}) {error.detail}", mend(error)
            )
            return
        if not _is_umbral_chat(ready):
            yield Finding("service", "failed", f"This is not an Umbral Chat service: {service.url}", "Check --url.")
            return
        for finding in ready_findings(service, ready):
            yield finding
        try:
            status = await client.call("GET", "/v1/status", within=10, shape=StatusShape)
        except (Problem, Unreachable) as error:
            yield Finding("service status", "failed", str(error), mend(error))
            return
    missing = "".join(f"; missing {one}" for one in status.get("missing", []))
    yield Finding("service status", "ok", f"version {status.get('version')}, mode {status.get('mode')}{missing}")


def ready_findings(service: Service, ready: Json) -> list[Finding]:
    """The answer of /health/ready as findings: the service itself, then each of its checks."""
    state = str(ready["status"])
    found = [Finding("service", "ok" if state == "ready" else "failed", f"{service.url} is {state}")]
    for check in ready.get("checks", []):
        result = check.get("result", {})
        detail, hint = str(result.get("detail", "")), result.get("mend")
        found.append(Finding(f"service {check.get('name')}", "ok" if result.get("ok") else "failed", detail, hint))
    return found


def _is_umbral_chat(ready: Json) -> bool:
    return isinstance(ready, dict) and ready.get("status") in {"ready", "degraded"}


__all__ = ["check_findings", "checkup", "provider_findings", "ready_findings", "service_findings"]
