"""Attacks by form: requests that mean something else to us than to who sends them, or break what is stored."""

from __future__ import annotations

import asyncio
import contextlib
import re

from .attack import Scale, attack, expect
from .target import KEY, Target, raw


async def say(target: Target, data: bytes) -> tuple[int, bytes]:
    """Send it as it is; the status (0: none) and everything that was answered."""
    reader, writer = await raw(target.port)
    try:
        writer.write(data)
        with contextlib.suppress(TimeoutError, ConnectionError):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
            body = await asyncio.wait_for(reader.readexactly(int(length[1]) if length else 0), 10)
            return int(head.split(b" ")[1]), head + body
        return 0, b""
    except asyncio.IncompleteReadError as error:
        return 0, error.partial
    finally:
        writer.transport.abort()


def request(method: str, path: str, body: bytes = b"", *headers: str, key: str | None = KEY) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
    if key is not None:
        lines.append(f"Authorization: Bearer {key}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


@attack("metadata nested deep")
async def depth(target: Target, scale: Scale) -> list[str]:
    found: list[str] = []
    visitor = await target.token("deep", "visitor")
    for levels in [40, *range(930, 1_010, 5), 5_000, 60_000]:
        value = '{"a":' * levels + "1" + "}" * levels
        for path in ("/v1/conversations/deep/messages", "/v1/conversations/deep/presence"):
            body = b'{"content":"x","metadata":' + value.encode() + b"}"
            method = "PUT" if path.endswith("presence") else "POST"
            status, _ = await say(target, request(method, path, body, key=visitor))
            expect(found, status in {400, 413, 429}, f"{levels} levels to {path}: {status}")
    status, _ = await say(target, request("POST", "/v1/conversations", b"[" * 100_000))
    expect(found, status == 400, f"a list of lists as a body: {status}")
    for path in ("/v1/conversations", "/v1/conversations/deep", "/v1/conversations/deep/messages"):
        status, _ = await target.ask("GET", path)
        expect(found, status == 200, f"afterwards {path} answers {status}")
    return found


@attack("an offer of HTTP/2")
async def upgrade(target: Target, scale: Scale) -> list[str]:
    found: list[str] = []
    offer = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")
    status, answer = await say(target, request("POST", "/v1/conversations/h2c/messages", b'{"content":"kept"}', *offer))
    expect(found, status == 201 and b"kept" in answer, f"a send: {status}")
    status, answer = await say(target, request("POST", "/v1/conversations/h2c/typing", b'{"typing":false}', *offer))
    expect(found, status == 200, f"typing: {status}")
    body = b'{"invisible":true}'
    status, answer = await say(target, request("PUT", "/v1/conversations/h2c/presence", body, *offer))
    expect(found, status == 200, f"presence: {status}")
    _, told = await target.ask("GET", "/v1/conversations/h2c/presence")
    expect(found, told["count"] == 0 and told["typing"] == [], f"who is hidden and does not type is shown: {told}")
    lost = request("POST", "/v1/conversations/h2c/typing", b"", "Content-Type: application/json")
    status, _ = await say(target, lost)
    expect(found, status == 400, f"a body that is announced and not there: {status}")
    return found


@attack("a local proxy before a service without keys", keyless=True)
async def proxied(target: Target, scale: Scale) -> list[str]:
    found: list[str] = []
    for header in (
        "X-Forwarded-For: 203.0.113.7",
        "X-Forwarded-Host: chat.example",
        "X-Forwarded-Proto: https",
        "Forwarded: for=203.0.113.7",
        "X-Real-IP: 203.0.113.7",
        "Via: 1.1 proxy",
        "Sec-Fetch-Site: cross-site",
        "Origin: https://evil.example",
        "Origin: http://localhost:9",
        "Origin: null",
    ):
        status, _ = await say(target, request("GET", "/v1/conversations", b"", header, key=None))
        expect(found, status == 403, f"{header}: {status}")
    status, _ = await say(target, request("GET", "/v1/conversations", key=None))
    expect(found, status == 200, f"and who asks from here: {status}")
    return found


@attack("an empty segment of the path")
async def empty_segment(target: Target, scale: Scale) -> list[str]:
    found: list[str] = []
    for name in ("presence", "messages", "read"):
        await target.ask("POST", "/v1/conversations", {"id": name})
        for path in (
            f"/v1/conversations//{name}",
            f"//v1/conversations/{name}",
            f"/v1/conversations/{name}/",
            f"/v1/conversations/{name}#/x",
        ):
            status, _ = await say(target, request("DELETE", path))
            expect(found, 400 <= status < 500, f"DELETE {path}: {status}")
        status, _ = await target.ask("GET", f"/v1/conversations/{name}")
        expect(found, status == 200, f"the conversation {name} is gone")
    return found


@attack("odd methods and forged log lines")
async def forging(target: Target, scale: Scale) -> list[str]:
    found: list[str] = []
    for method in ("PROPFIND", "CONNECT", "PRI", "FOO", "get", "TRACE", "M-SEARCH", "PURGE"):
        status, answer = await say(target, request(method, "/v1/status"))
        expect(found, status == 405 and b"\r\nallow: " in answer.lower(), f"{method}: {status}")
    forged = "2026-01-01 00:00:00,000 ERROR umbral_chat: forged"
    for path in (f"/v1/%0a{forged.replace(' ', '%20')}", "/v1/%1b[2J%1b]0;owned%07", "/v1/%e2%80%ae%c2%9b31m", "/%00"):
        for method in ("GET", "FOO", "POST", "PROPFIND"):
            await say(target, request(method, path))
            await say(target, request(method, f"{path}?{path[4:]}", b"{", f"X-{method}: {path}"))
    for noise in (b"\x16\x03\x01\n" + forged.encode() + b"\n", b"GET /\x1b[2J HTTP/1.1\r\n\r\n", b"\n\n\n" * 10):
        await say(target, noise)
    log = target.log
    expect(found, "Traceback" not in log, "the log has a traceback")
    expect(found, not re.search(r"^2026-01-01 00:00:00,000", log, re.MULTILINE), "a log line was forged")
    unsafe = re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", log)
    expect(found, unsafe is None, f"{unsafe and unsafe[0]!r} stands in the log")
    return found


@attack("requests that two servers would read differently")
async def smuggling(target: Target, scale: Scale) -> list[str]:
    found: list[str] = []
    after = "\r\n\r\n0\r\n\r\nGET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    start = "POST /v1/conversations/x/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    for headers in (
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding : chunked",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: +5",
        "X: y\r\n Content-Length: 5",
        "X: y\nContent-Length: 5",
        "Host: other",
    ):
        reader, writer = await raw(target.port)
        writer.write((start + headers + after).encode("latin-1"))
        try:
            answer = await asyncio.wait_for(reader.read(), 10)  # to its end: nothing may follow
        except (TimeoutError, ConnectionError) as error:
            answer = repr(error).encode()
        writer.transport.abort()
        held = answer.startswith(b"HTTP/1.1 400 ") and answer.endswith(b"}") and answer.count(b"\r\n\r\n") == 1
        expect(found, held, f"{headers!r}: {answer[:60]!r}")
    return found


__all__ = ["request", "say"]
