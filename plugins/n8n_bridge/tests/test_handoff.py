"""When the assistant answers again after a hand-over: by its pure rule, and on a running service."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from umbral_chat.model.entries import Changes, Entry, Message, Sender, Update
from umbral_chat.providers.store import SharedStore
from umbral_chat.testing.clock import ManualClock
from umbral_chat_n8n_bridge.plugin import bridge_of
from umbral_chat_n8n_bridge.relay.handback import NAMESPACE, HandoverTimer
from umbral_chat_n8n_bridge.relay.handoff import last_of_agents, pause_is_over

from .rig import Rig, rig

START = datetime(2026, 1, 1, tzinfo=UTC)


def entry(kind: str, second: int, seq: int) -> Entry:
    at = START + timedelta(seconds=second)
    if kind in {"human", "assistant"}:
        changes = Changes(responder="human" if kind == "human" else "assistant")
        return Update(seq=seq, at=at, sender=Sender("system"), changes=changes)
    return Message(
        seq=seq, at=at, sender=Sender("agent" if kind == "agent" else "user"), message_id=f"m{seq}", content="x"
    )


ENTRIES = st.lists(
    st.tuples(st.sampled_from(["human", "assistant", "agent", "user"]), st.integers(0, 1000)), max_size=8
).map(
    lambda drawn: [
        entry(kind, second, seq) for seq, (kind, second) in enumerate(sorted(drawn, key=lambda one: one[1]), 1)
    ]
)


@given(entries=ENTRIES, pause=st.integers(1, 500), now=st.integers(1000, 2000))
def test_it_is_over_when_no_agent_was_active_for_so_long(entries: list[Entry], pause: int, now: int) -> None:
    at = START + timedelta(seconds=now)
    active = [
        one
        for one in entries
        if (isinstance(one, Message) and one.sender.role == "agent")
        or (isinstance(one, Update) and one.changes.responder == "human")
    ]
    over = pause_is_over(entries, pause, at)
    if active:
        assert last_of_agents(entries) == active[-1].at
        assert over == all(at - one.at >= timedelta(seconds=pause) for one in active)
    elif entries:
        assert over == (at - entries[0].at >= timedelta(seconds=pause))
    else:
        assert over
    assert not pause_is_over(entries, 0, at)


async def test_after_the_pause_the_assistant_answers_again_and_everyone_sees_it(tmp_path: Path) -> None:
    async with rig(tmp_path, handoff_pause=0.001) as it:
        await it.client.post("/v1/conversations", json={"id": "support:ada"})
        await it.client.patch("/v1/conversations/support:ada", json={"responder": "human"})
        await it.say("anyone?")

        async def answered() -> bool:
            return ("assistant", "echo:anyone?") in await it.texts()

        await it.until(answered, "an answer")
        # By itself, or with the message: whichever comes first.
        changes = [entry["changes"] for entry in await it.log() if entry["kind"] == "update"]
        assert changes[1] == {"responder": "assistant", "assignee": None}


async def test_without_a_message_it_is_handed_back_by_itself(tmp_path: Path) -> None:
    async with rig(tmp_path, handoff_pause=0.5) as it:
        await it.client.post("/v1/conversations", json={"id": "support:ada"})
        await it.client.patch("/v1/conversations/support:ada", json={"responder": "human", "assignee": "desk-1"})
        await it.until(lambda: updates(it, 2), "the entry that hands it back")
        assert (await it.log())[-1]["changes"] == {"responder": "assistant", "assignee": None}
        # A second hand-over ends as the first one did.
        await it.client.patch("/v1/conversations/support:ada", json={"responder": "human"})
        await it.until(lambda: updates(it, 4), "the second one")
        store = it.client.app.state.services.storage.store
        await it.until(lambda: nothing_stored(store), "no record")


async def updates(it: Rig, count: int) -> bool:
    return [role for role, kind in await it.texts() if kind == "update"] == ["system"] * count


async def nothing_stored(store: SharedStore) -> bool:
    return await store.scan(NAMESPACE) == {}


async def test_an_agent_who_writes_keeps_it(tmp_path: Path) -> None:
    clock = ManualClock()
    async with rig(tmp_path, handoff_pause=600) as it:
        services = it.client.app.state.services
        await it.client.post("/v1/conversations", json={"id": "support:ada"})
        await it.client.patch("/v1/conversations/support:ada", json={"responder": "human"})
        await it.until(lambda: services.storage.store.scan(NAMESPACE), "a record")
        await it.say("I look into it.", sender={"role": "agent", "id": "desk-1"})
        written = datetime.fromisoformat((await it.log())[-1]["at"])
        elapsed = (written - clock.now()).total_seconds()
        base = replace(services.base, clock=clock)
        hand_back = HandoverTimer(bridge_of(services).chats["support"], replace(services, base=base))
        await clock.elapse(elapsed + 599.9)
        await hand_back.look()
        assert (await it.client.get("/v1/conversations/support:ada")).json()["responder"] == "human"
        await clock.elapse(0.2)
        await hand_back.look()
        assert (await it.client.get("/v1/conversations/support:ada")).json()["responder"] == "assistant"
