"""The request of ordinary handlers: its body is decoded straight into the type that the handler names."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request

from umbral_chat.decoding import decode_error


class ApiRequest(Request[Any, Any, Any]):
    """So an error names the field by its whole path, and bytes that are no text are one, whichever route they meet."""

    async def json(self) -> Any:
        """The body as the handler's `data`. Raises InvalidRequest."""
        data = getattr(self.route_handler, "parsed_data_field", None)
        kind = Any if data is None else data.annotation
        try:
            return msgspec.json.decode(await self.body(), type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise decode_error(error) from error


__all__ = ["ApiRequest"]
