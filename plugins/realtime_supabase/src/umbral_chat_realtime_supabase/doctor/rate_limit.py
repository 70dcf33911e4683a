"""Whether the plan's messages a second are used up. Realtime then drops broadcasts, and replication is not at fault."""

from __future__ import annotations

import httpx

from umbral_chat_realtime_supabase.doctor.project import Project

RATE_MEND = (
    "Every client of the project shares them, and Realtime drops what the database broadcasts meanwhile without a "
    "word: dashboard → Reports → Realtime. Fewer listeners and instances, or a larger plan; "
    "umbral_chat.supabase.realtime.messages counts an instance's share."
)


async def rate_used_up(project: Project, topic: str) -> str | None:
    """A text that says that they are used up, or None. Realtime reports it only to a caller that broadcasts over HTTP.
    `topic` is one that no client joins."""
    message = {"topic": topic, "event": "rate", "payload": {}, "private": True}
    try:
        async with project.http() as http:
            headers, body = project.admin_headers(), {"messages": [message]}
            answer = await http.post("/realtime/v1/api/broadcast", headers=headers, json=body)
    except httpx.HTTPError:
        return None
    if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
        return None
    limit = answer.headers.get("x-rate-limit", "")
    return f"the plan's messages a second are used up{f' ({limit} a second)' if limit.isdigit() else ''}"


__all__ = ["RATE_MEND", "rate_used_up"]
