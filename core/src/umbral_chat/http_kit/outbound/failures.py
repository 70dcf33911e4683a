"""What the HTTP library raises, as OutboundError."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpcore

from umbral_chat.http_kit.outbound.errors import OutboundError
from umbral_chat.http_kit.outbound.urls import CallUrl


@contextmanager
def errors_of(url: CallUrl, seconds: float, *, connecting: bool = True) -> Iterator[None]:
    """For a block that calls `url` within `seconds`; `connecting` False: the request has been sent."""
    try:
        yield
    except httpcore.ConnectTimeout:
        raise OutboundError("call_timeout", f"{url.host} took no connection in time.", sent=not connecting) from None
    except (TimeoutError, httpcore.TimeoutException):
        raise OutboundError("call_timeout", f"{url.host} did not answer within {seconds:g} s.") from None
    except httpcore.ConnectError as error:
        raise _connect_error(url, error) from None
    except httpcore.ProtocolError:
        raise OutboundError("invalid_answer", f"{url.host} did not answer with valid HTTP/1.1.") from None
    except (httpcore.NetworkError, httpcore.ProxyError, OSError):
        raise OutboundError("connection_failed", f"The connection to {url.host} was lost.") from None


def _connect_error(url: CallUrl, error: httpcore.ConnectError) -> OutboundError:
    if isinstance(error.__cause__ or error.__context__, ssl.SSLError):
        return OutboundError(
            "tls_failed", f"The certificate of {url.host} is not valid for it, or TLS failed.", sent=False
        )
    return OutboundError("connection_failed", f"{url.host} does not take connections on port {url.port}.", sent=False)


__all__ = ["errors_of"]
