"""The receiver: it judges signatures by the judge, fails as it is asked to, and has mercy."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from tests.labs.kit.http1 import Connection, NoAnswer

from .observations import Observations
from .plan import KINDS, MERCY, Kind
from .receiver import ELSEWHERE, Receiver

SECRET = "whsec_bGFiLXNlY3JldC1sYWItc2VjcmV0LTAx"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver(Observations(), random.Random(1), {"push": {"m9": "error"}}, {"push": SECRET})
    await made.listen()
    yield made
    await made.close()


async def post(receiver: Receiver, key: str, *, secret: str = SECRET, path: str = "/push", wait: float = 5.0) -> int:
    """The status that a correctly built event is answered with. Raises NoAnswer."""
    entry = {"kind": "message", "content": f"{key} text"}
    event = {"id": f"id-{key}", "type": "entry", "conversation": "room", "cursor": "aaaaaaaaaa.1", "entry": entry}
    now = datetime.now(UTC)
    # `Connection` encodes it in the same way.
    data = json.dumps(event, ensure_ascii=False)
    headers = {
        "webhook-id": event["id"],
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(str(event["id"]), now, data),
    }
    connection = Connection("127.0.0.1", receiver.port)
    try:
        sent = {name: str(value) for name, value in headers.items()}
        return (await connection.ask("POST", path, event, headers=sent, timeout=wait)).status
    finally:
        connection.close()


async def test_a_request_is_taken_and_its_signature_judged(receiver: Receiver) -> None:
    assert await post(receiver, "m1") == 200
    assert await post(receiver, "m2", secret="whsec_b3RoZXItc2VjcmV0LW90aGVyLXNlY3JldA==") == 200
    one, other = receiver.observed.deliveries
    assert (one.event.key, one.webhook_id, one.signed) == ("m1", "id-m1", True)
    assert one.answered is not None
    assert not other.signed


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in {"slow", "gone"}])
async def test_a_fault_fails_a_few_times_on_an_entry_and_then_takes_it(receiver: Receiver, kind: Kind) -> None:
    receiver.failing = kind
    for _ in range(MERCY):
        try:
            status = await post(receiver, "m1", wait=0.3)
        except NoAnswer:
            assert kind in {"cut", "cut_late", "mute"}
        else:
            assert status >= 300
            assert status != 410
    assert await post(receiver, "m1") == 200
    assert receiver.hits[kind] == MERCY
    assert [one.answered is None for one in receiver.observed.deliveries] == [True] * MERCY + [False]


async def test_some_are_never_taken_until_it_is_mended(receiver: Receiver) -> None:
    for _ in range(MERCY + 2):
        assert await post(receiver, "m9") >= 400
    receiver.mend()
    assert await post(receiver, "m9") == 200


async def test_it_can_be_gone(receiver: Receiver) -> None:
    port = receiver.port
    receiver.leave()
    with pytest.raises(NoAnswer):
        await post(receiver, "m1")
    await receiver.listen()
    assert receiver.port == port
    assert await post(receiver, "m1") == 200


async def test_who_follows_a_redirect_is_noted(receiver: Receiver) -> None:
    receiver.failing = "redirect"
    assert 300 < await post(receiver, "m1") < 400
    await post(receiver, "m1", path=ELSEWHERE)
    assert receiver.observed.followed == [f"POST {ELSEWHERE}"]
