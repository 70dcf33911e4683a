"""Why a call to a receiver failed."""

from __future__ import annotations

from typing import Literal

from umbral_chat.errors import UmbralChatError

OutboundCode = Literal[
    "refused_url",
    "host_not_found",
    "connection_failed",
    "tls_failed",
    "call_timeout",
    "redirected",
    "invalid_answer",
    "answer_too_large",
    "too_many_calls",
]
"""Codes of failed calls. They do not change:

- `refused_url`: the URL's form, or every address of its host, may not be called;
- `host_not_found`: the host has no address, or the resolver does not answer;
- `connection_failed`: no connection, or it was cut before the answer was whole;
- `tls_failed`: the certificate is not valid for the host, or the handshake failed;
- `call_timeout`: no connection, or no answer, in time;
- `redirected`: the answer is a redirect, which is not followed;
- `invalid_answer`: what came back is not HTTP/1.1;
- `answer_too_large`: the answer is larger than its reader can use;
- `too_many_calls`: as many calls to this receiver wait as may.
"""


class OutboundError(UmbralChatError):
    """A call had no answer that can be used. `code` is stable; the message has neither the URL's path nor any part of
    the answer's body in it."""

    def __init__(self, code: OutboundCode, detail: str, *, sent: bool = True) -> None:
        super().__init__(detail)
        self.code: OutboundCode = code
        self.detail = detail
        self.sent = sent
        """Whether any of the request may have reached the receiver. False: a repeat does nothing twice."""


__all__ = ["OutboundCode", "OutboundError"]
