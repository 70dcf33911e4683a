"""The contract of a Presence, as tests that any presence's package can run.

Subclass `PresenceContract` in a test module, provide the rig, and pytest runs one test per guarantee::

    class TestMyPresence(PresenceContract):
        @asynccontextmanager
        async def rig(self):
            clock = ManualClock()
            yield PresenceRig(MyPresence(clock, ttl=30, …), clock, ttl=30, …)

A presence that knows of other instances runs `SharedPresenceContract`, which has further tests, and whose rig has
`other`, `cut` and `mend`. No test waits: the tests move the rig's clock, so everything in the presence that waits must
use the clock's `sleep`. The tests are async and need `anyio_mode = "auto"` in pytest's settings. A guarantee is only
opted out of by `xfail` with its reason.
"""

from umbral_chat.testing.presence.bounds import BoundsContract
from umbral_chat.testing.presence.devices import DevicesContract
from umbral_chat.testing.presence.fallback import FallbackContract
from umbral_chat.testing.presence.rig import PresenceRig
from umbral_chat.testing.presence.sharing import SharingContract
from umbral_chat.testing.presence.typing import TypingContract
from umbral_chat.testing.presence.viewers import ViewersContract


class PresenceContract(DevicesContract, TypingContract, ViewersContract, BoundsContract):
    """One test per guarantee of `umbral_chat.providers.presence.Presence`."""


class SharedPresenceContract(PresenceContract, SharingContract, FallbackContract):
    """The same for a presence that knows who is at other instances."""


__all__ = ["PresenceContract", "PresenceRig", "SharedPresenceContract"]
