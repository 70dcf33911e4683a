"""An answer that was lost: n8n is asked how the execution ended. And one that comes late, after a cancel or a
hand-over, which is for the operators."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from umbral_chat.model.internal import internal_id
from umbral_chat_n8n_bridge.executions.api import ExecutionsApi
from umbral_chat_n8n_bridge.executions.search import ExecutionSearch, Finding
from umbral_chat_n8n_bridge.relay import workflow_client

from .answers.reading import line
from .n8n import Reply
from .n8n_api import KEY, WORKFLOW, execution
from .rig import Rig, rig
from .test_crashes import restart
from .test_relay import drafted

USER, BOT = "user", "assistant"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow_client, "SETTLED", 0.0)
    monkeypatch.setattr(workflow_client, "ASK_FIRST", 0.02)
    monkeypatch.setattr(workflow_client, "ASK_LAST", 0.05)


class Asked:
    """A rig with a key for n8n's API, whose first answer is lost."""

    def __init__(self, folder: Path, **chat: Any) -> None:
        self._rig = rig(
            folder, self._script, asks=True, **{"api_key": KEY, "workflow_id": WORKFLOW, "ask_for": 60.0, **chat}
        )
        self.it: Rig | None = None
        self.recorded: dict[str, Any] | None = None
        """What n8n has of the first call; None: nothing."""
        self.partly = False

    async def _script(self, call: dict[str, Any], reply: Reply) -> None:
        assert self.it is not None
        if len(self.it.n8n.calls) > 1:
            await reply.whole({"output": "at last"})
            return
        if self.recorded is not None:
            self.it.n8n.api.executions.append(
                execution(1, call, self.recorded["answer"], status=self.recorded["status"])
            )
        if self.partly:
            await reply.lines(line("begin"), line("item", "hal"))
            assert self.it is not None
            await asyncio.sleep(0.05)
        reply.cut()

    async def __aenter__(self) -> Asked:
        self.it = await self._rig.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._rig.__aexit__(*error)

    @property
    def rig(self) -> Rig:
        assert self.it is not None
        return self.it


async def test_an_answer_that_n8n_has_kept_is_written(tmp_path: Path) -> None:
    async with Asked(tmp_path) as asked:
        asked.recorded = {"status": "success", "answer": {"output": "hello"}}
        await asked.rig.say("hi")
        await asked.rig.until_texts((USER, "hi"), (BOT, "hello"))
        assert len(asked.rig.n8n.calls) == 1
        assert await asked.rig.letters() == []


async def test_the_whole_answer_follows_what_came_of_it(tmp_path: Path) -> None:
    async with Asked(tmp_path) as asked:
        asked.partly, asked.recorded = True, {"status": "success", "answer": {"output": "half and half"}}
        await asked.rig.say("hi")
        await asked.rig.until_texts((USER, "hi"), (BOT, "hal"), (BOT, "half and half"))
        log = await asked.rig.log()
        assert [one.get("finish") for one in log] == [None, "failed", None]


async def test_an_answer_that_came_whole_before_its_end_was_lost_is_not_written_again(tmp_path: Path) -> None:
    its: list[Rig] = []

    async def script(call: dict[str, Any], reply: Reply) -> None:
        its[0].n8n.api.executions.append(execution(1, call, {"output": "hello"}))
        await reply.lines(line("begin"), line("item", "hello"), line("end"))
        await asyncio.sleep(0.05)
        reply.cut()

    async with rig(tmp_path, script, asks=True, api_key=KEY, workflow_id=WORKFLOW) as it:
        its.append(it)
        await it.say("hi")
        await it.until_texts((USER, "hi"), (BOT, "hello"))
        await it.until(lambda: asyncio.sleep(0, any("includeData" in one for one in it.n8n.api.asked)), "a question")
        await it.say("and?")
        await it.until_texts((USER, "hi"), (BOT, "hello"), (USER, "and?"), (BOT, "hello"))


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        ("error", None, "workflow_failed"),
        ("crashed", None, "workflow_failed"),
        ("canceled", None, "execution_stopped"),
        ("success", None, "answer_lost"),
    ],
)
async def test_one_that_ended_without_an_answer_is_not_repeated(
    tmp_path: Path, status: str, answer: Any, code: str
) -> None:
    async with Asked(tmp_path) as asked:
        asked.recorded = {"status": status, "answer": answer}
        await asked.rig.say("hi")
        await asked.rig.until_texts((USER, "hi"), (BOT, "failed"))
        assert (await asked.rig.log())[-1]["reason"] == code
        assert len(asked.rig.n8n.calls) == 1
        assert await asked.rig.letters() == []


