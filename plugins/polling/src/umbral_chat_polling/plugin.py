"""What this plugin gives to Umbral Chat."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from umbral_chat import hookimpl

from umbral_chat_polling.settings import Polling
from umbral_chat_polling.transport import PollingTransport

if TYPE_CHECKING:
    from umbral_chat.context import Base
    from umbral_chat.providers.history import Storage


@hookimpl
def umbral_chat_settings() -> type[Polling]:
    """The section `polling`."""
    return Polling


@hookimpl
def umbral_chat_transport(base: Base, storage: Storage) -> PollingTransport:
    """The transport for several processes on one store."""
    return PollingTransport(storage, _settings(base), base.clock, queue=base.settings.realtime.hint_queue)


def _settings(base: Base) -> Polling:
    return cast(Polling, base.settings.section("polling"))
