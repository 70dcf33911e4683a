"""Which entries a subscription is about. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from umbral_chat.errors import InvalidRequest
from umbral_chat.model.encoded_entry import KINDS
from umbral_chat.model.entries import Entry, Role
from umbral_chat.model.ids import ID_LIMIT, is_id

Kind = Literal["message", "edit", "redaction", "update", "run"]

METADATA_KEYS = 16
"""Most keys of a metadata filter."""

METADATA_CHARACTERS = 1_024
"""Most characters of a key, and of a text, in it."""


class Filter(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """Entries that fulfil all that is given. Without anything: every entry of every conversation."""

    prefix: Annotated[str | None, Meta(description="The conversation's id begins with this.")] = None
    kinds: Annotated[list[Kind] | None, Meta(description="The entry is of one of these kinds.")] = None
    roles: Annotated[list[Role] | None, Meta(description="The entry's sender has one of these roles.")] = None
    metadata: Annotated[
        dict[str, str | int | float | bool | None] | None,
        Meta(
            description="The conversation's metadata has these values, by key, when the entry is delivered; null: it "
            "has no such key, or null."
        ),
    ] = None

    def check(self) -> None:
        """Raises InvalidRequest with the field: `invalid_field`."""
        if self.prefix is not None and not is_id(self.prefix + "a"):
            raise _invalid("filter.prefix", f"is the beginning of a conversation's id: at most {ID_LIMIT} characters")
        for field, given in (("filter.kinds", self.kinds), ("filter.roles", self.roles)):
            if given is not None and not 1 <= len(given) == len(set(given)):
                raise _invalid(field, "names at least one, and each once; leave it out for all")
        if self.metadata is None:
            return
        if not 1 <= len(self.metadata) <= METADATA_KEYS:
            raise _invalid("filter.metadata", f"has 1 to {METADATA_KEYS} keys", METADATA_KEYS)
        for key, value in self.metadata.items():
            for text in (key, value):
                if isinstance(text, str) and (len(text) > METADATA_CHARACTERS or "\0" in text):
                    raise _invalid(
                        "filter.metadata",
                        f"has keys and texts of at most {METADATA_CHARACTERS} characters, without NUL",
                        METADATA_CHARACTERS,
                    )

    def wants_conversation(self, conversation: str) -> bool:
        """By its id alone."""
        return self.prefix is None or conversation.startswith(self.prefix)

    def select(self, entries: Sequence[Entry]) -> list[Entry]:
        """Those of `entries` that are of the kinds and roles."""
        return [
            entry
            for entry in entries
            if (self.kinds is None or KINDS[type(entry)] in self.kinds)
            and (self.roles is None or entry.sender.role in self.roles)
        ]

    def matches_metadata(self, metadata: Mapping[str, Any] | None) -> bool:
        """Whether a conversation's metadata has the values. Numbers are equal by value; true is not 1."""
        found = metadata or {}
        return all(_equal(value, found.get(key)) for key, value in (self.metadata or {}).items())


def _equal(wanted: object, found: object) -> bool:
    return wanted == found and isinstance(wanted, bool) == isinstance(found, bool)


def _invalid(field: str, rule: str, limit: int | None = None) -> InvalidRequest:
    return InvalidRequest(f"{field} {rule}.", code="invalid_field", field=field, limit=limit)


__all__ = ["METADATA_CHARACTERS", "METADATA_KEYS", "Filter", "Kind"]
