"""A sender: one message after the other, each until it is answered or given up, with repeats that were not needed."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

from .facts import Acknowledgement, Sent, item_of
from .http1 import Answer, Connection, NoAnswer
from .run import Flight, Run

HANG_UP = 0.01  # share of sends whose first try hangs up before the answer
TWIN = 0.01  # share of sends that are sent twice at the same moment, on two connections
REPEAT = 0.06  # share of acknowledged sends after which an old or the newest one is sent again
GIVE_UP = 0.15  # share of lost answers after which the message is never tried again
PAUSE = 0.02  # seconds between tries while the service is down

# Many scripts, quotes, line ends, separators that JavaScript once choked on, and characters outside the BMP.
TEXT = (
    "Straße 'x' \"y\" \\ / \t\r\n{}[] <b>&amp; смелость 你好世界 こんにちは 안녕 שלום مرحبا हिन्दी বাংলা ไทย தமிழ் "
    "👩‍👩‍👧‍👦🏳️‍🌈 "
    "\u2028\u2029\u0085\u200d\ufeff\ufffd e\u0301 𝔘𝔪𝔟𝔯𝔞𝔩 "
) * 400


class Sender:
    """Sends `share` messages, spread over the run's conversations."""

    def __init__(self, run: Run, number: int, share: int) -> None:
        self._run = run
        self._name = f"s{number}"
        self._share = share
        self._random = random.Random(f"{run.plan.seed}/{self._name}")
        self._instance, self._next = run.instance(number), run.instance(number + 1)
        self._names = run.written_through(self._instance)
        self._connection = run.connection(self._instance)
        self._other = run.connection(self._next)
        self._acknowledged: list[Sent] = []
        self._hit: int | None = None  # the kill that cost the current message an answer

    async def work(self) -> None:
        """Send the whole share."""
        self._run.sending += 1
        try:
            await self._work()
        finally:
            self._run.sending -= 1
            self.close()

    def close(self) -> None:
        """Drop the connections."""
        self._connection.close()
        self._other.close()

    async def send_one(self, conversation: str) -> bool:
        """Send one message more, to this conversation, until it is acknowledged; False: it is refused for good."""
        sent = self._draw(self._share, conversation)
        self._share += 1
        self._run.facts.sent[sent.key] = sent
        return await self._deliver(sent, give_up=0.0)

    async def _work(self) -> None:
        draw = self._random
        for number in range(self._share):
            await self._run.turn(self._share - number)
            sent = self._draw(number)
            self._run.facts.sent[sent.key] = sent
            self._hit = None
            if draw.random() < TWIN and sent.conversation in self._run.written_through(self._next):
                tries = self._try(self._connection, sent), self._try(self._other, sent)
                self._run.repeats += 1
                done = any(await asyncio.gather(*tries))
            elif draw.random() < HANG_UP:
                done = await self._try(self._connection, sent, timeout=draw.uniform(0.0, 0.004))
                self._run.hung_up += not done
            else:
                done = False
            if not done and not await self._deliver(sent):
                continue
            self._acknowledged.append(sent)
            if draw.random() < REPEAT:
                again = sent if draw.random() < 0.3 else draw.choice(self._acknowledged)
                self._run.repeats += 1
                await self._deliver(again, give_up=0.0)

    async def _deliver(self, sent: Sent, *, give_up: float = GIVE_UP) -> bool:
        """Try until it is acknowledged. False: given up after a lost answer, or refused for good."""
        while True:
            flight = Flight(sent.key)
            answer = await self._ask(self._connection, sent, flight)
            unknown = answer is None or (answer.status == 503 and flight.kill is not None)
            if unknown and flight.written_at is not None:
                if self._random.random() < give_up:
                    self._run.given_up += 1
                    return False
                self._run.repeats += 1
            elif answer is not None and answer.status == 503:
                self._run.refused += 1
            elif answer is not None:
                return self._judge(sent, answer, flight)
            await asyncio.sleep(PAUSE * self._random.uniform(0.5, 1.5))

    async def _try(self, connection: Connection, sent: Sent, timeout: float = 60.0) -> bool:
        """One try; True when it was acknowledged."""
        flight = Flight(sent.key)
        answer = await self._ask(connection, sent, flight, timeout)
        return answer is not None and answer.status != 503 and self._judge(sent, answer, flight)

    async def _ask(self, connection: Connection, sent: Sent, flight: Flight, timeout: float = 60.0) -> Answer | None:
        body, headers = self._request(sent)
        instance = self._next if connection is self._other else self._instance
        self._run.facts.through.setdefault(sent.key, set()).add(instance)
        try:
            await connection.open()
            flight.written_at = time.monotonic()
            self._run.flights.add(flight)
            path = f"/v1/conversations/{sent.conversation}/messages"
            answer = await connection.ask("POST", path, body, headers=headers, timeout=timeout)
        except NoAnswer:
            answer = None
        finally:
            self._run.flights.discard(flight)
        if flight.kill is not None and (answer is None or answer.status == 503):
            if sent.key not in self._run.acknowledged_at:  # else its repeat shows nothing of this moment
                self._hit = flight.kill
            self._run.kills[flight.kill].lost += 1
        return answer

    def _request(self, sent: Sent) -> tuple[dict[str, Any], dict[str, str]]:
        """The key is in the header, in the body or in both: to the service it is the same."""
        body: dict[str, Any] = {"content": sent.content, "sender": {"role": "user", "id": sent.sender}}
        form = self._random.choice(["header", "body", "both"])
        if form != "header":
            body["client_id"] = sent.key
        return body, {"Idempotency-Key": sent.key} if form != "body" else {}

    def _judge(self, sent: Sent, answer: Answer, flight: Flight) -> bool:
        try:
            body = answer.json()
            created, item = body["created"], item_of(body["entry"])
        except (ValueError, KeyError, TypeError):
            created, item = None, None
        if item is None or (answer.status, created) not in {(201, True), (200, False)}:
            self._run.surprise(f"send {sent.key} was answered {answer.status}: {answer.body[:300]!r}")
            return False
        if self._hit is not None:
            self._run.kills[self._hit].unstored += created
            self._run.kills[self._hit].stored += not created
            self._hit = None
        self._run.acknowledge(Acknowledgement(sent.key, created, item), flight)
        return True

    def _draw(self, number: int, conversation: str | None = None) -> Sent:
        draw = self._random
        kind = draw.random()
        length = 31_900 if kind < 0.0003 else draw.randint(1_000, 5_000) if kind < 0.01 else draw.randint(0, 300)
        start = draw.randrange(len(TEXT) - length)
        key = f"{self._name}-{number}"
        conversation = conversation or draw.choice(self._names)
        return Sent(key, conversation, self._name, number, f"{key} {TEXT[start : start + length]}")


__all__ = ["Sender"]
