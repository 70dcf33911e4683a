"""The AsyncAPI document of `/v1/ws`, made from the Structs that its frames are, and the route that serves it."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec
from litestar import get
from umbral_chat.model.entries import Entry

from umbral_chat_streaming.signals import DraftEnded, DraftPiece, PresenceNow, ReaderList, RunList, TypingList
from umbral_chat_streaming.status import Closed, Opened
from umbral_chat_streaming.ws.frames import CLIENT_FRAMES, SERVER_FRAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PATH = "/schema/asyncapi.json"

SIGNALS: tuple[type[msgspec.Struct], ...] = (DraftPiece, DraftEnded, TypingList, PresenceNow, RunList, ReaderList)

_SCHEMAS = "#/components/schemas/"
_CHANNEL = "#/channels/socket"


def document() -> dict[str, Any]:
    """The document, in version 3.0.0 of AsyncAPI. The operations are the service's: it receives what clients send."""
    schemas = _schemas()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Umbral Chat over a WebSocket",
            "version": version("umbral-chat-streaming"),
            "description": "Follow many conversations over one connection, and write to them. The first frame is "
            "`auth`, within five seconds. Errors are problem details (RFC 9457) whose `code` does not change.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "socket": {
                "address": "/v1/ws",
                "description": "Text frames of JSON objects, which `type` distinguishes.",
                "messages": {_tag(one): _reference(f"messages/{_tag(one)}") for one in CLIENT_FRAMES + SERVER_FRAMES},
            }
        },
        "operations": {
            "receive": _operation("receive", "What a client sends.", CLIENT_FRAMES),
            "send": _operation("send", "What a client is sent.", SERVER_FRAMES),
        },
        "components": {
            "messages": {_tag(one): _message(one) for one in CLIENT_FRAMES + SERVER_FRAMES},
            "schemas": schemas,
        },
    }


def _schemas() -> dict[str, Any]:
    kinds: list[Any] = [*CLIENT_FRAMES, *SERVER_FRAMES, *SIGNALS, Opened, Closed, Entry]
    found, schemas = msgspec.json.schema_components(kinds, ref_template=_SCHEMAS + "{name}")
    references = dict(zip(map(id, kinds), found, strict=True))
    # A union of Structs needs a tag for each; two signals share theirs, so the frames have them untyped.
    _narrow(schemas["EntryFrame"], "entry", references[id(Entry)])
    _narrow(schemas["SignalFrame"], "signal", {"anyOf": [references[id(one)] for one in SIGNALS]})
    _narrow(schemas["StatusFrame"], "status", {"anyOf": [references[id(one)] for one in (Opened, Closed)]})
    for schema in schemas.values():
        _without_discriminator(schema)
    return schemas


def _narrow(schema: Mapping[str, Any], field: str, shape: Mapping[str, Any]) -> None:
    described = schema["properties"][field]
    schema["properties"][field] = {"description": described["description"], "anyOf": [shape]}


def _without_discriminator(schema: Any) -> None:
    """Drop OpenAPI's form of discriminators: AsyncAPI has another, and the tags' `enum` says the same."""
    if isinstance(schema, dict):
        schema.pop("discriminator", None)
        for value in schema.values():
            _without_discriminator(value)
    elif isinstance(schema, list):
        for value in schema:
            _without_discriminator(value)


def _tag(kind: type[msgspec.Struct]) -> str:
    return str(kind.__struct_config__.tag)


def _message(kind: type[msgspec.Struct]) -> dict[str, Any]:
    summary = " ".join((kind.__doc__ or "").split())
    return {"name": _tag(kind), "summary": summary, "payload": {"$ref": _SCHEMAS + kind.__name__}}


def _operation(action: str, summary: str, frames: Iterable[type[msgspec.Struct]]) -> dict[str, Any]:
    messages = [{"$ref": f"{_CHANNEL}/messages/{_tag(one)}"} for one in frames]
    return {"action": action, "summary": summary, "channel": {"$ref": _CHANNEL}, "messages": messages}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{name}"}


@get(
    PATH,
    summary="The AsyncAPI document",
    name="asyncapi",
    include_in_schema=False,
    sync_to_thread=True,
    opt={"right": "public"},
)
def asyncapi_json() -> dict[str, Any]:
    """The frames of `/v1/ws`, beside the OpenAPI document."""
    return document()


__all__ = ["PATH", "SIGNALS", "asyncapi_json", "document"]
