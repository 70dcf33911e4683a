"""Messages that come while a workflow runs, and bursts, on a running service in front of a double of n8n."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from .answers.reading import line
from .n8n import Reply
from .rig import Rig, rig
from .test_crashes import restart

USER, BOT = "user", "assistant"


class Blocking:
    """A workflow whose first run waits."""

    def __init__(self, *lines: dict[str, Any]) -> None:
        self.release = asyncio.Event()
        self.called = asyncio.Event()
        self.closed = asyncio.Event()
        self._lines = lines
        self._calls = 0

    async def __call__(self, call: dict[str, Any], reply: Reply) -> None:
        self._calls += 1
        if self._calls > 1:
            await reply.whole({"output": f"echo:{call['chatInput']}"})
            return
        if self._lines:
            await reply.lines(*self._lines)
        self.called.set()
        done = asyncio.ensure_future(self.release.wait())
        gone = asyncio.ensure_future(reply.gone.wait())
        await asyncio.wait({done, gone}, return_when=asyncio.FIRST_COMPLETED)
        if reply.gone.is_set():
            self.closed.set()
        elif self._lines:
            await reply.lines(line("end"))
            await reply.end()
        else:
            await reply.whole({"output": f"echo:{call['chatInput']}"})
        done.cancel()
        gone.cancel()


async def test_those_that_wait_are_answered_together(tmp_path: Path) -> None:
    script = Blocking()
    async with rig(tmp_path, script, during_run="join") as it:
        await it.say("one", metadata={"page": "/a", "lang": "en"})
        await asyncio.wait_for(script.called.wait(), 30)
        await it.say("two", metadata={"page": "/b"})
        three = await it.say("three")
        script.release.set()
        users = [(USER, "one"), (USER, "two"), (USER, "three")]
        await it.until_texts(*users, (BOT, "echo:one"), (BOT, "echo:two\nthree"))
        assert it.n8n.asked() == ["one", "two\nthree"]
        metadata = it.n8n.calls[1]["metadata"]
        assert (metadata["page"], metadata["umbral_seq"]) == ("/b", three["entry"]["seq"])
        # Whoever goes on after a crash does not answer them again.
        await restart(it)
        await it.say("four")
        await it.until(lambda: asyncio.sleep(0, len(it.n8n.calls) == 3), "the next call")
        assert it.n8n.asked()[-1] == "four"


async def test_a_message_interrupts_and_the_next_run_answers_both(tmp_path: Path) -> None:
    script = Blocking(line("begin"), line("item", "half"))
    async with rig(tmp_path, script, during_run="interrupt") as it:
        await it.say("one")
        await it.until(lambda: drafted(it), "a draft")
        await it.say("two")
        await asyncio.wait_for(script.closed.wait(), 30)
        users = [(USER, "one"), (USER, "two")]
        await it.until_texts(*users, (BOT, "half"), (BOT, "echo:one\ntwo"))
        assert [entry.get("finish") for entry in (await it.log())[2:]] == ["cancelled", None]
        assert it.n8n.asked() == ["one", "one\ntwo"]
        assert await it.letters() == []


async def drafted(it: Rig) -> bool:
    return bool((await it.state()).get("drafts"))


async def test_an_agent_or_the_workflow_interrupts_nothing(tmp_path: Path) -> None:
    script = Blocking()
    async with rig(tmp_path, script, during_run="interrupt") as it:
        await it.say("one")
        await asyncio.wait_for(script.called.wait(), 30)
        await it.say("an agent", sender={"role": "agent", "id": "desk-1"})
        await it.say("of the workflow", key="workflow")
        script.release.set()
        others = [("agent", "an agent"), (USER, "of the workflow")]
        await it.until_texts((USER, "one"), *others, (BOT, "echo:one"))
        assert it.n8n.asked() == ["one"]


@pytest.mark.parametrize("during_run", ["interrupt", "join"])
async def test_a_message_of_the_time_of_a_crash(tmp_path: Path, during_run: str) -> None:
    script = Blocking()
    async with rig(tmp_path, script, during_run=during_run) as it:
        await it.say("one")
        await asyncio.wait_for(script.called.wait(), 30)
        await it.client.app.state.services.consumers.stop("n8n:support")
        await it.say("two")
        await restart(it)
        if during_run == "interrupt":
            # The run would have been interrupted: nobody waits to know what became of it.
            await it.until(lambda: answered(it, "echo:one\ntwo"), "an answer to both")
            assert it.n8n.asked() == ["one", "one\ntwo"]
            assert await it.letters() == []
        else:
            await it.until(lambda: answered(it, "echo:two"), "an answer to the second")
            assert await it.letters() == [("support:ada", 1, "n8n: outcome_unknown")]


async def answered(it: Rig, text: str) -> bool:
    return (BOT, text) in await it.texts()


async def test_a_turn_that_is_given_up_is_one_dead_letter_and_is_tried_again_as_one(tmp_path: Path) -> None:
    script, status = Blocking(), 200

    async def failing(call: dict[str, Any], reply: Reply) -> None:
        if status == 200:
            await script(call, reply)
        else:
            await reply.whole({}, status)

    async with rig(tmp_path, failing, during_run="join", tries=1) as it:
        await it.say("one")
        await asyncio.wait_for(script.called.wait(), 30)
        status = 404
        await it.say("two")
        await it.say("three")
        script.release.set()
        letters = await it.until(it.letters, "a dead letter")
        assert letters == [("support:ada", 2, "n8n: webhook_not_found")]
        status = 200
        await it.say("four")
        await it.until(lambda: answered(it, "echo:four"), "an answer")
        assert await it.client.app.state.services.consumers.retry("n8n:support") == 1
        await it.until(lambda: answered(it, "echo:two\nthree"), "an answer to both")
        assert it.n8n.asked() == ["one", "two\nthree", "four", "two\nthree"]


async def test_a_burst_is_answered_by_one_run(tmp_path: Path) -> None:
    async with rig(tmp_path, burst_quiet=2.0, burst_wait=20) as it:
        await it.say("hi")
        await it.say("are you there?")
        await it.until_texts((USER, "hi"), (USER, "are you there?"), (BOT, "echo:hi\nare you there?"))
        assert len(it.n8n.calls) == 1


async def test_typing_prolongs_a_burst(tmp_path: Path) -> None:
    async with rig(tmp_path, burst_quiet=0.3, burst_wait=30) as it:
        typing = {"typing": True, "sender": {"role": "user", "id": "ada"}}
        assert (await it.client.post("/v1/conversations/support:ada/typing", json=typing)).is_success
        await it.say("wait")
        assert (await it.client.post("/v1/conversations/support:ada/typing", json=typing)).is_success
        # Without the typing the run would begin within this time.
        await asyncio.sleep(0.6)
        assert it.n8n.calls == []
        await it.say("there is more")
        await it.until_texts((USER, "wait"), (USER, "there is more"), (BOT, "echo:wait\nthere is more"))


async def test_a_message_that_was_redacted_is_left_out(tmp_path: Path) -> None:
    script = Blocking()
    async with rig(tmp_path, script, during_run="join") as it:
        await it.say("one")
        await asyncio.wait_for(script.called.wait(), 30)
        await it.say("two")
        secret = await it.say("my password")
        path = f"/v1/conversations/support:ada/messages/{secret['entry']['message_id']}"
        assert (await it.client.delete(path)).is_success
        script.release.set()
        await it.until(lambda: answered(it, "echo:two"), "an answer")
        assert it.n8n.asked() == ["one", "two"]
