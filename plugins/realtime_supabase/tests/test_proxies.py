"""The proxy variables: each of them, for each who calls, on loopback or not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
from postgrest.exceptions import APIError
from umbral_chat._core.cli.client import Client
from umbral_chat._core.cli.failures import Problem, Unreachable
from umbral_chat._core.cli.service import Service
from umbral_chat.clock import SystemClock
from umbral_chat.errors import SettingsError, Unavailable
from umbral_chat.settings import Secret
from umbral_chat.telemetry import Telemetry
from umbral_chat.transport_kit.proxies import proxy_for
from umbral_chat_realtime_supabase.client import client
from umbral_chat_realtime_supabase.doctor.listener import HandshakeRefused, client_defaults_suspended, open_listener
from umbral_chat_realtime_supabase.live.disconnection import Disconnection
from umbral_chat_realtime_supabase.live.session import Session
from umbral_chat_realtime_supabase.live.traffic import Traffic
from umbral_chat_realtime_supabase.metrics import REALTIME_METRICS
from umbral_chat_realtime_supabase.settings import Supabase
from umbral_chat_realtime_supabase.users.jwks import Jwks

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
NO_PROXY = ("NO_PROXY", "no_proxy")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, *NO_PROXY):
        monkeypatch.delenv(name, raising=False)


@asynccontextmanager
async def listener() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that notes the first line of each connection, and ends it; its address without a scheme."""
    lines: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append(await reader.readline())
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", lines
    finally:
        server.close()
        await server.wait_closed()


async def command_line(url: str) -> None:
    async with Client(Service(url)) as caller:
        with suppress(Problem, Unreachable):
            await caller.call("GET", "/v1/status")


async def service(url: str) -> None:
    async with client(Supabase(url=url, key=Secret("sb_secret_x")), Secret("sb_secret_x")) as caller:
        with suppress(APIError, httpx.HTTPError):
            await caller.rpc("umbral_chat_state", {}).execute()


async def public_keys(url: str) -> None:
    with suppress(Unavailable):
        await Jwks(f"{url}/auth/v1/jwks", SystemClock(), ttl=60.0, cooldown=1.0, timeout=5.0).key("any")


async def handshake(url: str) -> Disconnection | None:
    clock, telemetry = SystemClock(), Telemetry(None)
    telemetry.declare(*REALTIME_METRICS)
    session = Session(
        url,
        Secret("sb_secret_x"),
        ["topic"],
        heartbeat=4.0,
        connect_timeout=5.0,
        clock=clock,
        traffic=Traffic(telemetry),
        on_broadcast=lambda _: None,
    )
    session.start()
    try:
        return await session.until_ready()
    finally:
        await session.close()


async def socket(url: str) -> None:
    assert isinstance(await handshake(url), Disconnection)


async def doctor(url: str) -> None:
    before = dict(os.environ)
    with client_defaults_suspended(url), pytest.raises(HandshakeRefused):
        async with open_listener(url, "sb_secret_x", []):
            pytest.fail("The handshake was answered 502.")
    assert dict(os.environ) == before


EDGES: dict[str, Callable[[str], Awaitable[None]]] = {
    "command line": command_line,
    "service": service,
    "public keys": public_keys,
    "Realtime socket": socket,
    "doctor's socket": doctor,
}


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("variable", VARIABLES)
async def test_each_variable_for_each_edge(monkeypatch: pytest.MonkeyPatch, edge: str, variable: str) -> None:
    async with listener() as (proxy, asked), listener() as (near, called):
        monkeypatch.setenv(variable, f"http://{proxy}")
        await EDGES[edge](f"http://{near}")
        assert (len(called), asked) == (1, []), "loopback goes through no proxy"
        for scheme, url in (("http", "http://kong:8000"), ("https", "https://abcdefghijklm.supabase.co")):
            if variable.lower() not in {f"{scheme}_proxy", "all_proxy"}:
                assert proxy_for(url) is None
                continue
            asked.clear()
            await EDGES[edge](url)
            assert asked, f"{url} goes through the proxy of {variable}"
            assert url.partition("://")[2].partition(":")[0].encode() in asked[0]
            monkeypatch.setenv("NO_PROXY", "kong, .supabase.co")
            assert proxy_for(url) is None
            monkeypatch.delenv("NO_PROXY")


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize(
    "value", ["socks5://hush:hush@127.0.0.1:1", "socks5h://x", "http://", "http://x:port", "ftp://x"]
)
async def test_what_is_wrong_is_one_sentence_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    url = "http://kong:8000" if "http_" in variable.lower() else "https://abcdefghijklm.supabase.co"
    monkeypatch.setenv(variable, value)
    said = []
    for edge in (command_line, service, doctor):
        with pytest.raises(SettingsError) as raised:
            await edge(url)
        said.append(str(raised.value))
    lost = await handshake(url)
    assert isinstance(lost, Disconnection)
    said.append(lost.reason)
    assert set(said) == {said[0]}
    assert f"The environment variable {variable} " in said[0]
    assert "hush" not in said[0]
    async with listener() as (near, called):
        for call in EDGES.values():
            await call(f"http://{near}")
        assert len(called) == len(EDGES), "loopback asks no variable"


@pytest.mark.parametrize("name", NO_PROXY)
@pytest.mark.parametrize(
    ("listed", "host", "direct"),
    [
        ("*", "kong", True),
        ("fd00::/8, ::1", "[fd00::5]", True),
        ("[fd00::5]", "[fd00::5]", True),
        ("fd00::/8", "kong", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("kong:8000", "kong:8000", True),
        ("kong:80", "kong:8000", False),
        (".example.com", "a.example.com", True),
        ("example.com", "notexample.com", False),
        ("socks5://x:y:z, ::::, %, :, .", "kong", False),
    ],
)
async def test_exceptions(monkeypatch: pytest.MonkeyPatch, name: str, listed: str, host: str, direct: bool) -> None:
    monkeypatch.setenv("ALL_PROXY", "proxy.example:3128")
    monkeypatch.setenv(name, listed)
    assert proxy_for(f"http://{host}") == (None if direct else "http://proxy.example:3128")
    async with Client(Service(f"http://{host}")), client(Supabase(url="http://kong"), Secret("sb_secret_x")):
        pass


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.8.8.8",
        "localhost",
        "LOCALHOST",
        "chat.localhost",
        "localhost.",
        "0.0.0.0",  # noqa: S104  # to connect to, not to listen on
        "[::]",
        "[::1]",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https", "ws", "wss"])
def test_loopback(monkeypatch: pytest.MonkeyPatch, scheme: str, host: str) -> None:
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "http://proxy.example:3128")
    assert proxy_for(f"{scheme}://{host}:54321") is None
    assert proxy_for(f"{scheme}://127.evil.example:54321") == "http://proxy.example:3128"
