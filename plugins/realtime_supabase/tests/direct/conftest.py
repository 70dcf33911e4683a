"""A service on the local Supabase with members, and both real clients on the channel that it offers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from tests.local_supabase.people import User, command
from tests.local_supabase.realtime.clients import Listener, javascript, python
from tests.local_supabase.service import Client, Start, instances
from tests.local_supabase.stack.api import Stack

Parameters = dict[str, Any]
Follow = Callable[[Parameters, User], AbstractAsyncContextManager[Listener]]


@pytest.fixture
async def start(supabase: Stack) -> AsyncIterator[Start]:
    """Starts instances of the service on a reset Realtime."""
    await command(supabase, "realtime/reset")
    async with instances(supabase) as started:
        yield started
    await command(supabase, "realtime/reset")


@pytest.fixture
async def service(start: Start) -> Client:
    return await start()


@pytest.fixture(params=["python", "javascript"])
def follow(request: pytest.FixtureRequest, supabase: Stack) -> Follow:
    """Follows an offered channel with a user's own token, by each of the two real clients."""
    make = {"python": python, "javascript": javascript}[request.param]

    def followed(given: Parameters, user: User) -> AbstractAsyncContextManager[Listener]:
        assert given["supabase_url"] == supabase.url
        listener: AbstractAsyncContextManager[Listener] = make(
            supabase, given["topic"], token=user.access_token, config=given["config"], key=given["publishable_key"]
        )
        return listener

    return followed


async def connect(service: Client, user: User, conversation: str = "room") -> dict[str, Any]:
    """The answer of `connect`."""
    answer = await service.post(f"/v1/conversations/{conversation}/connect", headers=user.bearer)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def offered(service: Client, user: User, conversation: str = "room") -> Parameters:
    """The parameters of the channel. AssertionError when none is offered."""
    offers = {offer["edge"]: offer for offer in (await connect(service, user, conversation))["offers"]}
    assert "direct" in offers, f"only {list(offers)}"
    parameters: Parameters = offers["direct"]["parameters"]
    return parameters
