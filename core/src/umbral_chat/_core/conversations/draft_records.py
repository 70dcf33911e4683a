"""Drafts as records of the shared store: their keys, and a text in parts that each fit one record. Pure.

| namespace | key | what |
| --- | --- | --- |
| `drafts` | conversation and message, hashed | the draft with the end of its text; compare-and-set is its fence |
| `drafts-parts` | the same, and a name | a full part of a long text; written once, before the record that names it |
| `drafts-index` | `a` and the same | expires when the draft has been silent for too long |
| `drafts-index` | `i` and the same | there is such a draft |

The index is small, so that every instance can look often for drafts that nobody ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import msgspec

from umbral_chat.errors import StoreError
from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import DraftSignal, Writer

DRAFTS, PARTS, INDEX = "drafts", "drafts-parts", "drafts-index"
"""Namespaces."""

ALIVE, LISTED = "a.", "i."
"""Beginnings of keys in the index. The marks of life come first: a list that is cut short shows no draft as silent."""

PART_CHARS = 8_192
"""Characters of a full part: at most 32 KiB of UTF-8, so that a record (64 KiB) holds one and all that is beside it."""

PADDING = 1_024
"""Zero bytes before what is stored. SQLite keeps the first bytes of a value (at most 1,002 with pages of 4,096) beside
its key in the b-tree, where moved copies may outlive the record; what follows is in pages of its own, which are
overwritten when the record is removed. So no text of a draft outlives its redaction."""

RECORD_TTL = 7 * 86_400.0
"""Seconds after its last write after which a record is removed although nobody ended its draft: every instance was down
for so long."""


class KeptDraft(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A draft in the store."""

    conversation: str
    message_id: str
    author: str
    writer: Writer
    sender: Sender
    epoch: str | None
    """The log's epoch when it was begun; None: there was no log yet."""
    holder: str
    """The instance that takes its pieces."""
    fence: int
    """Rises with each change of holder and each cut of the text."""
    parts: list[str] = []
    """Names of the full parts."""
    tail: str = ""
    """What follows them."""
    ending: bool = False
    """It was silent for too long: it takes no more pieces, and its message is being appended."""

    @property
    def key(self) -> str:
        """Key of its record."""
        return record_key(self.conversation, self.message_id)

    def signal(self, text: str) -> DraftSignal:
        """The draft, with its whole text, as other instances are notified of it."""
        return DraftSignal(
            conversation=self.conversation,
            message_id=self.message_id,
            text=text,
            sender=self.sender,
            writer=self.writer,
            fence=self.fence,
        )


@lru_cache(maxsize=16_384)
def conversation_prefix(conversation: str) -> str:
    """Beginning of the keys of a conversation's drafts."""
    # A hash: keys have at most 256 characters, and must not reveal the id of a conversation that was deleted.
    return blake2b(conversation.encode(), digest_size=12).hexdigest() + "."


def record_key(conversation: str, message_id: str) -> str:
    """Key of the record of a draft."""
    return conversation_prefix(conversation) + blake2b(message_id.encode(), digest_size=16).hexdigest()


def full_parts(text: str) -> list[str]:
    """The full parts of a text; what follows them is shorter than one."""
    return [text[start : start + PART_CHARS] for start in range(0, len(text) - PART_CHARS + 1, PART_CHARS)]


def divided(draft: KeptDraft, text: str, *, same: int) -> tuple[KeptDraft, dict[str, str]]:
    """`draft` with this text, and the parts that are to be written before it, by name.

    `same`: so many of the first characters are those that its parts were made of, so that these parts stay.
    """
    parts = full_parts(text)
    kept = draft.parts[: min(len(parts), same // PART_CHARS)]
    new = {f"{draft.fence:x}-{index:x}": parts[index] for index in range(len(kept), len(parts))}
    tail = text[len(parts) * PART_CHARS :]
    return msgspec.structs.replace(draft, parts=[*kept, *new], tail=tail), new


def encode(draft: KeptDraft) -> bytes:
    """The value of its record."""
    return bytes(PADDING) + msgspec.msgpack.encode(draft)


def decode(value: bytes) -> KeptDraft:
    """The draft in a record. Raises StoreError."""
    try:
        return _decoder.decode(memoryview(value)[PADDING:])
    except msgspec.DecodeError as error:
        raise StoreError(f"A draft in the shared store cannot be read: {error}.") from error


def encode_part(text: str) -> bytes:
    """The value of a part's record."""
    return bytes(PADDING) + text.encode()


def joined(parts: Sequence[bytes], tail: str) -> str:
    """The text of these parts' values and the tail."""
    return "".join([*(part[PADDING:].decode() for part in parts), tail])


_decoder = msgspec.msgpack.Decoder(KeptDraft)

__all__ = [
    "ALIVE",
    "DRAFTS",
    "INDEX",
    "LISTED",
    "PADDING",
    "PARTS",
    "PART_CHARS",
    "RECORD_TTL",
    "KeptDraft",
    "conversation_prefix",
    "decode",
    "divided",
    "encode",
    "encode_part",
    "full_parts",
    "joined",
    "record_key",
]
