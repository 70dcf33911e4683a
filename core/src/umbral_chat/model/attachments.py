"""Attachments: what a message has instead of text, or beside it, by reference in its metadata.

`metadata.attachments` is a list of objects, each with the `url` of a file or the `id` under which its sender keeps it,
and, as far as they are known, `name`, `type` (a media type) and `size` (bytes). The service keeps the references and
never the files. More members are allowed; what is no such list is metadata like any other.
"""

from __future__ import annotations

from typing import Any

NAMED = 10
"""Attachments that are named where a message is written as text."""

NAME_SHOWN = 80
"""Characters of a name that are shown there."""


def attachments(metadata: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The attachments that `metadata` refers to; none where one of the list is no reference."""
    found = metadata.get("attachments") if isinstance(metadata, dict) else None
    if not isinstance(found, list):
        return []
    return found if all(map(_refers, found)) else []


def in_words(metadata: dict[str, Any] | None) -> str:
    """What stands for a message without text where only text can stand, such as a prompt: `[photo.jpg, image/png]`, on
    one line; empty without attachments."""
    found = attachments(metadata)
    if not found:
        return ""
    names = [_named(one) for one in found[:NAMED]]
    if len(found) > NAMED:
        names.append(f"and {len(found) - NAMED} more")
    return f"[{', '.join(names)}]"


def _refers(one: object) -> bool:
    return isinstance(one, dict) and any(isinstance(one.get(key), str) and one[key] for key in ("url", "id"))


def _named(one: dict[str, Any]) -> str:
    for key in ("name", "type"):
        if isinstance(value := one.get(key), str):
            # Its sender chose it: no line break and no control character may come of it.
            shown = " ".join("".join(each if each.isprintable() else " " for each in value).split())[:NAME_SHOWN]
            if shown:
                return shown
    return "attachment"


__all__ = ["attachments", "in_words"]
