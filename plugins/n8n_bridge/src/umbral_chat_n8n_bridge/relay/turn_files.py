"""The files of a turn's messages: loaded right before the workflow is called, and removed when the run is over."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from umbral_chat.errors import RequestError

from umbral_chat_n8n_bridge.files.reference import names_of, reference_of
from umbral_chat_n8n_bridge.files.uploaded import FileLimits, UploadedFile

if TYPE_CHECKING:
    from umbral_chat.model.entries import Message

    from umbral_chat_n8n_bridge.files.store import FileStore

log = logging.getLogger(__name__)


class LoadedFiles(NamedTuple):
    """What the workflow is passed, and the names of files that are gone."""

    files: list[UploadedFile]
    lost: list[str]


class TurnFiles:
    """Those of one conversation."""

    def __init__(self, store: FileStore, limits: FileLimits, conversation: str) -> None:
        self._store, self._limits, self._conversation = store, limits, conversation

    async def load(self, messages: Sequence[Message]) -> LoadedFiles:
        """The files of messages that are answered together: within the limits of one message, which a turn keeps to by
        what its messages say, and a false one does not exceed. Raises HistoryUnavailable."""
        files, lost, size = list[UploadedFile](), list[str](), 0
        for message in messages:
            reference = reference_of(message.metadata)
            if reference is None:
                continue
            upload = await self._store.find(reference.id, self._conversation)
            found = None
            if upload is not None and (
                not files
                or (len(files) + len(upload.files) <= self._limits.number and size + upload.size <= self._limits.size)
            ):
                found = await self._store.read(reference.id, self._conversation, upload)
            if upload is None or found is None:
                lost += names_of(message.metadata, reference)
            else:
                files, size = files + found, size + upload.size
        if lost:
            log.warning("n8n: %d files have expired, and are not passed on with their message", len(lost))
        return LoadedFiles(files, lost)

    async def remove(self, messages: Iterable[Message]) -> None:
        """Remove them, as far as the store answers: else they expire."""
        for message in messages:
            reference = reference_of(message.metadata)
            if reference is not None:
                with contextlib.suppress(RequestError):
                    await self._store.remove(reference.id, self._conversation)


__all__ = ["LoadedFiles", "TurnFiles"]
