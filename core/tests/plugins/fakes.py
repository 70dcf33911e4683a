"""Providers that are whole and do nothing: a copy of each method of the interface, which the interface's own is not."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from types import FunctionType
from typing import Any

from umbral_chat.providers.auth import Authenticator
from umbral_chat.providers.edges import Consumer
from umbral_chat.providers.history import History, Storage
from umbral_chat.providers.presence import Presence
from umbral_chat.providers.store import SharedStore
from umbral_chat.providers.transport import Transport, TransportState

KINDS: dict[str, type] = {
    "transport": Transport,
    "presence": Presence,
    "authenticator": Authenticator,
    "consumers": Consumer,
    "history": History,
    "store": SharedStore,
}


def whole(kind: str, name: str = "mine", rank: int = 0, *, without: str = "", **instead: Any) -> Any:
    """A provider of this kind with every method, but for `without`, and with `instead` in their place."""
    interface = KINDS[kind]
    methods = {
        one: FunctionType(stub.__code__, stub.__globals__, one, stub.__defaults__)
        for one, stub in vars(interface).items()
        if isinstance(stub, FunctionType) and not one.startswith("_")
    }
    for one, stub in methods.items():
        stub.__kwdefaults__ = vars(interface)[one].__kwdefaults__
    state = TransportState("off", "not started", datetime(2026, 1, 1, tzinfo=UTC))
    attributes = {"name": name, "rank": rank, "state": state, "lifespan": nullcontext()}
    members = {**attributes, **methods, **instead}
    members.pop(without, None)
    return type("Mine", (), members)()


def storage(name: str, **instead: Any) -> Storage:
    """A storage of whole providers."""
    parts = {"name": name, "history": whole("history"), "store": whole("store"), "lifespan": nullcontext(), **instead}
    return Storage(**parts)


def methods_of(kind: str) -> list[str]:
    """Names of the methods of this kind."""
    return [one for one, stub in vars(KINDS[kind]).items() if isinstance(stub, FunctionType) and one[0] != "_"]


__all__ = ["KINDS", "methods_of", "storage", "whole"]
