"""The presence of one topic: metas by key, and diffs."""

from __future__ import annotations

import secrets
from typing import Any

_SERVER_FIELDS = ("phx_ref", "phx_ref_prev")

Metas = dict[str, dict[str, list[dict[str, Any]]]]


class Presence:
    """The presences of one topic. Each channel has at most one meta."""

    def __init__(self) -> None:
        self._by_channel: dict[object, tuple[str, dict[str, Any]]] = {}

    def state(self) -> Metas:
        """The payload of `presence_state`."""
        found: Metas = {}
        for key, meta in self._by_channel.values():
            found.setdefault(key, {"metas": []})["metas"].append(meta)
        return found

    def track(self, channel: object, key: str, payload: dict[str, Any]) -> dict[str, Metas] | None:
        """Add or update a presence; the diff, None for the same payload again."""
        before = self._by_channel.get(channel)
        if before is not None and payload == {k: v for k, v in before[1].items() if k not in _SERVER_FIELDS}:
            return None
        meta = payload | {"phx_ref": secrets.token_urlsafe(9)}
        leaves: Metas = {}
        if before is not None:
            meta["phx_ref_prev"] = before[1]["phx_ref"]
            leaves = {before[0]: {"metas": [before[1]]}}
        self._by_channel[channel] = (key, meta)
        return {"joins": {key: {"metas": [meta]}}, "leaves": leaves}

    def untrack(self, channel: object) -> dict[str, Metas] | None:
        """Remove a presence; the diff, None if there was none."""
        before = self._by_channel.pop(channel, None)
        return None if before is None else {"joins": {}, "leaves": {before[0]: {"metas": [before[1]]}}}


__all__ = ["Metas", "Presence"]
