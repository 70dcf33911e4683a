"""Workflows with Chat nodes, on a running service: their questions are answered by whatever client, over one socket."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from umbral_chat_n8n_bridge.answers import dialog
from umbral_chat_n8n_bridge.answers.buttons import BUTTONS
from umbral_chat_n8n_bridge.relay import dialogs, held_execution

from .answers.test_buttons import LINK, message
from .n8n import Reply
from .n8n_api import KEY, WORKFLOW, execution
from .n8n_dialog import ExecutionDouble
from .rig import Rig, rig
from .test_crashes import restart

USER, BOT = "user", "assistant"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The double says that it goes on in the same breath."""
    monkeypatch.setattr(dialog, "GRACE", 0.05)


def talk_to(it: list[Rig], talk: Any) -> Any:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        await it[0].n8n.dialog(call, reply, talk)

    return script


async def greet(execution: ExecutionDouble) -> None:
    await execution.say("Welcome.")
    name = await execution.ask("Your name?")
    await execution.say(f"Hello {name}.")


class Dialog:
    """A rig whose workflow talks."""

    def __init__(self, folder: Path, talk: Any, **chat: Any) -> None:
        self._its: list[Rig] = []
        self._rig = rig(folder, talk_to(self._its, talk), **chat)

    async def __aenter__(self) -> Rig:
        it = await self._rig.__aenter__()
        self._its.append(it)
        return it

    async def __aexit__(self, *error: Any) -> None:
        await self._rig.__aexit__(*error)


def over(it: Rig) -> Any:
    async def found() -> bool:
        return it.n8n.dialogs[0].status == "success"

    return found


async def test_a_question_is_answered_from_another_client_over_the_same_socket(tmp_path: Path) -> None:
    async with Dialog(tmp_path, greet) as it:
        await it.say("hi")
        await it.until_texts((USER, "hi"), (BOT, "Welcome."), (BOT, "Your name?"))
        await it.say("Ada", sender={"role": "user", "id": "another"})
        await it.until_texts((USER, "hi"), (BOT, "Welcome."), (BOT, "Your name?"), (USER, "Ada"), (BOT, "Hello Ada."))
        execution = it.n8n.dialogs[0]
        await it.until(over(it), "the end")
        assert it.n8n.asked() == ["hi"], "one execution"
        assert (execution.answers, execution.dropped, execution.sockets) == (["Ada"], [], 1)
        assert execution.acknowledged == 1
        log = await it.log()
        # Each message is of the run of the user's message that it answers.
        assert [one["metadata"]["umbral_run"].split(".")[2] for one in log if one["sender"]["role"] == BOT] == [
            "1",
            "1",
            "4",
        ]
        await it.say("again")
        await it.until(lambda: asyncio.sleep(0, len(it.n8n.calls) == 2), "a new execution")


async def test_an_answer_that_comes_while_the_execution_works_waits_for_its_question(tmp_path: Path) -> None:
    more = asyncio.Event()

    async def talk(execution: ExecutionDouble) -> None:
        await execution.say("One moment.")
        await more.wait()
        await execution.say(f"Hello {await execution.ask('Your name?')}.")

    async with Dialog(tmp_path, talk) as it:
        await it.say("hi")
        await it.until(lambda: says(it, "One moment."), "a message")
        await it.say("Ada")
        more.set()
        await it.until(lambda: says(it, "Hello Ada."), "the answer")
        assert it.n8n.dialogs[0].dropped == []


async def says(it: Rig, text: str) -> bool:
    return (BOT, text) in await it.texts()


async def test_a_button_is_metadata_and_its_click_goes_on_in_a_run_of_its_own(tmp_path: Path) -> None:
    async def talk(execution: ExecutionDouble) -> None:
        await execution.say(f"You {await execution.ask(message())}.")

    async with Dialog(tmp_path, talk) as it:
        await it.say("hi")
        await it.until_texts((USER, "hi"), (BOT, "Hi Ada, approve?"))
        entry = (await it.log())[-1]
        assert entry["metadata"][BUTTONS] == [{"text": "Approve", "link": LINK, "type": "primary"}]
        assert entry["metadata"]["umbral_input_blocked"] is True
        # n8n would drop it without a word.
        await it.say("yes")
        expected = [(USER, "hi"), (BOT, "Hi Ada, approve?"), (USER, "yes"), (BOT, "failed")]
        await it.until_texts(*expected)
        assert (await it.log())[-1]["reason"] == "choice_expected"
        it.n8n.dialogs[0].click()
        await it.until_texts(*expected, (BOT, "You clicked."))
        assert it.n8n.dialogs[0].dropped == []


async def test_a_workflow_that_fails_is_a_failed_run(tmp_path: Path) -> None:
    read = asyncio.Event()

    async def talk(execution: ExecutionDouble) -> None:
        await execution.say("Welcome.")
        await read.wait()
        raise RuntimeError

    async with Dialog(tmp_path, talk) as it:
        await it.say("hi")
        await it.until(lambda: says(it, "Welcome."), "a message")
        read.set()
        await it.until(lambda: no_runs(it), "the end")
        assert await it.texts() == [(USER, "hi"), (BOT, "Welcome.")]
        assert it.n8n.dialogs[0].sockets == 2, "it is asked whether the execution goes on"


