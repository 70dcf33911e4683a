"""Access of connections that last: authenticated when they begin, authorized again and again while they go on."""

from __future__ import annotations

import msgspec

from umbral_chat._core.auth.gate import Gate
from umbral_chat._core.auth.limits import Rate, Rates
from umbral_chat._core.auth.sessions import Sessions
from umbral_chat.errors import Unauthorized, Unavailable
from umbral_chat.providers.auth import Principal, Right


class Access:
    """`AccessService` of `umbral_chat.context`. `gate` is set while the service runs."""

    def __init__(self, rates: Rates) -> None:
        self.gate: Gate | None = None
        self._rates = rates

    async def authenticate(self, credential: str | None) -> Principal:
        """The principal of a bearer credential; None: there was none, which only a service without keys takes."""
        header = None if credential is None else b"Bearer " + credential.encode("utf-8", "surrogatepass")
        principal = await self._gate.authenticate(header)
        self._gate.count(principal)
        return principal

    async def authenticate_session(self, credential: str) -> Principal:
        """The operator whose session this is: the credential that a handshake's cookie had."""
        principal = await self._gate.authenticate_session(credential)
        self._gate.count(principal)
        return principal

    @property
    def sessions(self) -> Sessions:
        """The sessions of operators. Raises Unavailable before the service has started."""
        if self._gate.sessions is None:
            raise Unavailable("This service keeps no sessions.")
        return self._gate.sessions

    async def authorize(self, principal: Principal, right: Right, conversation: str) -> Principal:
        """The principal as it is in `conversation` now, if it has `right` there now."""
        return await self._gate.reauthorize(principal, right, conversation)

    def count(self, principal: Principal, rate: Rate = "requests") -> None:
        """Count one action of `principal`, as the guard counts requests."""
        self._rates.check(rate, principal)

    def encode(self, principal: Principal) -> bytes:
        """The principal, for a record in the shared store."""
        return msgspec.json.encode(_Stored(type(principal).__name__, msgspec.Raw(msgspec.json.encode(principal))))

    def decode(self, data: bytes) -> Principal:
        """The principal that `encode` encoded."""
        try:
            stored = _decoder.decode(data)
            types = {one.__name__: one for one in self._gate.principal_types}
            return msgspec.json.decode(stored.principal, type=types[stored.type])
        except (msgspec.DecodeError, KeyError):
            # Written by another version, or by an instance with other plugins.
            raise Unauthorized("These credentials were issued by another version of this service.") from None

    @property
    def _gate(self) -> Gate:
        if self.gate is None:
            raise Unavailable("The service has not started yet, or stops.", code="not_started")
        return self.gate


class _Stored(msgspec.Struct, frozen=True):
    type: str
    principal: msgspec.Raw


_decoder = msgspec.json.Decoder(_Stored)

__all__ = ["Access"]
