"""`bench/RESULTS.md`: the tables of several runs, of which each replaces its own."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

RESULTS = Path(__file__).with_name("RESULTS.md")

Part = Literal["requests", "streams", "pages"]

PARTS: tuple[Part, ...] = ("requests", "streams", "pages")


def write(part: Part, text: str) -> None:
    """Replace the tables of `part`, and keep the others'."""
    known = _parts(RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else "")
    known[part] = text.strip("\n")
    bodies = [f"{_marker(one)}\n\n{known[one]}\n" for one in PARTS if one in known]
    RESULTS.write_text("# Bench results\n\n" + "\n".join(bodies), encoding="utf-8")


def _marker(part: Part) -> str:
    return f"<!-- {part} -->"


def _parts(text: str) -> dict[Part, str]:
    found: dict[Part, str] = {}
    for part in PARTS:
        _, marker, rest = text.partition(_marker(part))
        if marker:
            found[part] = rest.partition("<!-- ")[0].strip("\n")
    return found


__all__ = ["Part", "write"]
