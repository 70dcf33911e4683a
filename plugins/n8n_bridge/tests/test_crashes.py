"""The instance that called n8n is gone before the answer was complete: another one decides what becomes of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from umbral_chat.errors import Undeliverable
from umbral_chat.http_kit.outbound import OutboundClient
from umbral_chat.model.requests import SendBody
from umbral_chat.settings import OutboundLimits
from umbral_chat_n8n_bridge.chats import ASSISTANT
from umbral_chat_n8n_bridge.plugin import bridge_of
from umbral_chat_n8n_bridge.relay.consumer import RelayConsumer
from umbral_chat_n8n_bridge.relay.ledger import Ledger

from .answers.reading import line
from .n8n import Reply
from .rig import Rig, rig


async def restart(it: Rig) -> None:
    """The consumer ends in the middle of what it does, and another one takes over."""
    services = it.client.app.state.services
    await services.consumers.stop("n8n:support")
    bridge = bridge_of(services)
    client = OutboundClient(OutboundLimits(), trusted=True)
    await services.consumers.start(RelayConsumer(bridge.chats["support"], bridge, client))


async def test_without_a_complete_message_it_is_unknown_and_not_repeated(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        await reply.lines(line("begin"), line("item", "half"))
        await reply.gone.wait()

    async with rig(tmp_path, script) as it:
        await it.say("hi")
        await it.until(lambda: drafted(it), "a draft")
        await restart(it)
        assert await it.until(it.letters, "a dead letter") == [("support:ada", 1, "n8n: outcome_unknown")]
        assert await it.texts() == [("user", "hi"), ("assistant", "failed")]
        assert len(it.n8n.calls) == 1
        # What is restarted again does not begin anew either.
        await restart(it)
        await it.say("next")
        await it.until(lambda: asyncio.sleep(0, len(it.n8n.calls) == 2), "the next call")
        assert it.n8n.asked() == ["hi", "next"]


async def test_a_dead_letter_that_comes_back_after_a_crash_is_not_tried_again(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        reply.cut()

    async with rig(tmp_path, script) as it:
        await it.say("hi")
        assert await it.until(it.letters, "a dead letter") == [("support:ada", 1, "n8n: connection_lost")]
        services = it.client.app.state.services
        page = await services.storage.history.read("support:ada", 0, 1)
        bridge = bridge_of(services)
        client = OutboundClient(OutboundLimits(), trusted=True)
        # As the core does when its instance was killed before the cursor was stored past the dead letter.
        with pytest.raises(Undeliverable):
            await RelayConsumer(bridge.chats["support"], bridge, client).handle(
                "support:ada", page.head.epoch, page.entries[0]
            )
        assert len(it.n8n.calls) == 1


async def test_while_the_conversation_has_as_many_runs_as_it_may_the_message_waits(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        runs = "/v1/conversations/support:ada/runs"
        most = it.client.app.state.services.base.settings.core.limits.runs
        for number in range(most):
            assert (await it.client.post(runs, json={"run_id": f"other-{number}"})).is_success
        await it.say("hi")
        ledger = Ledger(it.client.app.state.services.storage.store)
        epoch = (await it.state())["cursor"].partition(".")[0]

        async def waits() -> bool:
            record, _ = await ledger.load("support:ada", epoch, 1)
            return record is not None and record.state == "waiting"

        await it.until(waits, "a record that says that n8n was not called")
        assert (await it.client.post(f"{runs}/other-0/end", json={"outcome": "completed"})).is_success
        await it.until(lambda: asyncio.sleep(0, it.n8n.calls), "a call")
        await it.until(lambda: answered(it), "the answer")
        assert len(it.n8n.calls) == 1


async def test_the_widget_is_shown_what_was_written_before_the_instance_died(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        await reply.lines(line("begin"), line("item", "half"))
        await reply.gone.wait()

    async with rig(tmp_path, script) as it:
        asked = {"action": "sendMessage", "sessionId": "ada", "chatInput": "hi"}
        waiting = asyncio.ensure_future(it.client.post("/n8n/support/chat", json=asked))
        await it.until(lambda: drafted(it), "a draft")
        services = it.client.app.state.services
        await services.consumers.stop("n8n:support")
        # As the core ends a draft that is silent: under its id, and with nothing else of it.
        chat = bridge_of(services).chats["support"]
        (run,) = await it.runs()
        left = SendBody(content="half", sender=ASSISTANT, message_id=f"{run['run_id']}.0", finish="interrupted")
        await services.chat.send(chat.principal, "support:ada", left, None)
        await restart(it)
        answer = await waiting
        assert answer.status_code == 500
        assert answer.json()["message"] == f"half\n\n{chat.settings.failure_notice}"


async def answered(it: Rig) -> bool:
    return ("assistant", "echo:hi") in await it.texts()


async def drafted(it: Rig) -> bool:
    return bool((await it.state()).get("drafts"))


async def test_a_complete_message_is_its_answer(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        await reply.lines(line("begin"), line("item", "whole"), line("end"))
        await reply.gone.wait()

    async with rig(tmp_path, script) as it:
        await it.say("hi")
        await it.until(lambda: texts(it, 2), "an answer")
        await restart(it)
        await it.until_texts(("user", "hi"), ("assistant", "whole"))
        assert await it.letters() == []
        assert len(it.n8n.calls) == 1


async def texts(it: Rig, count: int) -> bool:
    return len(await it.texts()) == count


async def test_it_is_repeated_where_that_is_set(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        if len(it.n8n.calls) == 1:
            await reply.gone.wait()
        else:
            await reply.whole({"output": "once more"})

    async with rig(tmp_path, script, repeat_unknown=True) as it:
        await it.say("hi")
        await it.until(lambda: asyncio.sleep(0, it.n8n.calls), "a call")
        await restart(it)
        await it.until_texts(("user", "hi"), ("assistant", "failed"), ("assistant", "once more"))
