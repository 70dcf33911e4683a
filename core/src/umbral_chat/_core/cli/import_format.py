"""The lines of an import, each turned into the requests that store it (pure).

A line is a message as people write it, `{"conversation", "content", "role" | "sender", …}`, an entry as `export` wrote
it, `{"conversation", "kind", "seq", …}`, or a conversation in which nothing was said, `{"conversation", "kind":
"conversation"}`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import UNSET

from umbral_chat._core.cli.client import conversation_path
from umbral_chat._core.cli.shapes import MadeShape, WrittenShape
from umbral_chat.errors import InvalidRequest, UmbralChatError
from umbral_chat.model.attachments import attachments
from umbral_chat.model.depth import DEEPEST, is_deeper
from umbral_chat.model.entries import Edit, Entry, Message, Redaction, Role, Sender, Update
from umbral_chat.model.ids import check_conversation_id
from umbral_chat.model.validation import check_message_id

LINE_DEPTH = DEEPEST + 1
"""Levels of a line: what `export` wrote of an update is in one object more than the request that made it. Which depth
the service takes is its own setting, and it says so of each line that is deeper."""


class BadLine(UmbralChatError):
    """A line cannot be imported; the message says why."""


class PlainLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message as people write it."""

    conversation: str
    content: str = ""
    role: Role | None = None
    sender: Sender | None = None
    client_id: str | None = None
    message_id: str | None = None
    reply_to: str | None = None
    metadata: dict[str, Any] | None = None
    at: datetime | None = None
    """When it was said; sent only where times are kept."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a line. Repeated, with its key, it stores nothing new."""

    method: str
    path: str
    body: dict[str, Any]
    key: str | None
    shape: type = WrittenShape
    """The least that its answer holds."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a line asks for: requests in order, or none and the reason. `restored`: it is of an export, so that a
    message id which is already taken is most likely this very message."""

    line: int
    conversation: str
    requests: tuple[Request, ...] = ()
    skipped: str = ""
    restored: bool = False
    becomes: str = "stored"
    """How the line is counted when it went well."""


