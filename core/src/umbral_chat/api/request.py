"""The request of ordinary handlers: its body is decoded straight into the type that the handler names."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request
from litestar.datastructures import Headers

from umbral_chat import http
from umbral_chat.decoding import refuse_encoded
from umbral_chat.depth import check_depth

TEXT = frozenset({b"idempotency-key"})
"""Headers that carry a caller's text: they are UTF-8, and count once."""


class ApiRequest(Request[Any, Any, Any]):
    """So an error names the field by its whole path, and bytes that are no text are one, whichever route they meet."""

    async def json(self) -> Any:
        """The body as the handler's `data`. Raises what `http.body` and `http.decode` raise."""
        data = getattr(self.route_handler, "parsed_data_field", None)
        kind = Any if data is None else data.annotation
        for name, value in self.scope["headers"]:
            if name == b"content-encoding":
                refuse_encoded(value)
        raw = await self.body()
        check_depth(raw, http.depth_of(self.scope))
        return http.decode(msgspec.json.Decoder(kind), raw)

    @property
    def headers(self) -> Headers:
        """The headers, where those that carry text are read as `http.header` reads them. Raises InvalidRequest."""
        found = super().headers
        # Litestar reads every header as Latin-1.
        for name in TEXT:
            key = name.decode()
            if (value := found.get(key)) is not None and not (value.isascii() and len(found.getall(key)) == 1):
                text = http.header(self.scope, name)
                return Headers({**found, key: text or ""})
        return found


__all__ = ["TEXT", "ApiRequest"]
