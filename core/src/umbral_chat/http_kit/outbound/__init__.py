"""Calls to URLs that users give: judged, signed, bounded, and connected to the address that was judged."""

from umbral_chat.http_kit.outbound.addresses import refusal
from umbral_chat.http_kit.outbound.answers import OutboundAnswer, OutboundStream
from umbral_chat.http_kit.outbound.client import ANSWER_LIMIT, OutboundClient
from umbral_chat.http_kit.outbound.errors import OutboundCode, OutboundError
from umbral_chat.http_kit.outbound.signature import new_webhook_secret, signed_headers
from umbral_chat.http_kit.outbound.urls import CallUrl, parse_url

__all__ = [
    "ANSWER_LIMIT",
    "CallUrl",
    "OutboundAnswer",
    "OutboundClient",
    "OutboundCode",
    "OutboundError",
    "OutboundStream",
    "new_webhook_secret",
    "parse_url",
    "refusal",
    "signed_headers",
]
