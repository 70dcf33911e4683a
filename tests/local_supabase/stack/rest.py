"""`/rest/v1`: forwarded to Supabase's own REST, with the faults that tests inject."""

from __future__ import annotations

import asyncio

import aiohttp
import jwt
from aiohttp import web

from .middleware import invalid_token_response, upstream_headers
from .parts import PARTS, Fault, json_error

_TIMEOUT = aiohttp.ClientTimeout(total=60)
_NOT_FORWARDED = {"transfer-encoding", "content-length", "connection", "keep-alive", "content-encoding"}


async def rest(request: web.Request) -> web.StreamResponse:
    """Forward one call, or answer it with the injected fault."""
    parts = request.app[PARTS]
    fault = parts.take_fault()
    if fault is not None and not fault.after:
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.abort or fault.status:
            return _fault_response(request, fault)
    try:
        headers = upstream_headers(request)
    except jwt.InvalidTokenError as error:
        return invalid_token_response(error)
    answer = await forward(request, headers)
    if fault is not None and fault.after:
        return _fault_response(request, fault)
    return answer


async def forward(request: web.Request, headers: dict[str, str]) -> web.Response:
    """Forward the request with these headers to the server behind the gateway; 503 while that is down."""
    parts = request.app[PARTS]
    body = await request.read()
    url = parts.lite.url + request.raw_path
    try:
        async with parts.http.request(
            request.method, url, headers=headers, data=body or None, timeout=_TIMEOUT, allow_redirects=False
        ) as answer:
            passed = {name: value for name, value in answer.headers.items() if name.lower() not in _NOT_FORWARDED}
            return web.Response(status=answer.status, body=await answer.read(), headers=passed)
    except (aiohttp.ClientError, TimeoutError):
        return json_error(503, code="PGRST000", message="Could not connect with the database", details=None, hint=None)


def _fault_response(request: web.Request, fault: Fault) -> web.Response:
    if fault.abort and request.transport is not None:
        request.transport.abort()
    return web.Response(status=fault.status or 500, text=fault.body, headers=fault.headers)


__all__ = ["forward", "rest"]