async def no_runs(it: Rig) -> bool:
    return len(await it.log()) > 1 and not await it.runs()


async def test_a_lost_socket_is_opened_again_and_nothing_is_said_twice(tmp_path: Path) -> None:
    async with Dialog(tmp_path, greet) as it:
        await it.say("hi")
        await it.until_texts((USER, "hi"), (BOT, "Welcome."), (BOT, "Your name?"))
        execution = it.n8n.dialogs[0]
        assert execution.peer is not None
        execution.peer.drop()
        await it.until(lambda: asyncio.sleep(0, execution.sockets == 2), "another socket")
        await it.say("Ada")
        await it.until(lambda: says(it, "Hello Ada."), "the answer")
        assert [text for _, text in await it.texts()].count("Your name?") == 1


async def test_another_instance_takes_it_up_in_the_middle_of_a_run(tmp_path: Path) -> None:
    more = asyncio.Event()

    async def talk(execution: ExecutionDouble) -> None:
        await execution.say("One moment.")
        await more.wait()
        await execution.say("Done.")

    async with Dialog(tmp_path, talk) as it:
        await it.say("hi")
        await it.until(lambda: says(it, "One moment."), "a message")
        await restart(it)
        await it.until(lambda: asyncio.sleep(0, it.n8n.dialogs[0].sockets == 2), "another socket")
        more.set()
        await it.until_texts((USER, "hi"), (BOT, "One moment."), (BOT, "Done."))
        assert it.n8n.asked() == ["hi"]
        assert await it.letters() == []


async def test_another_instance_holds_what_waits_and_the_answer_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogs, "SIGN_EVERY", 0.05)
    async with Dialog(tmp_path, greet) as it:
        await it.say("hi")
        await it.until_texts((USER, "hi"), (BOT, "Welcome."), (BOT, "Your name?"))
        await restart(it)
        await it.say("Ada")
        await it.until(lambda: says(it, "Hello Ada."), "the answer")
        assert it.n8n.dialogs[0].sockets == 2
        assert [text for _, text in await it.texts()].count("Your name?") == 1


async def test_an_answer_that_was_not_sent_yet_is_sent_by_another_instance(tmp_path: Path) -> None:
    async with Dialog(tmp_path, greet) as it:
        await it.say("hi")
        await it.until_texts((USER, "hi"), (BOT, "Welcome."), (BOT, "Your name?"))
        execution = it.n8n.dialogs[0]
        # n8n is busy: it does not say that it waits.
        waiting, execution.pending = execution.pending, None
        assert execution.peer is not None
        execution.peer.drop()
        await it.until(lambda: asyncio.sleep(0, execution.sockets == 2), "another socket")
        await it.say("Ada")
        await it.until(it.runs, "a run that waits for its question")
        execution.pending = waiting
        await restart(it)
        await it.until(lambda: says(it, "Hello Ada."), "the answer")
        assert (execution.answers, execution.dropped) == (["Ada"], [])


async def test_a_cancel_ends_the_execution(tmp_path: Path) -> None:
    async def talk(execution: ExecutionDouble) -> None:
        await execution.say("One moment.")
        await asyncio.Event().wait()

    async with Dialog(tmp_path, talk) as it:
        await it.say("hi")
        await it.until(lambda: says(it, "One moment."), "a message")
        (run,) = await it.runs()
        assert run["execution_id"] == "1"
        answer = await it.client.post(f"/v1/conversations/support:ada/runs/{run['run_id']}/cancel", json={})
        assert answer.is_success
        await it.until_texts((USER, "hi"), (BOT, "One moment."))
        await it.say("next")
        await it.until(lambda: asyncio.sleep(0, len(it.n8n.calls) == 2), "a new execution")


async def test_a_cancel_that_n8n_goes_on_after_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_execution, "STOP_AGAIN", 0.02)

    async def talk(execution: ExecutionDouble) -> None:
        await execution.say("One moment.")
        await asyncio.Event().wait()

    async with Dialog(tmp_path, talk, asks=True, api_key=KEY, workflow_id=WORKFLOW) as it:
        await it.say("hi")
        await it.until(lambda: says(it, "One moment."), "a message")
        running = execution(1, None, status="running")
        it.n8n.api.executions.append(running)
        (run,) = await it.runs()
        answer = await it.client.post(f"/v1/conversations/support:ada/runs/{run['run_id']}/cancel", json={})
        assert answer.is_success
        await it.until(lambda: asyncio.sleep(0, it.n8n.api.stopped), "a stop")
        running["status"] = "running"  # n8n resumed it in the same moment
        await it.until(lambda: asyncio.sleep(0, running["status"] == "canceled"), "the end of the execution")


async def test_a_question_from_before_an_agent_answered_is_not_answered_by_what_the_user_writes(
    tmp_path: Path,
) -> None:
    async with Dialog(tmp_path, greet) as it:
        await it.say("hi")
        await it.until_texts((USER, "hi"), (BOT, "Welcome."), (BOT, "Your name?"))
        for responder in ("human", "assistant"):
            patch = {"responder": responder}
            assert (await it.client.patch("/v1/conversations/support:ada", json=patch)).is_success
        await it.say("something else")
        await it.until(lambda: asyncio.sleep(0, it.n8n.asked() == ["hi", "something else"]), "a new execution")
        assert it.n8n.dialogs[0].answers == []
