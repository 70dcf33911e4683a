"""The embedded storage keeps every guarantee that a history and a shared store give."""

from __future__ import annotations

from umbral_chat.testing import HistoryContract, RenewsEpochsContract, SharedStoreContract
from umbral_chat.testing.embedded import EmbeddedRig


class TestHistory(EmbeddedRig, HistoryContract):
    pass


class TestRenewsEpochs(EmbeddedRig, RenewsEpochsContract):
    pass


class TestSharedStore(EmbeddedRig, SharedStoreContract):
    pass
