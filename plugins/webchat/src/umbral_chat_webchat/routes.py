"""`/web/…`: the client's files, open to the pages of all origins. Nothing in them is secret."""

# Litestar evaluates the annotations when the routes are made, so their imports are needed at run time.
from pathlib import Path
from typing import Annotated

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, HeaderParameter
from umbral_chat.errors import NotFound

from umbral_chat_webchat.assets import Assets

PATH = "/web/{file:path}"


def asset_route(assets: Assets) -> HTTPRouteHandler:
    """The route of these files."""

    @get(
        PATH,
        summary="The JavaScript client",
        include_in_schema=False,
        sync_to_thread=False,
        opt={"right": "public", "problems": (404,)},
    )
    def asset(
        file: FromPath[Path],
        if_none_match: Annotated[
            str | None, HeaderParameter(name="If-None-Match", description="The ETag of the answer before.")
        ] = None,
    ) -> Response[bytes]:
        """A file of the client. Raises NotFound."""
        name = file.as_posix().lstrip("/")
        found = assets.files.get(name)
        if found is None:
            raise NotFound(
                f"There is no file {name[:100]!r} here. The client is /web/umbral-chat.js; the names with a hash "
                "change with each version of it.",
                code="not_found",
            )
        headers = {
            "etag": found.etag,
            "cache-control": found.cache_control,
            # A page of another origin may import it: module scripts are fetched with CORS (HTML, 8.1.4.2), and a page
            # with `Cross-Origin-Embedder-Policy: require-corp` asks for the second one, too.
            "access-control-allow-origin": "*",
            "cross-origin-resource-policy": "cross-origin",
        }
        if if_none_match is not None and _matches(if_none_match, found.etag):
            return Response(b"", status_code=304, headers=headers)
        return Response(found.body, headers=headers, media_type=found.media_type)

    return asset


def _matches(header: str, etag: str) -> bool:
    """The weak comparison of `If-None-Match` (RFC 9110, 13.1.2): proxies that compress make an ETag weak."""
    return header.strip() == "*" or etag in {one.strip().removeprefix("W/") for one in header.split(",")}


__all__ = ["PATH", "asset_route"]
