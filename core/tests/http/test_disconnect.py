"""A client who leaves ends its own wait, and nothing else does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from umbral_chat.http_kit.asgi import Disconnect
from umbral_chat.http_kit.disconnect import watched


class Client:
    """What a server hands to the app as `receive`."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        self.said: list[dict[str, Any]] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive(self) -> Any:
        if self.said:
            return self.said.pop()
        await self.left.wait()
        return {"type": "http.disconnect"}


async def until_it_happens(disconnect: Disconnect) -> None:
    disconnect.waiter = asyncio.get_running_loop().create_future()
    await disconnect.waiter


async def test_a_client_who_leaves_is_noticed_and_no_task_is_left() -> None:
    client, tasks = Client(), asyncio.all_tasks()
    asyncio.get_running_loop().call_later(0.01, client.left.set)
    async with asyncio.timeout(5), watched(client.receive) as disconnect:
        assert not disconnect.happened
        await until_it_happens(disconnect)
        assert disconnect.happened
    assert asyncio.all_tasks() == tasks


async def test_a_client_who_stays_changes_nothing() -> None:
    client, tasks = Client(), asyncio.all_tasks()
    async with watched(client.receive) as disconnect:
        await asyncio.sleep(0.01)
        assert not disconnect.happened
    assert asyncio.all_tasks() == tasks


async def test_an_error_inside_stays_what_it_is() -> None:
    client, tasks = Client(), asyncio.all_tasks()
    for error in (KeyError, TimeoutError):
        with pytest.raises(error):
            async with watched(client.receive):
                raise error
    assert asyncio.all_tasks() == tasks


async def test_a_cancelled_request_is_cancelled_and_leaves_no_task() -> None:
    client, tasks = Client(), asyncio.all_tasks()

    async def request() -> None:
        async with watched(client.receive) as disconnect:
            await until_it_happens(disconnect)

    task = asyncio.create_task(request())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == tasks


async def test_it_happens_once_and_wakes_each_waiter_once() -> None:
    disconnect = Disconnect()
    disconnect.waiter = asyncio.get_running_loop().create_future()
    disconnect.happen()
    disconnect.happen()
    assert disconnect.waiter.done()
