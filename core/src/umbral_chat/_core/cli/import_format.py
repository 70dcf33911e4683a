"""The lines of an import, each turned into the requests that store it (pure).

A line is a message as people write it, `{"conversation", "content", "role" | "sender", …}`, an entry as `export` writes
it, `{"conversation", "kind", "seq", …}`, or a conversation without entries, `{"conversation", "kind":
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
from umbral_chat._core.cli.shapes import ConversationIdShape, WriteResultShape
from umbral_chat.errors import InvalidRequest, UmbralChatError
from umbral_chat.model.attachments import attachments
from umbral_chat.model.depth import DEEPEST, is_deeper
from umbral_chat.model.entries import Edit, Entry, Finish, Message, Redaction, Role, Run, Sender, Update
from umbral_chat.model.ids import check_conversation_id
from umbral_chat.model.validation import check_message_id

LINE_DEPTH = DEEPEST + 1
"""Levels of nesting in a line: an exported update is nested one object deeper than the request that made it. The
service's own limit is a setting; it refuses each line that is deeper."""


class InvalidLine(UmbralChatError):
    """A line cannot be imported; the message says why."""


class MessageLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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
    """When it was written; sent only if times are kept."""
    finish: Finish | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a line. Repeated with the same key, it stores nothing new."""

    method: str
    path: str
    body: dict[str, Any]
    key: str | None
    shape: type = WriteResultShape
    """The type that its answer must match."""


@dataclass(frozen=True, slots=True)
class Step:
    """What to do for a line: requests in order, or none and the reason. `restored`: the line is from an export, so a
    message id that is already taken is most likely this very message."""

    line: int
    conversation: str
    requests: tuple[Request, ...] = ()
    skipped: str = ""
    restored: bool = False
    outcome: str = "stored"
    """The count to which the line is added when it succeeds."""


_LEFT_OUT: dict[type[Entry], str] = {Redaction: "redacted", Run: "run that ended"}
"""The kinds that are not imported without their times, and what is said of them."""


class Planner:
    """Turns lines into steps, in the order of the file.

    Every request's key is derived from the line's content, not from its position, so that a later import of the same
    file, grown meanwhile, repeats nothing. Identical lines are distinguished by their count.
    """

    def __init__(self, *, keep_times: bool = False) -> None:
        """`keep_times`: entries are imported as they were exported, with times, senders, edits and redactions. Without
        it, each entry's action is performed anew."""
        self._keep_times = keep_times
        self._seen: Counter[bytes] = Counter()
        self._closed: set[str] = set()
        self._reopened: set[str] = set()

    def step(self, number: int, raw: bytes) -> Step | None:
        """The step for line `number`; None for a blank line. Raises InvalidLine."""
        if not raw.strip():
            return None
        if is_deeper(raw, LINE_DEPTH):
            raise InvalidLine(f"nested deeper than {LINE_DEPTH} levels of objects and lists, which no service accepts")
        value = _object(raw)
        try:
            conversation = _conversation(value)
            if value.get("kind") == "conversation":
                made = _make_request(conversation)
                return Step(number, conversation, (made,), outcome="updated")
            if "kind" in value:
                fields = {name: inner for name, inner in value.items() if name != "conversation"}
                return self._entry(number, conversation, msgspec.convert(fields, Entry), value)
            return self._plain(number, msgspec.convert(value, MessageLine), value)
        except msgspec.ValidationError as error:
            raise InvalidLine(str(error)) from None
        except InvalidRequest as error:
            raise InvalidLine(error.detail) from None
        except UnicodeEncodeError:
            raise InvalidLine("contains a lone surrogate, which is not valid text") from None

    def _plain(self, number: int, line: MessageLine, value: dict[str, Any]) -> Step:
        if line.role and line.sender:
            raise InvalidLine("has both `role` and `sender`; give only one")
        if not line.content and not attachments(line.metadata):
            what = "missing required field `content`" if "content" not in value else "`content` is empty"
            raise InvalidLine(f"{what}, and `metadata.attachments` has none")
        sender = line.sender or (Sender(line.role) if line.role else None)
        key = line.client_id or self._key(value)
        at = line.at if self._keep_times else None
        return Step(number, line.conversation, (_send_request(line, sender, key, at),))

    def _entry(self, number: int, conversation: str, entry: Entry, value: dict[str, Any]) -> Step:
        key = self._key(value)
        if self._keep_times:
            restored = isinstance(entry, Message)
            outcome = "updated" if isinstance(entry, Update) else "stored"
            path = conversation_path(conversation, "entries")
            request = Request("POST", path, _entry_body(entry), key)
            return Step(number, conversation, (request,), restored=restored, outcome=outcome)
        reopens = conversation in self._reopened
        self._reopened.discard(conversation)
        match entry:
            case Redaction() | Run():
                # The end of a run, without its time, would say today that an answer of long ago does not come.
                return Step(number, conversation, skipped=_LEFT_OUT[type(entry)])
            case Message() | Edit() if entry.redacted:
                return Step(number, conversation, skipped="redacted")
            case Message():
                if entry.sender.role == "user" and conversation in self._closed:
                    self._closed.discard(conversation)
                    self._reopened.add(conversation)
                line = MessageLine(
                    conversation=conversation,
                    content=entry.content,
                    message_id=entry.message_id,
                    reply_to=entry.reply_to,
                    metadata=entry.metadata,
                    finish=entry.finish,
                )
                return Step(number, conversation, (_send_request(line, entry.sender, key),), restored=True)
            case Edit():
                path = conversation_path(conversation, "messages", check_message_id(entry.message_id))
                body = {"content": entry.content, **({"metadata": entry.metadata} if entry.metadata else {})}
                return Step(number, conversation, (Request("PATCH", path, body, key),), restored=True)
            case Update():
                changes = msgspec.to_builtins(entry.changes)
                if reopens and changes == {"status": "open"}:
                    # The service itself reopened it when the user wrote, and will do so again.
                    return Step(number, conversation, skipped="follows by itself")
                if (status := entry.changes.status) is not UNSET:
                    (self._closed.add if status == "closed" else self._closed.discard)(conversation)
                return Step(
                    number, conversation, tuple(_update_requests(conversation, changes, key)), outcome="updated"
                )

    def _key(self, value: dict[str, Any]) -> str:
        digest = blake2b(msgspec.json.encode(value, order="deterministic"), digest_size=16).digest()
        if "message_id" in value or "kind" in value:  # the line identifies itself
            return f"import-{digest.hex()}"
        self._seen[digest] += 1
        return f"import-{digest.hex()}-{self._seen[digest]}"


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(raw)
    except msgspec.ValidationError:  # valid JSON, decoded as any type: only a number can be at fault
        raise InvalidLine(
            "contains a number that is too large or has too many digits, which no service accepts"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidLine(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidLine("not a JSON object")
    return value


def _conversation(value: dict[str, Any]) -> str:
    if "conversation" not in value:
        raise InvalidLine("`conversation` is missing: the id of the conversation that this line belongs to")
    if not isinstance(name := value["conversation"], str):
        raise InvalidLine("`conversation` is not text")
    return check_conversation_id(name)


def _entry_body(entry: Entry) -> dict[str, Any]:
    """The entry as the service imports it: without number, key and import mark, which are set anew."""
    fields: dict[str, Any] = msgspec.to_builtins(entry)
    return {name: value for name, value in fields.items() if name not in {"seq", "client_id", "imported"}}


def _send_request(line: MessageLine, sender: Sender | None, key: str, at: datetime | None = None) -> Request:
    body: dict[str, Any] = {"content": line.content}
    if sender:
        body["sender"] = msgspec.to_builtins(sender)
    for name in ("message_id", "reply_to", "metadata", "finish"):
        if (inner := getattr(line, name)) is not None:
            body[name] = inner
    if at is not None:
        body["at"] = at
    return Request("POST", conversation_path(line.conversation, "messages"), body, key)


def _update_requests(conversation: str, changes: dict[str, Any], key: str) -> list[Request]:
    """A log may begin with an update, before any message makes the conversation: so that is made first."""
    path = conversation_path(conversation)
    return [
        _make_request(conversation),
        Request("PATCH", path, changes, key, ConversationIdShape),
    ]


def _make_request(conversation: str) -> Request:
    return Request("POST", "/v1/conversations", {"id": conversation}, None, ConversationIdShape)


__all__ = ["InvalidLine", "MessageLine", "Planner", "Request", "Step"]
