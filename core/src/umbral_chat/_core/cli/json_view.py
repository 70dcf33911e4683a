"""Any JSON value as indented lines for people: a newer service may send members that this command does not know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from umbral_chat._core.cli.output import moment, one_line, to_json

if TYPE_CHECKING:
    from rich.text import Text

STATES = {
    **dict.fromkeys(("live", "ok", "active", "true"), "green"),
    **dict.fromkeys(("connecting", "degraded", "polling"), "yellow"),
    **dict.fromkeys(("down", "broken", "incompatible", "false"), "red"),
    **dict.fromkeys(("off", "disabled", "none"), "dim"),
}

UNLABELLED = ("name", "state")
"""Members of a list item that are shown first and without a label."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT")


def render_json(value: Any, depth: int = 0) -> Iterator[Text]:
    """One line for each leaf, `name  value`; nested values are indented below their name."""
    from rich.text import Text

    indent = "  " * depth
    match value:
        case dict():
            width = max((len(str(name)) for name, inner in value.items() if _flat(inner)), default=0)
            for name, inner in value.items():
                if _flat(inner):
                    yield Text.assemble(indent, (one_line(str(name), 60).ljust(width), "dim"), "  ", _leaf(inner))
                else:
                    yield Text.assemble(indent, (one_line(str(name), 60), "bold"))
                    yield from render_json(inner, depth + 1)
        case list():
            for inner in value:
                yield _row(indent, inner)
        case _:
            yield Text.assemble(indent, _leaf(value))


def _flat(value: Any) -> bool:
    return not value or not isinstance(value, dict | list) or (isinstance(value, list) and all(map(_plain, value)))


def _plain(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _leaf(value: Any) -> Text:
    from rich.text import Text

    if isinstance(value, list):
        return Text(", ".join(_value_text(inner) for inner in value) or "none", style="" if value else "dim")
    text = _value_text(value)
    return Text(text, style=STATES.get(text, ""))


def _row(indent: str, value: Any) -> Text:
    """One item of a list on one line: its name first, then its state, then the rest."""
    from rich.text import Text

    if not isinstance(value, dict):
        return Text.assemble(indent, _leaf(value))
    leaves = sorted(
        _leaves(value), key=lambda leaf: UNLABELLED.index(leaf[0]) if leaf[0] in UNLABELLED else len(UNLABELLED)
    )
    row = Text(indent)
    for name, inner in leaves:
        label = "" if name in UNLABELLED else f"{one_line(name, 60)}="
        row.append_text(Text.assemble("  " if len(row) > len(indent) else "", (label, "dim"), _leaf(inner)))
    return row


def _leaves(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The members of a list item that are not empty; those of a nested object stand beside them."""
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from ((str(key), one) for key, one in inner.items() if one not in (None, [], {}))
        elif inner not in (None, []):
            yield str(name), inner


def _value_text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, str) and _TIME.match(value):
        return moment(value)
    return one_line(value if isinstance(value, str) else to_json(value), 300)


__all__ = ["render_json"]
