"""What a server says, as text, for tests that have none."""

from __future__ import annotations

import json
from typing import Any

from umbral_chat_realtime_supabase.live.phoenix_protocol import PhoenixProtocol

TOPICS = ["umbral_chat:i:me", *(f"umbral_chat:s:{shard}" for shard in range(4))]


def frame(topic: str, event: str, payload: Any, ref: str | None = None, join_ref: str | None = None) -> str:
    """A frame of version 1.0.0, to the letter of the documented ones."""
    given = {"topic": f"realtime:{topic}", "event": event, "payload": payload, "ref": ref}
    return json.dumps(given if join_ref is None else given | {"join_ref": join_ref})


def joined(topic: str, ref: str) -> str:
    """A join's answer."""
    return frame(topic, "phx_reply", {"status": "ok", "response": {"postgres_changes": []}}, ref)


def refused(topic: str, ref: str, reason: str) -> str:
    """A join that is refused."""
    return frame(topic, "phx_reply", {"status": "error", "response": {"reason": reason}}, ref)


def system(topic: str, status: str, message: str) -> str:
    """What the server says of a channel."""
    return frame(
        topic, "system", {"extension": "system", "status": status, "message": message, "channel": topic}, join_ref="1"
    )


def broadcast(topic: str, event: str, payload: Any) -> str:
    """A broadcast of the database, with the id that those carry."""
    message = {"type": "broadcast", "event": event, "payload": payload, "meta": {"id": "6f9619ff"}}
    return frame(topic, "broadcast", message)


def said(link: PhoenixProtocol) -> list[dict[str, Any]]:
    """What the link wants to send, taken."""
    frames = [json.loads(data) for data in link.outgoing]
    link.outgoing.clear()
    return frames


def bring_up(link: PhoenixProtocol, now: float, *, announced: bool = True) -> None:
    """Answer every join."""
    while joins := [each for each in said(link) if each["event"] == "phx_join"]:
        for each in joins:
            link.receive(joined(each["topic"].removeprefix("realtime:"), each["ref"]), now)
    if announced:
        link.receive(system(TOPICS[0], "ok", "Replication connection established"), now)


__all__ = ["TOPICS", "bring_up", "broadcast", "frame", "joined", "refused", "said", "system"]
