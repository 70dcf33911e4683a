"""A record of answers in which what is drawn anew in each run has a name of its own, so that two runs compare."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

import httpx

DIFFERS = frozenset({"mode", "poll_after_ms", "offers"})
"""Fields that say how delivery works now, and so may differ from mode to mode. Nothing else may."""

SECRET = frozenset({"token"})
"""Fields that are drawn anew and say nothing."""

_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| UTC)")
_CURSOR = re.compile(r"([a-z2-7]{10})\.\d+")

GIVEN = re.compile(r"given-[a-z0-9-]+")
"""Ids of messages that the script chose. All others were drawn."""


class Record:
    """Answers by the name of the step, in order."""

    def __init__(self, room: str) -> None:
        self.steps: list[tuple[str, Any]] = []
        self.operations: set[tuple[str, str]] = set()
        self.modes: set[str] = set()
        """Modes that answers told of."""
        self._room = room
        self._drawn: set[str] = set()

    def answer(self, name: str, answer: httpx.Response) -> None:
        """Keep what a client could see of it."""
        kept = ("content-type", "cache-control", "retry-after")
        headers = {header: answer.headers[header] for header in kept if header in answer.headers}
        is_json = "json" in headers.get("content-type", "") and answer.content
        body = answer.json() if is_json else answer.text
        if isinstance(body, dict) and "mode" in body:
            self.modes.add(body["mode"])
        self.keep(name, {"status": answer.status_code, "headers": headers, "body": body})

    def keep(self, name: str, value: Any) -> None:
        """Keep something that is put together of several answers."""
        self.steps.append((name, self._plain(value)))

    def _plain(self, value: Any) -> Any:
        if isinstance(value, dict):
            self._drawn.update(_drawn(value))
            return {key: "…" if key in SECRET else self._plain(one) for key, one in value.items() if key not in DIFFERS}
        if isinstance(value, list):
            return [self._plain(one) for one in value]
        return _TIME.sub("TIME", value).replace(self._room, "ROOM") if isinstance(value, str) else value

    def told(self, only: Collection[str] | None = None) -> list[str]:
        """The steps (`only` those of these names) as text, in which what was drawn is #1, #2 and so on."""
        names: dict[str, str] = {}
        drawn = re.compile("|".join(sorted(map(re.escape, self._drawn), key=len, reverse=True)) or r"\Z.")

        def name(found: re.Match[str]) -> str:
            return names.setdefault(found[0], f"#{len(names) + 1}")

        return [
            f"{step}: {drawn.sub(name, json.dumps(value, ensure_ascii=False, sort_keys=True))}"
            for step, value in self.steps
            if only is None or step in only
        ]


def _drawn(body: dict[str, Any]) -> Iterator[str]:
    for key, value in body.items():
        if (
            (key == "message_id" and not GIVEN.fullmatch(value))
            or key == "person"
            or (key == "version" and isinstance(value, str))
        ):
            yield value
        elif key == "cursor" and (cursor := _CURSOR.fullmatch(value)):
            yield cursor[1]


def assert_same(wanted: Record, found: Record, *, only_common: bool = False) -> None:
    """Fails with what is not the same. `only_common` leaves out the steps that `found` cannot have."""
    expected, told = wanted.told({name for name, _ in found.steps} if only_common else None), found.told()
    said = [f"wanted {one}\nfound  {other}" for one, other in zip(expected, told, strict=False) if one != other]
    assert not said, "\n".join(["the answers differ:", *said])
    assert len(expected) == len(told)


__all__ = ["DIFFERS", "Record", "assert_same"]
