"""The order of the doctor's checks, and those that ask a running service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import rich_click as click

from umbral_chat.cli.client import Client, Json
from umbral_chat.cli.failures import Problem, Unreachable, mend
from umbral_chat.cli.findings import (
    Finding,
    address_finding,
    database_finding,
    plugin_findings,
    settings_finding,
)
from umbral_chat.cli.local import load_local, local_service
from umbral_chat.cli.service import Service, current_service
from umbral_chat.errors import UmbralChatError


async def checkup(ctx: click.Context, config: str | None, database: str | None) -> AsyncIterator[Finding]:
    """Every finding, as soon as it is known. What a fault makes impossible to look at is left out."""
    try:
        local = load_local(config, {"core.database": database})
    except UmbralChatError as error:
        yield Finding("settings", "failed", str(error))
        service = current_service(ctx)
    else:
        yield settings_finding(local.settings)
        yield address_finding(local.settings)
        for finding in plugin_findings(local):
            yield finding
        if local.settings.core.history in {None, "sqlite"}:
            from umbral_chat.sqlite import SCHEMA_VERSION

            yield database_finding(Path(local.settings.core.database), SCHEMA_VERSION)
        service = local_service(ctx, local.settings)
    async for finding in service_findings(service):
        yield finding


async def service_findings(service: Service) -> AsyncIterator[Finding]:
    """What a running service says: each of its readiness checks, its mode and transports."""
    async with Client(service) as client:
        try:
            ready = await _ready(client)
        except Unreachable:
            yield Finding("service", "skipped", f"none answers at {service.url}; `umbral-chat serve` starts one")
            return
        except Problem as error:
            yield Finding("service", "failed", f"{service.url}: {error.title} ({error.status})", mend(error))
            return
        for finding in ready_findings(ready):
            yield finding
        try:
            status = await client.call("GET", "/v1/status", within=5)
        except (Problem, Unreachable) as error:
            yield Finding("service status", "failed", str(error), mend(error))
            return
    yield Finding("service status", "ok", f"version {status.get('version')}, mode {status.get('mode')}")


async def _ready(client: Client) -> Json:
    try:
        return await client.call("GET", "/health/ready", within=5)
    except Problem as error:
        if error.status == 503 and "checks" in error.extra:
            return {"ready": False, **error.extra}
        raise


def ready_findings(ready: Json) -> list[Finding]:
    """The answer of /health/ready as findings."""
    findings = []
    for check in ready.get("checks", []):
        state = "ok" if check.get("ok") else "failed"
        findings.append(
            Finding(f"service {check.get('name')}", state, str(check.get("detail", "")), check.get("mend"))  # type: ignore[arg-type]
        )
    return findings or [Finding("service", "ok", "ready")]


__all__ = ["checkup", "ready_findings", "service_findings"]
