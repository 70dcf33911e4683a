"""What ordinary (not hot) handlers get: the parts of the service, the caller, and the request.

The dependencies are passed as they are, not converted and validated as a request's data would be.
"""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from umbral_chat._core.parts import ServiceParts
from umbral_chat.http_kit import asgi
from umbral_chat.http_kit.decoding import refuse_encoded
from umbral_chat.model.depth import check_depth
from umbral_chat.providers.auth import Principal
from umbral_chat.providers.edges import Check

Parts = NamedDependency[SkipValidation[ServiceParts]]
"""The parts of the service."""

Caller = NamedDependency[SkipValidation[Principal]]
"""The caller, as the guard authenticated it."""

Checks = NamedDependency[SkipValidation[list[Check]]]
"""Every check of the core and of plugins."""


class ApiRequest(Request[Any, Any, Any]):
    """Decodes a body straight into the type that the handler declares.

    So an error names the field by its whole path, and invalid UTF-8 is an error on every route.
    """

    async def json(self) -> Any:
        """The body as the handler's `data`. Raises what `asgi.body` and `asgi.decode` raise."""
        data = getattr(self.route_handler, "parsed_data_field", None)
        kind = Any if data is None else data.annotation
        for name, value in self.scope["headers"]:
            if name == b"content-encoding":
                refuse_encoded(value)
        raw = await self.body()
        check_depth(raw, asgi.depth_of(self.scope))
        return asgi.decode(msgspec.json.Decoder(kind), raw)


__all__ = ["ApiRequest", "Caller", "Checks", "Parts"]
