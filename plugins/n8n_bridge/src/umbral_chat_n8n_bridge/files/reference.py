"""What a message's metadata says of its files. Pure.

`attachments` has the names, types and sizes, in the form in which every client shows attachments. `umbral_files` has
the id under which the files wait, and is the service's own: no page can name files that are not its visitor's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from umbral_chat.errors import InvalidRequest
from umbral_chat.model.attachments import attachments

from umbral_chat_n8n_bridge.files.uploaded import NAME_BYTES, UploadedFile, cut_name, size_of

FILES_MARK = "umbral_files"
"""Member of a message's metadata that says under which id its files wait."""

LOST_MARK = "umbral_files_lost"
"""Member of a call's metadata: names of files that could not be passed on with it."""

_SHORTER = (NAME_BYTES, 128, 64, 32, 16)
"""Bytes of a name, at most: many long names are cut until the metadata has a size that may be stored."""


class UploadReference(msgspec.Struct, frozen=True):
    """The files of one message."""

    id: str
    count: int
    size: int
    """Bytes of all of them."""


def with_files(
    metadata: Mapping[str, Any] | None, upload_id: str, files: Sequence[UploadedFile], limit: int
) -> dict[str, Any]:
    """The metadata of a message with files, of at most `limit` bytes of JSON. Raises InvalidRequest
    (`metadata_too_large`)."""
    given = dict(metadata or {})
    reference = UploadReference(upload_id, len(files), size_of(files))
    for longest in _SHORTER:
        listed = [
            {"id": f"{upload_id}.{at}", "name": cut_name(one.name, longest), "type": one.type, "size": len(one.data)}
            for at, one in enumerate(files)
        ]
        found = {
            **given,
            "attachments": [*attachments(given), *listed],
            FILES_MARK: msgspec.to_builtins(reference),
        }
        if len(msgspec.json.encode(found)) <= limit:
            return found
    raise InvalidRequest(
        "There are too many files, or the page adds too much to the message.",
        code="metadata_too_large",
        field="metadata",
        limit=limit,
    )


def reference_of(metadata: Mapping[str, Any] | None) -> UploadReference | None:
    """The files that a message has, by its metadata; None: none."""
    try:
        found = msgspec.convert((metadata or {}).get(FILES_MARK), UploadReference)
    except (msgspec.ValidationError, UnicodeEncodeError):  # the latter: it is text that no log holds
        return None
    return found if found.count > 0 and found.size >= 0 else None


def names_of(metadata: Mapping[str, Any] | None, reference: UploadReference) -> list[str]:
    """The names of its files, as the metadata has them."""
    return [str(one.get("name", "")) for one in _listed(metadata) if _is_of(one, {reference.id})]


def without_files(metadata: Mapping[str, Any] | None, references: Iterable[UploadReference]) -> dict[str, Any]:
    """What the page itself added: without what says which files the messages have."""
    ids = {one.id for one in references}
    found = {name: value for name, value in (metadata or {}).items() if name != FILES_MARK}
    listed = _listed(metadata)
    kept = [one for one in listed if not _is_of(one, ids)]
    if len(kept) < len(listed):
        found["attachments"] = kept
        if not kept:
            del found["attachments"]
    return found


def _listed(metadata: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    return attachments(dict(metadata or {}))


def _is_of(attachment: dict[str, Any], ids: set[str]) -> bool:
    return str(attachment.get("id", "")).rpartition(".")[0] in ids


__all__ = [
    "FILES_MARK",
    "LOST_MARK",
    "UploadReference",
    "names_of",
    "reference_of",
    "with_files",
    "without_files",
]
