"""`/rest/v1`: handed on to Supabase's own REST, with the faults that tests command."""

from __future__ import annotations

import asyncio

import aiohttp
import jwt
from aiohttp import web

from .doorway import bad_token, inner_headers
from .parts import PARTS, Fault, refused

_PATIENCE = aiohttp.ClientTimeout(total=60)
_NOT_PASSED = {"transfer-encoding", "content-length", "connection", "keep-alive", "content-encoding"}


async def rest(request: web.Request) -> web.StreamResponse:
    """One call."""
    parts = request.app[PARTS]
    fault = parts.take_fault()
    if fault is not None and not fault.after:
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.abort or fault.status:
            return _met(request, fault)
    try:
        headers = inner_headers(request)
    except jwt.InvalidTokenError as error:
        return bad_token(error)
    answer = await hand_on(request, headers)
    if fault is not None and fault.after:
        return _met(request, fault)
    return answer


async def hand_on(request: web.Request, headers: dict[str, str]) -> web.Response:
    """The request as it is, with these headers, to the server behind; 503 while that one is down."""
    parts = request.app[PARTS]
    body = await request.read()
    url = parts.lite.url + request.raw_path
    try:
        async with parts.http.request(
            request.method, url, headers=headers, data=body or None, timeout=_PATIENCE, allow_redirects=False
        ) as answer:
            passed = {name: value for name, value in answer.headers.items() if name.lower() not in _NOT_PASSED}
            return web.Response(status=answer.status, body=await answer.read(), headers=passed)
    except (aiohttp.ClientError, TimeoutError):
        return refused(503, code="PGRST000", message="Could not connect with the database", details=None, hint=None)


def _met(request: web.Request, fault: Fault) -> web.Response:
    if fault.abort and request.transport is not None:
        request.transport.abort()
    return web.Response(status=fault.status or 500, text=fault.body, headers=fault.headers)


__all__ = ["hand_on", "rest"]