class Planner:
    """Turns lines into steps, in the order of the file.

    Every request's key is drawn from what the line says, not from where it stands, so that an import of the same file,
    longer by then, repeats nothing. Lines that are alike to the letter are told apart by their count.
    """

    def __init__(self, *, keep_times: bool = False) -> None:
        """`keep_times`: each entry is imported with its time, its sender and what became of it, so that the log is the
        one that was exported; without it, what an entry did is done anew."""
        self._keep_times = keep_times
        self._seen: Counter[bytes] = Counter()
        self._closed: set[str] = set()
        self._reopened: set[str] = set()

    def step(self, number: int, raw: bytes) -> Step | None:
        """What line `number` asks for; None for a blank one. Raises BadLine."""
        if not raw.strip():
            return None
        if is_deeper(raw, LINE_DEPTH):
            raise BadLine(f"nested deeper than {LINE_DEPTH} levels of objects and lists, which no service takes")
        value = _object(raw)
        try:
            conversation = _conversation(value)
            if value.get("kind") == "conversation":
                made = _make(conversation)
                return Step(number, conversation, (made,), becomes="updated")
            if "kind" in value:
                fields = {name: inner for name, inner in value.items() if name != "conversation"}
                return self._entry(number, conversation, msgspec.convert(fields, Entry), value)
            return self._plain(number, msgspec.convert(value, PlainLine), value)
        except msgspec.ValidationError as error:
            raise BadLine(str(error)) from None
        except InvalidRequest as error:
            raise BadLine(error.detail) from None
        except UnicodeEncodeError:
            raise BadLine("holds a lone surrogate, which is no text") from None

    def _plain(self, number: int, line: PlainLine, value: dict[str, Any]) -> Step:
        if line.role and line.sender:
            raise BadLine("has both `role` and `sender`; one is enough")
        if not line.content and not attachments(line.metadata):
            what = "missing required field `content`" if "content" not in value else "`content` is empty"
            raise BadLine(f"{what}, and `metadata.attachments` has nothing")
        sender = line.sender or (Sender(line.role) if line.role else None)
        key = line.client_id or self._key(value)
        at = line.at if self._keep_times else None
        return Step(number, line.conversation, (_send(line, sender, key, at),))

    def _entry(self, number: int, conversation: str, entry: Entry, value: dict[str, Any]) -> Step:
        key = self._key(value)
        if self._keep_times:
            restored = isinstance(entry, Message)
            becomes = "updated" if isinstance(entry, Update) else "stored"
            path = conversation_path(conversation, "entries")
            request = Request("POST", path, _moved(entry), key)
            return Step(number, conversation, (request,), restored=restored, becomes=becomes)
        reopens = conversation in self._reopened
        self._reopened.discard(conversation)
        match entry:
            case Redaction():
                return Step(number, conversation, skipped="redacted")
            case Message() | Edit() if entry.redacted:
                return Step(number, conversation, skipped="redacted")
            case Message():
                if entry.sender.role == "user" and conversation in self._closed:
                    self._closed.discard(conversation)
                    self._reopened.add(conversation)
                line = PlainLine(
                    conversation=conversation,
                    content=entry.content,
                    message_id=entry.message_id,
                    reply_to=entry.reply_to,
                    metadata=entry.metadata,
                )
                return Step(number, conversation, (_send(line, entry.sender, key),), restored=True)
            case Edit():
                path = conversation_path(conversation, "messages", check_message_id(entry.message_id))
                body = {"content": entry.content, **({"metadata": entry.metadata} if entry.metadata else {})}
                return Step(number, conversation, (Request("PATCH", path, body, key),), restored=True)
            case Update():
                changes = msgspec.to_builtins(entry.changes)
                if reopens and changes == {"status": "open"}:
                    # The service itself opened it when the user wrote, and will again.
                    return Step(number, conversation, skipped="follows by itself")
                if (status := entry.changes.status) is not UNSET:
                    (self._closed.add if status == "closed" else self._closed.discard)(conversation)
                return Step(number, conversation, tuple(_update(conversation, changes, key)), becomes="updated")

    def _key(self, value: dict[str, Any]) -> str:
        digest = blake2b(msgspec.json.encode(value, order="deterministic"), digest_size=16).digest()
        if "message_id" in value or "kind" in value:  # it says itself which one it is
            return f"import-{digest.hex()}"
        self._seen[digest] += 1
        return f"import-{digest.hex()}-{self._seen[digest]}"


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(raw)
    except msgspec.ValidationError:  # it is JSON: of a value of any type no other rule is broken
        raise BadLine("holds a number with too many digits or too great, which no service takes") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadLine(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadLine("not a JSON object")
    return value


def _conversation(value: dict[str, Any]) -> str:
    if "conversation" not in value:
        raise BadLine("`conversation` is missing: the id of the conversation that this belongs to")
    if not isinstance(name := value["conversation"], str):
        raise BadLine("`conversation` is not text")
    return check_conversation_id(name)


def _moved(entry: Entry) -> dict[str, Any]:
    """The entry as the service takes it in: without its number, its key and its mark, which are drawn anew."""
    fields: dict[str, Any] = msgspec.to_builtins(entry)
    return {name: value for name, value in fields.items() if name not in {"seq", "client_id", "imported"}}


def _send(line: PlainLine, sender: Sender | None, key: str, at: datetime | None = None) -> Request:
    body: dict[str, Any] = {"content": line.content}
    if sender:
        body["sender"] = msgspec.to_builtins(sender)
    for name in ("message_id", "reply_to", "metadata"):
        if (inner := getattr(line, name)) is not None:
            body[name] = inner
    if at is not None:
        body["at"] = at
    return Request("POST", conversation_path(line.conversation, "messages"), body, key)


def _update(conversation: str, changes: dict[str, Any], key: str) -> list[Request]:
    """A log may begin with an update, before any message has made the conversation: so it is made first."""
    path = conversation_path(conversation)
    return [
        _make(conversation),
        Request("PATCH", path, changes, key, MadeShape),
    ]


def _make(conversation: str) -> Request:
    return Request("POST", "/v1/conversations", {"id": conversation}, None, MadeShape)


__all__ = ["BadLine", "PlainLine", "Planner", "Request", "Step"]
