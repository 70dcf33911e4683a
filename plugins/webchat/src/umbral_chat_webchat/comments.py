"""Modules and style sheets without their comments, which are for those who read them in the package: half of what would
be sent."""

from __future__ import annotations

from collections.abc import Iterator


def without_comments(text: str) -> str:
    """The text without the comments that have lines of their own, and without empty lines.

    A comment beside code stays, and so does one that begins with `/*!`: a licence. It goes by lines, so no template
    literal may have several; a test holds that.
    """
    return "".join(f"{line}\n" for line in _code(text.splitlines()))


def _code(lines: list[str]) -> Iterator[str]:
    inside = False
    for line in lines:
        words = line.strip()
        if inside:
            inside = not words.endswith("*/")
        elif words.startswith("/*") and not words.startswith("/*!"):
            if "*/" not in words:
                inside = True
            elif words.index("*/") < len(words) - 2:
                yield line  # code follows on its line, as after the type of an expression
        elif words and not words.startswith("//"):
            yield line


__all__ = ["without_comments"]
