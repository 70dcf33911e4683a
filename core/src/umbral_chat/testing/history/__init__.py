"""The contract of a History, as tests that any history's package can run.

Subclass `HistoryContract` in a test module, provide the rig, and pytest runs one test for each guarantee::

    class TestMyHistory(HistoryContract):
        @asynccontextmanager
        async def rig(self):
            with tempfile.TemporaryDirectory() as folder:
                here, there = my_storage(folder), my_storage(folder)
                async with here.lifespan, there.lifespan:
                    yield StorageRig(storage=here, other=there)

The tests are async and need `anyio_mode = "auto"` in pytest's settings. Each begins with a new rig, whose store is
empty. A guarantee is only opted out of by `xfail` with its reason. `RenewsEpochsContract` is for a history that can
renew its epochs, `OperatorInboxContract` for one that serves operators who share an inbox.
"""

from umbral_chat.testing.history.authors import KnowsAuthorsContract
from umbral_chat.testing.history.changing import ChangingContract
from umbral_chat.testing.history.deleting import DeletingContract
from umbral_chat.testing.history.epochs import RenewsEpochsContract
from umbral_chat.testing.history.finishing import FinishingContract
from umbral_chat.testing.history.importing import ImportingContract
from umbral_chat.testing.history.inbox import InboxContract
from umbral_chat.testing.history.naming import NamingContract
from umbral_chat.testing.history.operators import OperatorInboxContract
from umbral_chat.testing.history.ordering import OrderingContract
from umbral_chat.testing.history.paging import PagingContract
from umbral_chat.testing.history.readers import KnowsReadersContract
from umbral_chat.testing.history.redacting import RedactingContract
from umbral_chat.testing.history.repeating import RepeatingContract
from umbral_chat.testing.history.runs import RunsContract


class HistoryContract(
    OrderingContract,
    RepeatingContract,
    ChangingContract,
    RedactingContract,
    FinishingContract,
    ImportingContract,
    PagingContract,
    DeletingContract,
    InboxContract,
    NamingContract,
    RunsContract,
):
    """One test for each guarantee of `umbral_chat.providers.history.History`."""


__all__ = [
    "HistoryContract",
    "KnowsAuthorsContract",
    "KnowsReadersContract",
    "OperatorInboxContract",
    "RenewsEpochsContract",
]
