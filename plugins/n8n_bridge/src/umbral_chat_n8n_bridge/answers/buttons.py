"""Buttons of n8n: a message of the form `with-buttons`, and how it stands in the log. Pure.

n8n's Chat node that waits for an approval sends (2.41): `{"type": "with-buttons", "text", "blockUserInput", "buttons":
[{"text", "link", "type"}]}`. A click is a GET of `link` by the visitor's browser, which resumes the execution.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from umbral_chat_n8n_bridge.answers.segments import usable

BUTTONS = "umbral_buttons"
"""Member of a message's metadata: its buttons, each `{"text", "link", "type"}`, of which `type` is `primary` or
`secondary`."""

INPUT_BLOCKED = "umbral_input_blocked"
"""Member of a message's metadata: true where n8n takes only a click of one of the buttons, and no text."""

MOST_BUTTONS = 5
"""Buttons of one message: a Chat node has two."""

LINK_LIMIT, LABEL_LIMIT = 1_000, 200
"""Characters of a link and of a button's text: all buttons fit in the metadata of a message."""

_BEGIN = '{"type":"with-buttons"'


class SaidMessage(NamedTuple):
    """A message as it is logged."""

    content: str
    metadata: Mapping[str, Any] = MappingProxyType({})
    """What its metadata has beside the run."""

    @property
    def blocked(self) -> bool:
        """Whether n8n takes only a click."""
        return self.metadata.get(INPUT_BLOCKED) is True


def said_message(text: str) -> SaidMessage:
    """The message that n8n says with `text`, which is plain, or one with buttons as JSON. What is not whole, or has
    links that are no web addresses, is plain text: nothing is shown as a button that a browser must not open."""
    if not may_have_buttons(text):
        return SaidMessage(text)
    try:
        value = _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return SaidMessage(text)
    buttons = [_Shown(one.text, one.link, one.type) for one in value.buttons]
    content = usable(value.text)
    if not content.strip() or not buttons or len(buttons) > MOST_BUTTONS or not all(map(_is_usable, buttons)):
        return SaidMessage(text)
    metadata: dict[str, Any] = {BUTTONS: [one._asdict() for one in buttons]}
    return SaidMessage(content, metadata | ({INPUT_BLOCKED: True} if value.blocks else {}))


def widget_text(content: str, metadata: Mapping[str, Any] | None) -> str:
    """A message as n8n's widget takes it in a stream: with its buttons, if it has any, as n8n sent them."""
    buttons = (metadata or {}).get(BUTTONS)
    if not buttons:
        return content
    blocked = (metadata or {}).get(INPUT_BLOCKED) is True
    value = {"type": "with-buttons", "text": content, "blockUserInput": blocked, "buttons": buttons}
    return msgspec.json.encode(value).decode()


def may_have_buttons(text: str) -> bool:
    """Whether a text, or what there is of it yet, begins as one with buttons: it is not shown while it grows."""
    begin = "".join(text[: 4 * len(_BEGIN)].split())[: len(_BEGIN)]
    return bool(begin) and _BEGIN.startswith(begin)


class _Shown(NamedTuple):
    text: str
    link: str
    type: str


class _Button(msgspec.Struct, frozen=True):
    text: str
    link: str
    type: str = "primary"


class _WithButtons(msgspec.Struct, frozen=True, tag_field="type", tag="with-buttons"):
    text: str
    buttons: list[_Button]
    blocks: bool = msgspec.field(name="blockUserInput", default=False)


_decoder = msgspec.json.Decoder(_WithButtons)


def _is_usable(button: _Shown) -> bool:
    if not button.text.strip() or not button.text.isprintable() or button.type not in {"primary", "secondary"}:
        return False
    if len(button.text) > LABEL_LIMIT or len(button.link) > LINK_LIMIT or not button.link.isascii():
        return False
    try:
        parts = urlsplit(button.link)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and button.link.isprintable()
    except ValueError:
        return False


__all__ = ["BUTTONS", "INPUT_BLOCKED", "MOST_BUTTONS", "SaidMessage", "may_have_buttons", "said_message", "widget_text"]
