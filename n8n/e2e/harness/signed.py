"""Requests as the service signs them, by the library of the specification: Standard Webhooks."""

import json
import urllib.error
import urllib.request
from datetime import datetime
from typing import Any

from standardwebhooks.webhooks import Webhook


def signed(event: dict[str, Any], secret: str, at: datetime) -> dict[str, str]:
    """The headers for an event that is sent as `json.dumps` writes it."""
    signature = Webhook(secret).sign(event["id"], at, json.dumps(event))
    time = str(int(at.timestamp()))
    return {"webhook-id": event["id"], "webhook-timestamp": time, "webhook-signature": signature}


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """The status of the answer."""
    request = urllib.request.Request(  # noqa: S310 - our own loopback URL
        url, body, {"Content-Type": "application/json", **headers}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own loopback URL
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
