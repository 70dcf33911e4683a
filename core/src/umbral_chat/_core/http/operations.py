"""Routes for operators: status, health, metrics, and the realtime toggle."""

from __future__ import annotations

import asyncio

from litestar import MediaType, Response, get, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from umbral_chat import __version__
from umbral_chat._core.delivery.toggle import ToggleState
from umbral_chat._core.http.dependencies import Caller, Checks, Parts
from umbral_chat._core.http.guard import PUBLIC
from umbral_chat._core.http.views import CheckView, HealthView, PluginView, StatusView
from umbral_chat._core.parts import ServiceParts
from umbral_chat._core.settings.packages import PACKAGES
from umbral_chat.errors import NotFound, UmbralChatError
from umbral_chat.model.requests import RealtimeBody
from umbral_chat.providers.edges import Check, CheckResult

CHECK_TIMEOUT = 3.0
"""Seconds that a readiness check may take, whatever its own `seconds`: orchestrators give up after a few."""


@get("/v1/status", operation_id="status", summary="The service now", tags=["operations"], opt={"right": "status"})
async def status(services: Parts) -> StatusView:
    """Version, plugins and what is missing, the mode with its reason, every transport's state, and counters."""
    return StatusView(
        version=__version__,
        started_at=services.lifecycle.started_at,
        mode=services.failover.mode,
        reason=services.failover.choice.reason,
        history=services.storage.name,
        history_down_since=services.feeds.health.since,
        presence=None if services.presence is None else services.presence.name,
        realtime=services.toggle.state,
        transports=services.failover.status(),
        plugins=[
            PluginView(
                name=one.name,
                version=one.version or "",
                status=one.state,
                provides=list(one.provides),
                reason=one.reason,
            )
            for one in services.plugins.statuses
        ],
        missing=missing(services),
        counters=services.base.telemetry.totals(),
    )


def missing(services: ServiceParts) -> list[str]:
    """What this installation cannot do, each with the package to install."""
    lines = []
    provided = {kind for one in services.plugins.statuses if one.state == "active" for kind in one.provides}
    if not any(one.name == "polling" and one.state == "active" for one in services.plugins.statuses):
        lines.append(f"events: no poll and long poll; {PACKAGES['polling'].install}")
    if services.presence is None:
        lines.append(f"presence and typing: no plugin provides them; {PACKAGES['presence'].install}")
    if "transport" not in provided:
        lines.append("transport: entries of other processes on the same store are not seen")
    return lines


@get("/v1/admin/realtime", operation_id="realtime", summary="The toggle", tags=["operations"], opt={"right": "status"})
async def show_realtime(services: Parts) -> ToggleState:
    """Whether realtime is on, and who switched it when."""
    return await services.toggle.load()


@put(
    "/v1/admin/realtime",
    operation_id="switchRealtime",
    summary="Switch it",
    tags=["operations"],
    opt={"right": "admin", "problems": (409,)},
)
async def switch_realtime(services: Parts, principal: Caller, data: JSONBody[RealtimeBody]) -> ToggleState:
    """Switch realtime on or off for every instance, without a restart; it survives one."""
    return await services.toggle.set(enabled=data.enabled, by=principal.author)


@get("/health/live", operation_id="live", summary="Liveness", tags=["operations"], opt={"right": PUBLIC})
async def live() -> HealthView:
    """Answers as long as the process does."""
    return HealthView(status="live")


@get(
    "/health/ready",
    operation_id="ready",
    summary="Readiness",
    tags=["operations"],
    opt={"right": PUBLIC},
    responses={503: ResponseSpec(HealthView, description="The service is shutting down.", generate_examples=False)},
)
async def ready(services: Parts, checks: Checks) -> Response[HealthView]:
    """Whether requests may be sent here: `ready`, `degraded` (answers from memory what it can), or 503 `draining`."""
    if services.lifecycle.draining.is_set():
        return Response(HealthView(status="draining"), status_code=503)
    results = [
        CheckView(name=check.name, result=await run_check(check, CHECK_TIMEOUT)) for check in checks if check.ready
    ]
    well = all(one.result.ok for one in results)
    return Response(HealthView(status="ready" if well else "degraded", checks=results))


async def run_check(check: Check, within: float | None = None) -> CheckResult:
    """Run one check. An exception, and taking longer than `within` or the check's own seconds, become its result.

    Of our own errors the result has the message, which is written for its reader; of others the class, too.
    """
    seconds = check.seconds if within is None else min(within, check.seconds)
    try:
        async with asyncio.timeout(seconds):
            found = await check.run()
    except TimeoutError:
        return CheckResult(ok=False, detail=f"no answer within {seconds:g} s")
    except UmbralChatError as error:
        return CheckResult(ok=False, detail=str(error) or type(error).__name__)
    except Exception as error:  # noqa: BLE001 - whatever a check raises is its result
        return CheckResult(ok=False, detail=f"{type(error).__name__}: {error}")
    if not isinstance(found, CheckResult):
        return CheckResult(
            ok=False, detail=f"it returned {found!r:.60} instead of a CheckResult", mend="Mend the plugin."
        )
    return found


@get(
    "/metrics",
    operation_id="metrics",
    summary="Prometheus",
    tags=["operations"],
    media_type=MediaType.TEXT,
    opt={"right": "metrics", "problems": (404,)},
)
async def metrics(services: Parts) -> Response[bytes]:
    """Every metric of `docs/reference/metrics.md` in Prometheus' text format."""
    if not services.base.settings.telemetry.metrics:
        raise NotFound("Metrics are switched off (telemetry.metrics = false).", code="metrics_off")
    data, media_type = await services.base.telemetry.scrape()
    # Litestar adds the charset to every text/* type itself.
    return Response(data, media_type=media_type.replace("; charset=utf-8", ""))


HANDLERS = [status, show_realtime, switch_realtime, live, ready, metrics]

__all__ = ["CHECK_TIMEOUT", "HANDLERS", "run_check"]
