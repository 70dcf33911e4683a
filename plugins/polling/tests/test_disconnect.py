"""A client who leaves ends its own wait, and nothing else does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from umbral_chat_polling.disconnect import while_connected


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


async def test_a_client_who_leaves_ends_the_wait_and_no_task_is_left() -> None:
    client, tasks = Client(), asyncio.all_tasks()
    asyncio.get_running_loop().call_later(0.01, client.left.set)
    with pytest.raises(ConnectionAbortedError):
        async with asyncio.timeout(5), while_connected(client.receive):
            await asyncio.Event().wait()
    assert asyncio.all_tasks() == tasks
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


async def test_a_client_who_stays_changes_nothing() -> None:
    client, tasks = Client(), asyncio.all_tasks()
    async with while_connected(client.receive):
        await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == tasks


async def test_an_error_inside_stays_what_it_is() -> None:
    client = Client()
    for error in (KeyError, TimeoutError):
        with pytest.raises(error):
            async with while_connected(client.receive):
                raise error


async def test_a_cancelled_request_is_cancelled_and_does_not_count_as_left() -> None:
    client = Client()

    async def request() -> None:
        async with while_connected(client.receive):
            await asyncio.Event().wait()

    task = asyncio.create_task(request())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