async def test_what_n8n_never_began_is_sent_again(tmp_path: Path) -> None:
    async with Asked(tmp_path) as asked:
        await asked.rig.say("hi")
        await asked.rig.until_texts((USER, "hi"), (BOT, "at last"))
        assert len({one["metadata"]["umbral_run"] for one in asked.rig.n8n.calls}) == 1


async def test_what_began_while_n8n_was_looked_through_is_not_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = ExecutionSearch.look
    async with Asked(tmp_path) as asked:

        async def slowly(search: ExecutionSearch, execution_id: str | None = None) -> Finding:
            found = await look(search, execution_id)
            double = asked.rig.n8n
            if not double.api.executions:
                # n8n was asked for its list before it had read the call, and has many executions to be read.
                double.api.executions.append(execution(1, double.calls[0], {"output": "hello"}))
                await asyncio.sleep(0.5)
            return found

        monkeypatch.setattr(workflow_client, "SETTLED", 0.4)
        monkeypatch.setattr(ExecutionSearch, "look", slowly)
        await asked.rig.say("hi")
        await asked.rig.until_texts((USER, "hi"), (BOT, "hello"))
        assert len(asked.rig.n8n.calls) == 1


async def test_the_slower_n8n_answers_the_longer_it_may_take_to_read_what_was_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = ExecutionsApi.page

    async def slowly(api: ExecutionsApi, *of: Any, **more: Any) -> Any:
        await asyncio.sleep(0.2)
        return await page(api, *of, **more)

    async with Asked(tmp_path) as asked:
        monkeypatch.setattr(ExecutionsApi, "page", slowly)
        await asked.rig.say("hi")
        await asked.rig.until(lambda: asyncio.sleep(0, asked.rig.n8n.calls), "a call")
        await asyncio.sleep(1.0)
        double = asked.rig.n8n
        double.api.executions.append(execution(1, double.calls[0], {"output": "hello"}))
        await asked.rig.until_texts((USER, "hi"), (BOT, "hello"))
        assert len(double.calls) == 1


async def test_while_one_runs_that_may_be_ours_it_is_asked_again(tmp_path: Path) -> None:
    async with Asked(tmp_path) as asked:
        asked.recorded = {"status": "running", "answer": {"output": "hello"}}
        await asked.rig.say("hi")
        await asked.rig.until(lambda: asyncio.sleep(0, len(asked.rig.n8n.api.asked) > 8), "repeated questions")
        assert [one["state"] for one in await asked.rig.runs()] == ["thinking"]
        asked.rig.n8n.api.down = True
        asked.rig.n8n.api.executions[0]["status"] = "success"
        asked.rig.n8n.api.down = False
        await asked.rig.until_texts((USER, "hi"), (BOT, "hello"))


async def test_n8n_is_asked_until_the_bound_also_when_it_is_away_for_most_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflow_client, "ASK_FIRST", 60.0)
    monkeypatch.setattr(workflow_client, "ASK_LAST", 60.0)
    async with Asked(tmp_path, ask_for=3) as asked:
        asked.recorded = {"status": "success", "answer": {"output": "hello"}}
        asked.rig.n8n.api.down = True
        await asked.rig.say("hi")
        await asked.rig.until(lambda: asyncio.sleep(0, asked.rig.n8n.api.asked), "a question")
        asked.rig.n8n.api.down = False
        await asked.rig.until_texts((USER, "hi"), (BOT, "hello"))


