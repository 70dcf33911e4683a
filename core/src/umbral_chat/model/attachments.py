"""Attachments: files of a message, with or without text, which its metadata refers to.

`metadata.attachments` is a list of objects, each with the `url` of a file or the `id` under which its sender keeps it,
and, as far as they are known, `name`, `type` (a media type) and `size` (bytes). The service stores the references,
never the files. Further members are allowed; a value of another shape is metadata like any other.
"""

from __future__ import annotations

from typing import Any

NAMED = 10
"""Attachments that are named where a message is written as text."""

NAME_SHOWN = 80
"""Characters of a name that are shown there."""


def attachments(metadata: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The attachments that `metadata` refers to; none if any item of the list is not a reference."""
    found = metadata.get("attachments") if isinstance(metadata, dict) else None
    if not isinstance(found, list):
        return []
    return found if all(map(_refers, found)) else []


def in_words(metadata: dict[str, Any] | None) -> str:
    """The attachments as one line of text, `[photo.jpg, image/png]`, for a message without text where only text is
    possible, such as a prompt; empty without attachments."""
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
            # Its sender chose it: line breaks and control characters are removed.
            shown = " ".join("".join(each if each.isprintable() else " " for each in value).split())[:NAME_SHOWN]
            if shown:
                return shown
    return "attachment"


__all__ = ["attachments", "in_words"]
