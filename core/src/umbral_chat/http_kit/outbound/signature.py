"""Signatures of webhooks, by the specification Standard Webhooks (`spec/standard-webhooks.md` of
standard-webhooks/standard-webhooks on GitHub)."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from hashlib import sha256

from umbral_chat.settings import Secret

PREFIX = "whsec_"

RANDOM_BYTES = 32
"""What a key is drawn from. Written as text these are 43 bytes; the specification asks for 24 to 64."""


def new_webhook_secret() -> Secret:
    """A secret for one receiver, drawn at random: `whsec_` and the key in base64.

    The key itself is ASCII text: many receivers, such as n8n's Crypto node, take the key of an HMAC only as text.
    """
    key = secrets.token_urlsafe(RANDOM_BYTES).encode("ascii")
    return Secret(PREFIX + base64.b64encode(key).decode("ascii"))


def signed_headers(secret: Secret, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers `webhook-id`, `webhook-timestamp` and `webhook-signature` for a body that is sent now.

    `message_id` stays the same across tries and has no full stop; `timestamp` is that of this try, in Unix seconds: the
    receiver refuses old ones. Raises ValueError for a secret that `new_webhook_secret` did not make; it repeats nothing
    of it.
    """
    if "." in message_id:
        raise ValueError("a message's id has no full stop: it separates the parts of what is signed")
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    digest = hmac.digest(_key(secret), signed, sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode('ascii')}",
    }


def _key(secret: Secret) -> bytes:
    text = secret.reveal()
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(PREFIX) or not key:
        raise ValueError(f"a webhook's secret is {PREFIX} and base64")
    return key


__all__ = ["new_webhook_secret", "signed_headers"]
