"""Messages go to the workflow and answers come into the log, on a running service in front of a double of n8n."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook
from umbral_chat.http_kit.outbound import new_webhook_secret

from .answers.reading import line
from .n8n import Reply
from .rig import Rig, rig

USER, BOT = "user", "assistant"


async def test_a_message_of_any_edge_is_answered_once(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        entry = await it.say("hi")
        await it.until_texts((USER, "hi"), (BOT, "echo:hi"))
        call = it.n8n.calls[0]
        assert (call["action"], call["sessionId"], call["chatInput"]) == ("sendMessage", "ada", "hi")
        assert call["metadata"]["umbral_conversation"] == "support:ada"
        assert call["metadata"]["umbral_seq"] == entry["entry"]["seq"]
        answer = (await it.log())[1]
        assert answer["metadata"]["umbral_run"] == call["metadata"]["umbral_run"]
        await it.say("again")
        await it.until_texts((USER, "hi"), (BOT, "echo:hi"), (USER, "again"), (BOT, "echo:again"))
        assert it.n8n.asked() == ["hi", "again"]


async def test_messages_of_others_are_not_relayed(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        await it.say("another chat", "sales:ada")
        await it.say("an agent", sender={"role": "agent", "id": "desk-1"})
        await it.say("the workflow's own", key="workflow")
        await it.say("by its id", sender={"role": "user", "id": "workflow"})
        await it.say("of a run", metadata={"umbral_run": "r1"})
        await it.say("long ago", at="2020-01-01T00:00:00Z")
        await it.say("the question")
        await it.until(lambda: asyncio.sleep(0, it.n8n.calls), "a call")
        assert it.n8n.asked() == ["the question"]


async def test_a_call_is_signed_and_authorized_and_brings_the_messages_metadata(tmp_path: Path) -> None:
    secret = new_webhook_secret().reveal()
    async with rig(tmp_path, signing_secret=secret, authorization="Basic YTpi") as it:
        await it.say("hi", metadata={"page": "/pricing"})
        await it.until_texts((USER, "hi"), (BOT, "echo:hi"))
        assert it.n8n.headers[0]["authorization"] == "Basic YTpi"
        assert Webhook(secret).verify(it.n8n.bodies[0], it.n8n.headers[0])["metadata"]["page"] == "/pricing"


async def test_a_stream_is_seen_growing_and_each_segment_is_an_entry(tmp_path: Path) -> None:
    more = asyncio.Event()

    async def script(call: dict[str, Any], reply: Reply) -> None:
        await reply.lines(line("begin"), line("item", "Let me look."), line("end"))
        await reply.lines(line("error", "ReferenceError", "Lookup"), line("begin"), line("item", "It is "))
        await more.wait()
        await reply.lines(line("item", "here"), line("end"))
        await reply.end()

    async with rig(tmp_path, script) as it:
        await it.say("where is it?")

        async def growing() -> bool:
            state = await it.state()
            return [one["text"] for one in state.get("drafts", [])] == ["It is "]

        await it.until(growing, "a draft")
        assert await it.texts() == [(USER, "where is it?"), (BOT, "Let me look.")]
        assert (await it.runs())[0]["state"] == "writing"
        more.set()
        await it.until_texts((USER, "where is it?"), (BOT, "Let me look."), (BOT, "It is here"))


@pytest.mark.parametrize("by", ["cancel", "handed over"])
async def test_what_is_written_so_far_is_kept(tmp_path: Path, by: str) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        await reply.lines(line("begin"), line("item", "half"))
        await reply.gone.wait()

    async with rig(tmp_path, script) as it:
        await it.say("hi")
        await it.until(lambda: drafted(it), "a draft")
        if by == "cancel":
            run = (await it.runs())[0]["run_id"]
            assert (await it.client.post(f"/v1/conversations/support:ada/runs/{run}/cancel", json={})).is_success
        else:
            assert (await it.client.patch("/v1/conversations/support:ada", json={"responder": "human"})).is_success
        extra = [] if by == "cancel" else [("system", "update")]
        await it.until_texts((USER, "hi"), *extra, (BOT, "half"))
        assert (await it.log())[-1]["finish"] == "cancelled"
        assert await it.letters() == []


async def drafted(it: Rig) -> bool:
    return bool((await it.state()).get("drafts"))


async def test_a_cancel_before_any_text_leaves_an_entry(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        await reply.gone.wait()

    async with rig(tmp_path, script) as it:
        await it.say("hi")
        run = (await it.until(it.runs, "a run"))[0]["run_id"]
        await it.until(lambda: asyncio.sleep(0, it.n8n.calls), "a call")
        assert (await it.client.post(f"/v1/conversations/support:ada/runs/{run}/cancel", json={})).is_success
        await it.until_texts((USER, "hi"), (BOT, "cancelled"))


async def test_a_workflow_that_fails_is_called_once_and_is_no_dead_letter(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        await reply.whole({"message": "Error in workflow"}, 500)

    async with rig(tmp_path, script) as it:
        await it.say("hi")
        await it.until_texts((USER, "hi"), (BOT, "failed"))
        assert (await it.log())[1]["reason"] == "workflow_failed"
        assert len(it.n8n.calls) == 1
        assert await it.letters() == []


async def test_a_webhook_that_is_not_there_yet_is_called_again(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        if len(it.n8n.calls) == 1:
            await reply.whole({"code": 404}, 404)
        elif len(it.n8n.calls) == 2:
            await reply.whole(b"", 503, "Retry-After: 0")
        else:
            await reply.whole({"output": "at last"})

    async with rig(tmp_path, script) as it:
        await it.say("hi")
        await it.until_texts((USER, "hi"), (BOT, "at last"))
        assert len({call["metadata"]["umbral_run"] for call in it.n8n.calls}) == 1
        assert await it.letters() == []


async def test_a_message_that_n8n_never_accepts_is_given_up_and_may_be_tried_again(tmp_path: Path) -> None:
    status = 404

    async def script(call: dict[str, Any], reply: Reply) -> None:
        await reply.whole({"output": "hello"}, status)

    async with rig(tmp_path, script, tries=1) as it:
        await it.say("hi")
        await it.until_texts((USER, "hi"), (BOT, "failed"))
        letters = await it.until(it.letters, "a dead letter")
        assert letters == [("support:ada", 1, "n8n: webhook_not_found")]
        status = 200
        assert await it.client.app.state.services.consumers.retry("n8n:support") == 1
        await it.until_texts((USER, "hi"), (BOT, "failed"), (BOT, "hello"))
        assert len(it.n8n.calls) == 2
        await it.until(lambda: no_letters(it), "no dead letter")


async def no_letters(it: Rig) -> bool:
    return await it.letters() == []


@pytest.mark.parametrize("how", ["before the answer", "in the middle", "a proxy's page"])
async def test_an_unknown_outcome_is_not_repeated(tmp_path: Path, how: str) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        if how == "a proxy's page":
            await reply.whole(b"<html>504</html>", 504)
            return
        if how == "in the middle":
            await reply.lines(line("begin"), line("item", "half"))
        reply.cut()

    async with rig(tmp_path, script) as it:
        await it.say("hi")
        await it.until(lambda: written(it, 2), "an end")
        last = (await it.log())[-1]
        if how == "in the middle":
            assert (last["content"], last["finish"]) == ("half", "failed")
            await it.until_texts((USER, "hi"), (BOT, "half"))
        else:
            assert last["outcome"] == "failed"
            assert [seq for _, seq, _ in await it.until(it.letters, "a dead letter")] == [1]
        assert len(it.n8n.calls) == 1


async def written(it: Rig, entries: int) -> bool:
    return len(await it.log()) >= entries


async def test_an_unknown_outcome_is_repeated_where_that_is_set(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        if len(it.n8n.calls) == 1:
            reply.cut()
        else:
            await reply.whole({"output": "once more"})

    async with rig(tmp_path, script, repeat_unknown=True) as it:
        await it.say("hi")
        await it.until_texts((USER, "hi"), (BOT, "failed"), (BOT, "once more"))
        assert len(it.n8n.calls) == 2


@pytest.mark.parametrize("body", [b"", {"message": "Workflow was started"}, "echo", {"executionStarted": True}])
async def test_a_workflow_may_answer_by_itself_later(tmp_path: Path, body: Any) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        await reply.whole(call if body == "echo" else body)

    async with rig(tmp_path, script) as it:
        await it.say("hi")
        await it.until(lambda: waiting(it), "a run that waits")
        run = it.n8n.calls[0]["metadata"]["umbral_run"]
        await it.say("mine", key="workflow", sender={"role": "assistant"}, metadata={"umbral_run": run})
        await it.until_texts((USER, "hi"), (BOT, "mine"))
        assert await it.letters() == []


async def waiting(it: Rig) -> bool:
    return [one["state"] for one in await it.runs()] == ["waiting"]


async def test_without_any_answer_the_run_ends(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        await reply.whole(b"")

    async with rig(tmp_path, script, late_answer=0.05) as it:
        await it.say("hi")
        await it.until_texts((USER, "hi"), (BOT, "failed"))
        assert (await it.log())[1]["reason"] == "no_answer:empty"


async def test_a_workflow_that_answers_twice_is_kept_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        run = call["metadata"]["umbral_run"]
        await it.say("by itself", key="workflow", sender={"role": "assistant"}, metadata={"umbral_run": run})
        await reply.whole({"output": "and by the webhook"})

    async with rig(tmp_path, script) as it:
        for number in (1, 2):
            await it.say("hi")
            await it.until_texts(*[(USER, "hi"), (BOT, "by itself")] * number)
        assert len([one for one in caplog.records if "answers its webhook" in one.message]) == 1


async def test_a_visitor_cannot_pass_for_the_workflow(tmp_path: Path) -> None:
    async def script(call: dict[str, Any], reply: Reply) -> None:
        run = call["metadata"]["umbral_run"]
        await it.say("forged", metadata={"umbral_run": run}, message_id=f"{run}.0")
        await reply.whole({"output": "real"})

    async with rig(tmp_path, script) as it:
        await it.say("hi")
        await it.until_texts((USER, "hi"), (USER, "forged"), (BOT, "real"))


async def test_conversations_run_beside_each_other_and_each_in_order(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def script(call: dict[str, Any], reply: Reply) -> None:
        if call["sessionId"] == "slow":
            await release.wait()
        await reply.whole({"output": f"echo:{call['chatInput']}"})

    async with rig(tmp_path, script) as it:
        await it.say("1", "support:slow")
        await it.say("2", "support:slow")
        await it.say("3", "support:quick")
        await it.until_texts((USER, "3"), (BOT, "echo:3"), conversation="support:quick")
        release.set()
        expected = ((USER, "1"), (USER, "2"), (BOT, "echo:1"), (BOT, "echo:2"))
        await it.until_texts(*expected, conversation="support:slow")


async def test_while_an_agent_answers_no_workflow_does(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        await it.client.post("/v1/conversations", json={"id": "support:ada"})
        await it.client.patch("/v1/conversations/support:ada", json={"responder": "human"})
        await it.say("to a person")
        await it.client.patch("/v1/conversations/support:ada", json={"responder": "assistant"})
        await it.say("to the bot")
        await it.until(lambda: asyncio.sleep(0, it.n8n.calls), "a call")
        await it.until(lambda: answered(it), "an answer")
        assert it.n8n.asked()[-1] == "to the bot"


async def answered(it: Rig) -> bool:
    return (await it.texts())[-1] == (BOT, "echo:to the bot")
