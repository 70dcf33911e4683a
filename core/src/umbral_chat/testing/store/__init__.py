"""The contract of a SharedStore, as tests that any store's package can run.

Subclass `SharedStoreContract` in a test module and provide the rig, as for `HistoryContract`::

    class TestMyStore(SharedStoreContract):
        @asynccontextmanager
        async def rig(self):
            with tempfile.TemporaryDirectory() as folder:
                here, there = my_storage(folder), my_storage(folder)
                async with here.lifespan, there.lifespan:
                    yield StorageRig(storage=here, other=there, elapse=my_clock.advance)

Times to live are short (`lapse` on the subclass); a store whose clock can be moved passes `elapse` and waits for
nothing.
"""

from umbral_chat.testing.store.leases import LeasesContract
from umbral_chat.testing.store.records import RecordsContract
from umbral_chat.testing.store.signals import SignalsContract


class SharedStoreContract(RecordsContract, LeasesContract, SignalsContract):
    """One test for each guarantee of `umbral_chat.providers.store.SharedStore`."""


__all__ = ["SharedStoreContract"]
