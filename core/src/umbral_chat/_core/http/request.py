"""The request of ordinary handlers: its body is decoded straight into the type that the handler names."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request

from umbral_chat.http_kit import asgi
from umbral_chat.http_kit.decoding import refuse_encoded
from umbral_chat.model.depth import check_depth


class ApiRequest(Request[Any, Any, Any]):
    """So an error names the field by its whole path, and bytes that are no text are one, whichever route they meet."""

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


__all__ = ["ApiRequest"]
