"""Other people's words in lines of our own: where a line ends, and characters that would be obeyed instead of read.

Pure. Transcripts and the command line use it, so that no content and no name can pass for something that the service or
somebody else said.
"""

from __future__ import annotations

import json
import re

_BREAK = re.compile("\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
"""Everything that some reader takes for the end of a line: what `str.splitlines` does."""

# Controls (tab and the line breaks aside), bidirectional embeddings, overrides and isolates, interlinear annotations,
# and the tag characters, which a person does not see and a language model reads.
_STEERING = "\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\U000e0000-\U000e007f"
# Without width or ink: what hides in a word, or makes two names look alike.
_UNSEEN = (
    "\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2060-\u2065\u206a-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0100-\U000e01ef"
)
# Persian, Indic scripts and others are not written without the two joiners.
_SCRIPT = "\u0600-\u180a\u180f-\u1fff"
# Emoji of several parts.
_EMOJI = "\u2190-\u27bf\ufe0f\U0001f000-\U0001faff"
_IN_SCRIPT = f"(?<=[{_SCRIPT}])[\u200c\u200d](?=[{_SCRIPT}])"
_IN_EMOJI = f"(?<=[{_EMOJI}])\u200d(?=[{_EMOJI}])|(?<=[0-9#*{_EMOJI}])[\ufe0e\ufe0f]"

_steering = re.compile(f"[{_STEERING}\ud800-\udfff]")
_any = re.compile(f"({_IN_SCRIPT})|[{_STEERING}{_UNSEEN}\ud800-\udfff]")
_but_emoji = re.compile(f"({_IN_SCRIPT}|{_IN_EMOJI})|[{_STEERING}{_UNSEEN}\ud800-\udfff]")
_breaks = re.compile(_BREAK.pattern + "|\t")


def lines(text: str) -> list[str]:
    """`text` at its line breaks, whichever they are; at least one line, and an empty last one where it ends in a
    break."""
    return _BREAK.split(text)


def inert(text: str) -> str:
    """`text` with what steers a terminal, turns the order of a line round or smuggles words written as escapes
    (`\\u001b`); what languages need stays. Line breaks stay, too: see `lines`."""
    return _steering.sub(escaped, text)


def visible(text: str, *, emoji: bool = False) -> str:
    """`inert`, and what has no width is shown as an escape as well, but for joiners inside the scripts that need them,
    and with `emoji` inside emoji: terminals do not agree how wide those are."""
    return (_but_emoji if emoji else _any).sub(lambda match: match[1] or escaped(match), text)


def quoted(text: str) -> str:
    """`text` as a JSON string on one line of its own, with nothing in it that cannot be seen."""
    return '"' + _breaks.sub(escaped, visible(text.replace("\\", "\\\\").replace('"', '\\"'))) + '"'


def escaped(match: re.Match[str]) -> str:
    """The one character that was found, as an escape of JSON's."""
    return json.dumps(match[0])[1:-1]


__all__ = ["escaped", "inert", "lines", "quoted", "visible"]
