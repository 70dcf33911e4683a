"""The certificates that outgoing connections trust."""

from __future__ import annotations

import ssl
from functools import cache

import httpx


@cache
def trusted_certificates() -> ssl.SSLContext:
    """One context for all clients of the process, to be shared and not changed: reading the certificates takes some
    30 ms of a processor and much memory, so on an event loop the first call belongs in a thread.

    As httpx has it: the Mozilla certificates of `certifi`, or those of the environment's `SSL_CERT_FILE` or
    `SSL_CERT_DIR`.
    """
    return httpx.create_ssl_context()


__all__ = ["trusted_certificates"]
