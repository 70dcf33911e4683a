"""Who is in a room: metas by key, and what changed."""

from __future__ import annotations

import secrets
from typing import Any

_OURS = ("phx_ref", "phx_ref_prev")

Metas = dict[str, dict[str, list[dict[str, Any]]]]


class Presence:
    """The presences of one room. Each channel has at most one meta."""

    def __init__(self) -> None:
        self._by_channel: dict[object, tuple[str, dict[str, Any]]] = {}

    def state(self) -> Metas:
        """As `presence_state` tells it."""
        found: Metas = {}
        for key, meta in self._by_channel.values():
            found.setdefault(key, {"metas": []})["metas"].append(meta)
        return found

    def track(self, channel: object, key: str, payload: dict[str, Any]) -> dict[str, Metas] | None:
        """A presence came, or changed; the diff. Nothing changes by the same payload again."""
        before = self._by_channel.get(channel)
        if before is not None and payload == {k: v for k, v in before[1].items() if k not in _OURS}:
            return None
        meta = payload | {"phx_ref": secrets.token_urlsafe(9)}
        leaves: Metas = {}
        if before is not None:
            meta["phx_ref_prev"] = before[1]["phx_ref"]
            leaves = {before[0]: {"metas": [before[1]]}}
        self._by_channel[channel] = (key, meta)
        return {"joins": {key: {"metas": [meta]}}, "leaves": leaves}

    def untrack(self, channel: object) -> dict[str, Metas] | None:
        """Somebody left; the diff, if it was here."""
        before = self._by_channel.pop(channel, None)
        return None if before is None else {"joins": {}, "leaves": {before[0]: {"metas": [before[1]]}}}


__all__ = ["Metas", "Presence"]
