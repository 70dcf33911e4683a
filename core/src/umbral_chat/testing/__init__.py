"""Contract suites that a provider's package can run, the core's own included. They need pytest with anyio's plugin."""

import pytest

# Before the suites are imported: their asserts then say what they compared.
pytest.register_assert_rewrite(
    *(
        f"{__name__}.{module}"
        for module in ("announcing", "history", "presence", "rig", "storage", "store", "transport")
    )
)

from umbral_chat.testing.announcing import AnnouncesContract  # noqa: E402
from umbral_chat.testing.clock import ManualClock, ShiftedClock  # noqa: E402
from umbral_chat.testing.history import (  # noqa: E402
    HistoryContract,
    KnowsAuthorsContract,
    KnowsReadersContract,
    OperatorInboxContract,
    RenewsEpochsContract,
)
from umbral_chat.testing.presence import PresenceContract, PresenceRig, SharedPresenceContract  # noqa: E402
from umbral_chat.testing.rig import TransportRig  # noqa: E402
from umbral_chat.testing.storage import StorageRig  # noqa: E402
from umbral_chat.testing.store import SharedStoreContract  # noqa: E402
from umbral_chat.testing.transport import TransportContract  # noqa: E402

__all__ = [
    "AnnouncesContract",
    "HistoryContract",
    "KnowsAuthorsContract",
    "KnowsReadersContract",
    "ManualClock",
    "OperatorInboxContract",
    "PresenceContract",
    "PresenceRig",
    "RenewsEpochsContract",
    "SharedPresenceContract",
    "SharedStoreContract",
    "ShiftedClock",
    "StorageRig",
    "TransportContract",
    "TransportRig",
]
