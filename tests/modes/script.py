"""The script: every read and write of the API, one after the other, written on one instance and read on all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from tests.modes.deployment import Deployment, Instance
from tests.modes.record import Record

ONE = "/v1/conversations/{conversation}"
ENTRIES = ONE + "/entries"
MESSAGES, MESSAGE = ONE + "/messages", ONE + "/messages/{message_id}"
EVENTS = ONE + "/events"
RUNS, RUN = ONE + "/runs", ONE + "/runs/{run_id}"
PRESENCE, TYPING = ONE + "/presence", ONE + "/typing"

TIMEOUT = 20.0
"""Seconds in which whatever was written must have arrived elsewhere."""


class Player:
    """Plays the script. `before` is called with each step's name: there the mode may be changed."""

    def __init__(
        self,
        deployment: Deployment,
        room: str,
        *,
        edge: bool = True,
        before: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self.deployment = deployment
        self.room = room
        self.record = Record(room)
        self.cursor = "0"
        """Where the log stands after the last write."""
        self._edge = edge
        self._before = before
        self._followed = "0"

    async def play(self) -> Record:
        """The whole script."""
        for scene in (
            self._empty,
            self._writing,
            self._changing,
            self._drafting,
            self._running,
            self._reading,
            self._meeting,
            self._visiting,
            self._refusals,
            self._deleting,
        ):
            await scene()
        return self.record

    async def ask(self, name: str, method: str, template: str, at: Instance | None = None, **more: Any) -> Any:
        """One call, recorded; its JSON."""
        answer = await self._call(name, method, template, at, **more)
        self.record.answer(name, answer)
        return answer.json() if "json" in answer.headers.get("content-type", "") and answer.content else None

    async def _call(
        self,
        name: str,
        method: str,
        template: str,
        at: Instance | None = None,
        *,
        message_id: str = "",
        run_id: str = "",
        **more: Any,
    ) -> httpx.Response:
        if self._before is not None:
            await self._before(name)
        self.record.operations.add((method, template))
        path = template.format(conversation=self.room, message_id=message_id, run_id=run_id)
        return await (at or self.deployment.here).client.request(method, path, **more)

    async def write(self, name: str, method: str, template: str, **more: Any) -> Any:
        """A write, and what of it arrives elsewhere."""
        found = await self.ask(name, method, template, **more)
        self.cursor = found["cursor"]
        await self._follow(f"{name}, elsewhere")
        return found

    async def _follow(self, name: str) -> None:
        """Long poll elsewhere until there is no more, and keep what came: each entry once, in order."""
        if not self._edge:
            return
        entries: list[Any] = []
        begun = time.monotonic()
        while self._followed != self.cursor:
            assert time.monotonic() - begun < TIMEOUT, (name, self._followed, self.cursor)
            answer = await self._call(
                name, "GET", EVENTS, self.deployment.there, params={"after": self._followed, "wait": 2}
            )
            assert answer.status_code == 200, (name, answer.text)
            told = answer.json()
            self.record.modes.add(told["mode"])
            entries += told["entries"]
            self._followed = told["cursor"]
        self.record.keep(name, entries)

    async def _drafts(self, name: str, length: int, again: Callable[[], Awaitable[Any]]) -> None:
        """Until the draft of this length is seen elsewhere. Signals may be lost: whoever writes says it again."""
        if not self._edge:
            return
        begun = time.monotonic()
        while True:
            answer = await self._call(name, "GET", EVENTS, self.deployment.there, params={"after": self.cursor})
            drafts = answer.json()["drafts"]
            if sum(len(draft["text"]) for draft in drafts) == length:
                break
            assert time.monotonic() - begun < TIMEOUT, (name, drafts)
            await asyncio.sleep(0.1)
            await again()
        self.record.keep(name, drafts)

    async def _runs(self, name: str, state: str | None) -> None:
        """Until the run is seen in this state on every instance; None: until there is none. Whatever signal is lost,
        the store is read again."""
        if not self._edge:
            return
        wanted = [] if state is None else [state]
        for where, at in (("here", self.deployment.here), ("elsewhere", self.deployment.there)):
            begun = time.monotonic()
            while True:
                answer = await self._call(name, "GET", EVENTS, at, params={"after": self.cursor})
                runs = answer.json()["runs"]
                if [run["state"] for run in runs] == wanted:
                    break
                assert time.monotonic() - begun < TIMEOUT, (name, where, runs)
                await asyncio.sleep(0.1)
            self.record.keep(f"{name}, {where}", runs)

    # the scenes

    async def _empty(self) -> None:
        here, there = self.deployment.here, self.deployment.there
        for where, at in (("here", here), ("elsewhere", there)):
            await self.ask(f"one that was never made, {where}", "GET", ONE, at)
            await self.ask(f"its history, {where}", "GET", MESSAGES, at)
            await self.ask(f"its transcript, {where}", "GET", MESSAGES.replace("messages", "transcript"), at)
            await self.ask(f"connecting to it, {where}", "POST", ONE + "/connect", at)
            if self._edge:
                await self.ask(f"polling it, {where}", "GET", EVENTS, at)

    async def _writing(self) -> None:
        first = {"content": "Is anybody there?", "client_id": "c1", "message_id": "given-m1", "metadata": {"page": "/"}}
        await self.write("the first message", "POST", MESSAGES, json=first)
        await self.ask("the same again", "POST", MESSAGES, json=first)
        await self.ask("the same again, elsewhere", "POST", MESSAGES, self.deployment.there, json=first)
        answer = {"content": "Yes. שלום 👩‍👧", "sender": {"role": "assistant", "name": "Bot"}, "reply_to": "given-m1"}
        await self.write("an answer", "POST", MESSAGES, json=answer, headers={"Idempotency-Key": "a1"})
        await self.write("a question", "POST", MESSAGES, json={"content": "My card is 4111", "message_id": "given-m3"})
        for number in range(6):
            body = {"content": f"more {number}", "message_id": f"given-more-{number}"}
            await self.write(f"message {number}", "POST", MESSAGES, json=body)
        moved = {"kind": "message", "sender": {"role": "user"}, "content": "moved", "message_id": "given-moved"}
        await self.write("an import", "POST", ENTRIES, json=moved | {"at": "2020-02-20T20:20:20Z"})

    async def _changing(self) -> None:
        await self.write(
            "an edit", "PATCH", MESSAGE, message_id="given-m1", json={"content": "Hello?", "client_id": "e1"}
        )
        await self.ask(
            "the same edit again",
            "PATCH",
            MESSAGE,
            message_id="given-m1",
            json={"content": "Hello?"} | {"client_id": "e1"},
        )
        await self.write("a redaction", "DELETE", MESSAGE, message_id="given-m3")
        await self.ask("the same redaction again", "DELETE", MESSAGE, self.deployment.there, message_id="given-m3")
        body = {"id": self.room, "title": "Orders", "members": [{"subject": "visitor", "name": "Ada"}]}
        for name, method, template, given in (
            ("an update", "POST", "/v1/conversations", body),
            ("taking it over", "POST", ONE + "/takeover", {"assignee": "desk-1"}),
            ("closing it", "PATCH", ONE, {"status": "closed", "responder": "human", "metadata": {"tags": ["a"]}}),
        ):
            found = await self.ask(name, method, template, json=given)
            self.cursor = found["cursor"]
            await self._follow(f"{name}, elsewhere")
        await self.ask(
            "taking it, elsewhere", "POST", ONE + "/takeover", self.deployment.there, json={"assignee": "d2"}
        )
        self.cursor = (await self.ask("giving it back", "DELETE", ONE + "/takeover"))["cursor"]
        await self._follow("given back, elsewhere")
        await self.ask(
            "a message reopens it", "POST", MESSAGES, json={"content": "One thing more.", "message_id": "given-m9"}
        )
        self.cursor = (await self.ask("it is open", "GET", ONE, self.deployment.there))["cursor"]
        await self._follow("reopened, elsewhere")

    async def _drafting(self) -> None:
        drafts, body = ONE + "/drafts", {"message_id": "given-d1", "sender": {"role": "assistant"}}

        async def again() -> None:
            await self._call("the piece again", "POST", drafts, json=body | {"offset": 9, "text": "er is 42"})

        await self.ask("a piece", "POST", drafts, json=body | {"offset": 0, "text": "The answ"})
        await self.ask("a piece from too far", "POST", drafts, json=body | {"offset": 50, "text": "?"})
        await self.ask("another piece", "POST", drafts, json=body | {"offset": 8, "text": "…"})
        await self.ask("one more", "POST", drafts, json=body | {"offset": 9, "text": "er is 42"})
        await self._drafts("the draft, elsewhere", 17, again)
        await self.ask("connecting while it is written", "POST", ONE + "/connect")
        message = {"content": "The answer is 42.", "message_id": "given-d1", "sender": {"role": "assistant"}}
        await self.write("the draft's message", "POST", MESSAGES, json=message)
        await self.ask("a piece that is late", "POST", drafts, json=body | {"offset": 17, "text": "!"})
        if self._edge:
            await self.ask(
                "no draft is left, elsewhere", "GET", EVENTS, self.deployment.there, params={"after": self.cursor}
            )

    async def _running(self) -> None:
        there = self.deployment.there
        run: dict[str, Any] = {"run_id": "given-r1"}
        body = run | {"for_seq": 1, "sender": {"role": "assistant", "name": "Bot"}, "metadata": {"execution": 7}}
        await self.ask("a run", "POST", RUNS, json=body)
        await self.ask("the same run again, elsewhere", "POST", RUNS, there, json=body)
        await self.ask("another run with its id, elsewhere", "POST", RUNS, there, json=body | {"for_seq": 2})
        tool = {"state": "tool", "label": "Looking up order 1138", "execution_id": "4711"}
        await self.ask("what it does", "POST", RUN + "/progress", **run, json=tool)
        await self._runs("what it is seen to do", "tool")
        await self.ask("connecting while it goes on", "POST", ONE + "/connect")
        await self.ask("a run that is unknown", "POST", RUN + "/progress", run_id="given-r2", json=tool)
        await self.ask("asking it to end, elsewhere", "POST", RUN + "/cancel", there, **run, json={"reason": "enough"})
        await self.ask("it is answered so", "POST", RUN + "/progress", **run, json={"state": "waiting"})
        await self.ask("it ends, elsewhere", "POST", RUN + "/end", there, **run, json={"outcome": "cancelled"})
        self.cursor = (await self.ask("its entry is there", "GET", ONE))["cursor"]
        await self._follow("its entry, elsewhere")
        await self._runs("no run is left", None)
        await self.ask("the same end again", "POST", RUN + "/end", **run, json={"outcome": "cancelled"})
        await self.ask("another end", "POST", RUN + "/end", **run, json={"outcome": "completed"})
        await self.ask("a progress that is late", "POST", RUN + "/progress", **run, json=tool)

    async def _reading(self) -> None:
        for where, at in (("here", self.deployment.here), ("elsewhere", self.deployment.there)):
            for query in ({}, {"limit": 3}, {"after": 2, "limit": 3}, {"before": 6, "limit": 3}, {"limit": 0}):
                await self.ask(f"history {query}, {where}", "GET", MESSAGES, at, params=query)
            for form in ("json", "markdown", "text", "openai", "pdf"):
                path = ONE + "/transcript"
                await self.ask(f"transcript as {form}, {where}", "GET", path, at, params={"format": form})
            contexts: list[dict[str, str | int]]
            contexts = [{}, {"format": "langchain", "tokens": 30}, {"messages": 2, "before": 6}, {"messages": 0}]
            for asked in contexts:
                await self.ask(f"context {asked}, {where}", "GET", ONE + "/context", at, params=asked)
            await self.ask(f"the conversation, {where}", "GET", ONE, at)
            await self.ask(f"connect, {where}", "POST", ONE + "/connect", at)
            await self._inbox(where, at)
            await self.ask(f"reading up to 4, {where}", "POST", ONE + "/read", at, json={"seq": 4})
            await self.ask(f"a marker falls never, {where}", "POST", ONE + "/read", at, json={"seq": 2})
            if self._edge:
                await self._polls(where, at)
        if self._edge:
            await self._snapshot()

    async def _inbox(self, where: str, at: Instance) -> None:
        for query in ({}, {"q": "-ROOM"}, {"waiting": "false"}, {"waiting": "true"}, {"assignee": "none"}):
            name = f"inbox {query}, {where}"
            answer = await self._call(name, "GET", "/v1/conversations", at, params=query)
            own = [one for one in answer.json()["conversations"] if one["id"] == self.room]
            self.record.keep(name, own)

    async def _polls(self, where: str, at: Instance) -> None:
        pages, cursor, more = [], "0", True
        while more:
            answer = await self._call(f"pages, {where}", "GET", EVENTS, at, params={"after": cursor, "limit": 4})
            page = answer.json()
            pages.append(page)
            cursor, more = page["cursor"], page["has_more"]
        self.record.keep(f"pages, {where}", pages)
        query = {"after": cursor}
        for wait in ({}, {"wait": 0.2}):
            self.record.answer(f"unchanged {wait}, {where}", await self._unchanged(at, query, query | wait))

    async def _unchanged(self, at: Instance, query: dict[str, Any], again: dict[str, Any]) -> httpx.Response:
        """The answer to one who has it all. A change of mode in between is told first."""
        tries = 0
        while True:
            tag = (await self._call("a tag", "GET", EVENTS, at, params=query)).headers.get("etag", "")
            answer = await self._call("unchanged", "GET", EVENTS, at, params=again, headers={"If-None-Match": tag})
            tries += 1
            if answer.status_code == 304 or tries == 20:
                return answer

    async def _snapshot(self) -> None:
        begun, query = time.monotonic(), {"limit": 5, "wait": 0.1}
        while True:
            answer = await self._call("a snapshot", "GET", EVENTS, self.deployment.pictures, params=query)
            # That the run ended is a signal, and arrives apart from the entries.
            if answer.json()["cursor"] == self.cursor and not answer.json()["runs"]:
                break
            assert time.monotonic() - begun < TIMEOUT, answer.text
        self.record.answer("a snapshot", answer)

    async def _meeting(self) -> None:
        message = {"content": "I am here.", "message_id": "given-p1", "sender": {"role": "assistant"}}
        if not self._edge:  # presence is a plugin, as polls are
            await self.write("the assistant's message", "POST", MESSAGES, json=message)
            return
        grace = {"role": "agent", "id": "grace", "name": "Grace"}
        for device, status in (("desk", "online"), ("phone", "away")):
            body = {"sender": grace, "device": device, "status": status, "metadata": {"floor": 3}, "ttl": 60}
            await self.ask(f"Grace comes with her {device}", "PUT", PRESENCE, json=body)
        await self.ask("a device without a name", "PUT", PRESENCE, json={"device": ""})
        await self._seen("Grace is there", lambda told: told["people"] and len(told["people"][0]["devices"]) == 2)
        await self.ask("the assistant types", "POST", TYPING, json={"sender": {"role": "assistant"}, "seconds": 60})
        await self._seen("it types", lambda told: told["typing"])
        await self.write("the assistant's message", "POST", MESSAGES, json=message)
        await self._seen("it types no more", lambda told: not told["typing"])
        for device in ("desk", "phone", "watch"):
            query = {"role": "agent", "id": "grace", "device": device}
            await self.ask(f"Grace leaves with her {device}", "DELETE", PRESENCE, params=query)
        await self._seen("nobody is there", lambda told: told["count"] == 0)

    async def _seen(self, name: str, wanted: Callable[[Any], Any]) -> None:
        """Until it is so on every instance, and polls say the same."""
        for where, at in (("here", self.deployment.here), ("elsewhere", self.deployment.there)):
            begun = time.monotonic()
            while not wanted(told := (await self._call(name, "GET", PRESENCE, at)).json()):
                assert time.monotonic() - begun < TIMEOUT, (name, where, told)
                await asyncio.sleep(0.1)
            told["people"] = [one | {"devices": _by_name(one["devices"])} for one in told["people"]]
            self.record.keep(f"{name}, {where}", told)
            polled = (await self._call(name, "GET", EVENTS, at, params={"after": self.cursor})).json()
            assert polled["presence"]["version"] == told["version"], (name, where, polled)

    async def _visiting(self) -> None:
        body = {"conversation": self.room, "subject": "visitor", "name": "Ada"}
        token = (await self.ask("a token", "POST", "/v1/tokens", json=body))["token"]
        visitor = {"headers": {"Authorization": f"Bearer {token}"}}
        await self.write(
            "a visitor's message", "POST", MESSAGES, json={"content": "Me.", "message_id": "given-v1"}, **visitor
        )
        there = self.deployment.there
        await self.ask("a visitor's history", "GET", MESSAGES, there, params={"limit": 2}, **visitor)
        await self.ask("a visitor's state", "GET", ONE, there, **visitor)
        await self.ask(
            "not a visitor's message", "PATCH", MESSAGE, there, message_id="given-m1", json={"content": "x"}, **visitor
        )
        await self.ask("not a visitor's inbox", "GET", "/v1/conversations", there, **visitor)
        self._visitor = visitor

    async def _refusals(self) -> None:
        for where, at in (("here", self.deployment.here), ("elsewhere", self.deployment.there)):
            for name, method, template, more in (
                ("a key with another body", "POST", MESSAGES, {"json": {"content": "other", "client_id": "c1"}}),
                ("a message's id taken", "POST", MESSAGES, {"json": {"content": "other", "message_id": "given-m1"}}),
                ("an unknown field", "POST", MESSAGES, {"json": {"content": "x", "contents": "y"}}),
                ("an empty message", "POST", MESSAGES, {"json": {"content": ""}}),
                ("no JSON", "POST", MESSAGES, {"content": b"{"}),
                ("an unknown message", "PATCH", MESSAGE, {"message_id": "nobody", "json": {"content": "x"}}),
                ("a redacted message", "PATCH", MESSAGE, {"message_id": "given-m3", "json": {"content": "x"}}),
                ("nothing to change", "PATCH", ONE, {"json": {}}),
            ):
                await self.ask(f"{name}, {where}", method, template, at, **more)
            if self._edge:
                epoch = self.cursor.partition(".")[0]
                for after in (f"{epoch}.9999", "aaaaaaaaaa.3", "7", "nonsense"):
                    shown = after.replace(epoch, "epoch")
                    await self.ask(f"cursor {shown}, {where}", "GET", EVENTS, at, params={"after": after})

    async def _deleting(self) -> None:
        there = self.deployment.there
        waiting = asyncio.create_task(self._gone(there))
        await asyncio.sleep(0.1)
        await self.ask("deleting it", "DELETE", ONE)
        answer = await asyncio.wait_for(waiting, TIMEOUT)
        if answer is not None:
            self.record.answer("whoever waits, elsewhere", answer)
        for where, at in (("here", self.deployment.here), ("elsewhere", there)):
            for name, method, template, more in (
                ("sending to it", "POST", MESSAGES, {"json": {"content": "late"}}),
                ("its history, deleted", "GET", MESSAGES, {}),
                ("its state", "GET", ONE, {}),
                ("its connect", "POST", ONE + "/connect", {}),
                ("deleting it again", "DELETE", ONE, {}),
            ):
                await self.ask(f"{name}, {where}", method, template, at, **more)
        old, body = self.cursor, {"id": self.room, "title": "Anew"}
        self.cursor = (await self.ask("reviving it", "POST", "/v1/conversations", json=body))["cursor"]
        self._followed = "0"
        await self._follow("revived, elsewhere")
        await self.write("its first message", "POST", MESSAGES, json={"content": "Anew.", "message_id": "given-m1"})
        if self._edge:
            await self.ask("the old cursor, elsewhere", "GET", EVENTS, there, params={"after": old})
            await self.ask("the old token, elsewhere", "GET", EVENTS, there, **self._visitor)
            await self.ask("from the beginning, elsewhere", "GET", EVENTS, there)
        await self.ask("the new history, elsewhere", "GET", MESSAGES, there)

    async def _gone(self, at: Instance) -> httpx.Response | None:
        """Wait on it until it is not there any more; a change of mode ends a wait, too."""
        answer = None
        while self._edge and (answer is None or answer.status_code == 200):
            query = {"after": self.cursor, "wait": 10}
            answer = await self._call("waiting", "GET", EVENTS, at, params=query)
        return answer


def _by_name(devices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(devices, key=lambda device: str(device["device"]))


__all__ = ["Player"]