async def test_after_a_bound_it_is_a_dead_letter(tmp_path: Path) -> None:
    async with Asked(tmp_path, ask_for=0.2) as asked:
        asked.recorded = {"status": "running", "answer": None}
        await asked.rig.say("hi")
        await asked.rig.until_texts((USER, "hi"), (BOT, "failed"))
        assert await asked.rig.until(asked.rig.letters, "a dead letter") == [("support:ada", 1, "n8n: connection_lost")]


async def test_another_instance_asks_for_one_whose_instance_is_gone(tmp_path: Path) -> None:
    its: list[Rig] = []

    async def script(call: dict[str, Any], reply: Reply) -> None:
        its[0].n8n.api.executions.append(execution(1, call, {"output": "hello"}, status="running"))
        await reply.gone.wait()

    async with rig(tmp_path, script, asks=True, api_key=KEY, workflow_id=WORKFLOW) as it:
        its.append(it)
        await it.say("hi")
        await it.until(lambda: asyncio.sleep(0, it.n8n.calls), "a call")
        await restart(it)
        it.n8n.api.executions[0]["status"] = "success"
        await it.until_texts((USER, "hi"), (BOT, "hello"))
        assert len(it.n8n.calls) == 1


async def test_a_cancel_stops_the_execution_whose_id_the_workflow_reported(tmp_path: Path) -> None:
    its: list[Rig] = []
    gone = asyncio.Event()

    async def script(call: dict[str, Any], reply: Reply) -> None:
        its[0].n8n.api.executions.append(execution(1, call, status="running"))
        await reply.lines(line("begin"), line("item", "half"))
        await reply.gone.wait()
        gone.set()

    async with rig(tmp_path, script, asks=True, api_key=KEY, workflow_id=WORKFLOW) as it:
        its.append(it)
        await it.say("hi")
        await it.until(lambda: drafted(it), "a draft")
        (run,) = await it.runs()
        address = f"/v1/conversations/support:ada/runs/{run['run_id']}"
        progress = {"state": "thinking", "execution_id": "1"}
        assert (await it.client.post(f"{address}/progress", json=progress)).is_success
        assert (await it.client.post(f"{address}/cancel", json={})).is_success
        await it.until_texts((USER, "hi"), (BOT, "half"))
        assert (await it.log())[-1]["finish"] == "cancelled"
        await asyncio.wait_for(gone.wait(), 30)
        assert it.n8n.api.stopped == ["1"]
        assert await it.texts(internal_id("support:ada")) == []


@pytest.mark.parametrize("by", ["cancel", "handed over"])
@pytest.mark.parametrize("begun", [False, True])
async def test_a_late_answer_is_for_the_operators(tmp_path: Path, by: str, begun: bool) -> None:
    more = asyncio.Event()

    async def script(call: dict[str, Any], reply: Reply) -> None:
        if not begun:
            await more.wait()
            await reply.whole({"output": "too late"})
            return
        await reply.lines(line("begin"), line("item", "half"))
        await more.wait()
        await reply.lines(line("item", " too late"), line("end"), line("begin"), line("item", "more"), line("end"))
        await reply.end()

    async with rig(tmp_path, script) as it:
        await it.say("hi")
        await it.until(lambda: drafted(it) if begun else asyncio.sleep(0, it.n8n.calls), "the call")
        if by == "cancel":
            (run,) = await it.runs()
            assert (
                await it.client.post(f"/v1/conversations/support:ada/runs/{run['run_id']}/cancel", json={})
            ).is_success
        else:
            assert (await it.client.patch("/v1/conversations/support:ada", json={"responder": "human"})).is_success
        await it.until(lambda: ended(it, 2 if by == "cancel" else 3), "the end of the run")
        shown = await it.texts()
        more.set()
        late = [(BOT, " too late"), (BOT, "more")] if begun else [(BOT, "too late")]
        await it.until(lambda: internal(it, len(late)), "a late answer")
        assert [(role, text.strip()) for role, text in await it.texts(internal_id("support:ada"))] == [
            (role, text.strip()) for role, text in late
        ]
        assert await it.texts() == shown


async def ended(it: Rig, entries: int) -> bool:
    return len(await it.log()) == entries and not await it.runs()


async def internal(it: Rig, count: int) -> bool:
    return len(await it.texts(internal_id("support:ada"))) == count
