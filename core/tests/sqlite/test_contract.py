"""The embedded storage keeps every guarantee that a history and a shared store give."""

from __future__ import annotations

from umbral_chat.model.entries import entry_encoder
from umbral_chat.testing import (
    HistoryContract,
    KnowsAuthorsContract,
    KnowsReadersContract,
    OperatorInboxContract,
    RenewsEpochsContract,
    SharedStoreContract,
)
from umbral_chat.testing.embedded import EmbeddedRig
from umbral_chat.testing.storage import send


class TestHistory(EmbeddedRig, HistoryContract):
    async def test_an_entry_is_encoded_once(self) -> None:
        async with self.rig() as rig:
            appended = await send(rig.storage.history)
            assert appended.json == entry_encoder.encode(appended.entry)


class TestOperatorInbox(EmbeddedRig, OperatorInboxContract):
    pass


class TestKnowsAuthors(EmbeddedRig, KnowsAuthorsContract):
    pass


class TestKnowsReaders(EmbeddedRig, KnowsReadersContract):
    pass


class TestRenewsEpochs(EmbeddedRig, RenewsEpochsContract):
    pass


class TestSharedStore(EmbeddedRig, SharedStoreContract):
    pass
