"""Whether the plan's messages a second are used up: what Realtime is silent for then is not replication's doing."""

from __future__ import annotations

import httpx

from umbral_chat_realtime_supabase.doctor.project import Project
from umbral_chat_realtime_supabase.doctor.visitors import admin

RATE_MEND = (
    "Every client of the project shares them, and Realtime drops what the database broadcasts meanwhile without a "
    "word: dashboard → Reports → Realtime. Fewer listeners and instances, or a larger plan; "
    "umbral_chat.supabase.realtime.messages counts an instance's share."
)


async def used_up(project: Project, topic: str) -> str | None:
    """Whether they are, in words: Realtime says so to who broadcasts over HTTP, and to nobody else. `topic` is one that
    nobody minds."""
    message = {"topic": topic, "event": "rate", "payload": {}, "private": True}
    try:
        async with project.http() as http:
            headers, body = admin(project), {"messages": [message]}
            answer = await http.post("/realtime/v1/api/broadcast", headers=headers, json=body)
    except httpx.HTTPError:
        return None
    if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
        return None
    limit = answer.headers.get("x-rate-limit", "")
    return f"the plan's messages a second are used up{f' ({limit} a second)' if limit.isdigit() else ''}"


__all__ = ["RATE_MEND", "used_up"]
