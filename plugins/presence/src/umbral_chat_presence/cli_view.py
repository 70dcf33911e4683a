"""A presence response as styled lines for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from umbral_chat.commands import moment, one_line

if TYPE_CHECKING:
    from rich.text import Text


class Here(msgspec.Struct):
    """The one field that every presence response has."""

    count: int


STYLES = {"online": "green", "away": "yellow", "busy": "red"}


def lines(answer: Any) -> Iterator[Text]:
    """The number of people present, each person, then who left recently. Fields of a newer service are left out."""
    from rich.text import Text

    known = answer if isinstance(answer, dict) else {}
    yield Text(_counted(known), "bold")
    typing = [each.get("person") for each in _rows(known, "typing")]
    people = _rows(known, "people")
    for person in people:
        yield _person(person, types=person.get("person") in typing)
    shown = {person.get("person") for person in people}
    for person in _rows(known, "typing"):
        if person.get("person") not in shown:
            yield Text.assemble("  ", _name(person), ("  types", "cyan"))
    for person in _rows(known, "last_seen"):
        yield Text.assemble("  ", _name(person), f"  last seen {moment(str(person.get('last_seen', '')))}", style="dim")


def _counted(known: dict[str, Any]) -> str:
    count = known.get("count")
    if not count:
        return "Nobody is here."
    counts = known.get("counts")
    roles = [f"{many} {role}" for role, many in counts.items() if many] if isinstance(counts, dict) else []
    unnamed = "" if known.get("listed", True) else ": too many to be named"
    return one_line(f"{count} here ({', '.join(roles)}){unnamed}", 200)


def _person(person: dict[str, Any], *, types: bool) -> Text:
    from rich.text import Text

    status = one_line(str(person.get("status", "?")), 20)
    line = Text.assemble(
        "  ",
        _name(person),
        "  ",
        (status, STYLES.get(status, "")),
        (f"  since {moment(str(person.get('since', '')))}", "dim"),
        ("  types" if types else "", "cyan"),
    )
    devices = [_device(each, status) for each in _rows(person, "devices")]
    return line.append(f"  on {', '.join(devices)}", "dim") if devices else line


def _device(device: dict[str, Any], status: str) -> str:
    own = one_line(str(device.get("status", "")), 20)
    name = one_line(str(device.get("device", "?")), 64)
    return name if own == status else f"{name} ({own})"


def _name(person: dict[str, Any]) -> str:
    role = one_line(str(person.get("role", "?")), 20)
    name, own = person.get("name"), person.get("id")
    words = [one_line(str(name), 100)] if name else []
    words += [f"({one_line(str(own), 128)})"] if own else []
    return f"{role} {' '.join(words)}" if words else f"{role} {one_line(str(person.get('person', '')), 64)}"


def _rows(known: dict[str, Any], field: str) -> list[dict[str, Any]]:
    rows = known.get(field)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


__all__ = ["Here", "lines"]
