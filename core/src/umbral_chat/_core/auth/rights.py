"""The rights as data: what each means, and the page that says which route needs which."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, TypeGuard, get_args

from umbral_chat.providers.auth import Right

MEANINGS: Final[Mapping[Right, str]] = MappingProxyType(
    {
        "read": "Read a conversation: its state, history, events and transcript; move one's read marker.",
        "send": "Write messages and drafts as the caller itself; edit and redact the caller's own messages.",
        "send_as": "Write as any sender, with any role.",
        "moderate": "Edit and redact the messages of others.",
        "manage": "Create, update and delete conversations and their members.",
        "inbox": "List all conversations.",
        "tokens": "Issue conversation tokens, which carry `read` and `send`; with `send_as` also for roles other than "
        "the caller's own.",
        "status": "See the service's status: its plugins, transports and counters.",
        "admin": "Switch realtime on and off.",
        "metrics": "Read the metrics.",
        "last_seen": "See when people were last in a conversation.",
        "import": "Write entries with the time that they had elsewhere, to move a history; marked as imported.",
        "subscribe": "Make, change and delete subscriptions, and claim: the entries of all conversations.",
    }
)

ALL_RIGHTS: Final[frozenset[Right]] = frozenset(get_args(Right))

TOKEN_RIGHTS: Final[frozenset[Right]] = frozenset({"read", "send"})
"""What a conversation token may carry: it sits in a visitor's browser."""

PUBLIC: Final = "public"
"""What a route names in place of a right when every caller may use it. It has to be named: a route without a right is
an error, not an open one."""


def is_right(name: object) -> TypeGuard[Right]:
    """Whether `name` is the name of a right."""
    return isinstance(name, str) and name in ALL_RIGHTS


def expand(names: Iterable[str]) -> frozenset[Right]:
    """The rights that a setting's list names; `*` is all of them.

    Raises ValueError on an unknown name: the message names it and the nearest known one.
    """
    rights: set[Right] = set()
    for name in names:
        if name == "*":
            rights |= ALL_RIGHTS
        elif is_right(name):
            rights.add(name)
        else:
            near = difflib.get_close_matches(name, sorted(ALL_RIGHTS), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(ALL_RIGHTS))}, and *."
            raise ValueError(f"{name!r} is not a right: {hint}")
    return frozenset(rights)


def render(routes: Iterable[tuple[str, str, str, str]]) -> str:
    """The text of `docs/reference/rights.md`, from (method, path, right or PUBLIC, summary) of every route.

    The order of `routes` does not matter. Raises ValueError for a route whose right is not known.
    """
    lines = [
        "# Rights",
        "",
        "Generated from the code, and checked by a test. Every route names its right; everything else is denied.",
        "",
        "| right | meaning | conversation tokens |",
        "| --- | --- | --- |",
    ]
    lines += [f"| `{name}` | {text} | {'yes' if name in TOKEN_RIGHTS else 'no'} |" for name, text in MEANINGS.items()]
    lines += ["", "## By route", "", "| method | path | right | what it does |", "| --- | --- | --- | --- |"]
    for path, method, right, summary in sorted((path, method, *rest) for method, path, *rest in routes):
        if right != PUBLIC and not is_right(right):
            raise ValueError(f"{method} {path} names the right {right!r}, which is not known.")
        shown = "none: open to all" if right == PUBLIC else f"`{right}`"
        lines.append(f"| {method} | `{path}` | {shown} | {_cell(summary)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


__all__ = ["ALL_RIGHTS", "MEANINGS", "PUBLIC", "TOKEN_RIGHTS", "expand", "is_right", "render"]
