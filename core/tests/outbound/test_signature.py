"""Signatures, judged by the library of the specification."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from umbral_chat.http_kit.outbound import new_webhook_secret, signed_headers
from umbral_chat.settings import Secret


def now() -> int:
    return int(datetime.now(UTC).timestamp())


@given(st.dictionaries(st.text(), st.text() | st.integers()), st.from_regex(r"[a-z0-9_]{1,40}", fullmatch=True))
def test_the_receivers_library_verifies_it(content: dict[str, str | int], message_id: str) -> None:
    secret, body = new_webhook_secret(), json.dumps(content).encode()
    headers = signed_headers(secret, message_id, now(), body)
    assert Webhook(secret.reveal()).verify(body, headers) == content


def test_another_body_id_time_or_secret_is_not_verified() -> None:
    secret, body = new_webhook_secret(), b'{"a": 1}'
    headers = signed_headers(secret, "evt_1", now(), body)
    old = now() - int(timedelta(minutes=6).total_seconds())
    for given_secret, changed, other in (
        (secret, b'{"a": 2}', headers),
        (secret, body, headers | {"webhook-id": "evt_2"}),
        (secret, body, headers | {"webhook-timestamp": str(now() - 1)}),
        (secret, body, signed_headers(secret, "evt_1", old, body)),
        (new_webhook_secret(), body, headers),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(given_secret.reveal()).verify(changed, other)


def test_secrets_differ_and_hide() -> None:
    one, other = new_webhook_secret(), new_webhook_secret()
    assert one != other
    assert one.reveal().startswith("whsec_")
    assert one.reveal() not in f"{one!r} {one}"


def test_the_key_is_text_for_receivers_that_take_no_other() -> None:
    """The specification asks for 24 to 64 bytes."""
    secret = new_webhook_secret()
    key = base64.b64decode(secret.reveal().removeprefix("whsec_")).decode("ascii")
    assert key.isprintable()
    assert 24 <= len(key) <= 64
    headers = signed_headers(secret, "evt_1", 1, b"body")
    digest = hmac.digest(key.encode("utf-8"), b"evt_1.1.body", "sha256")
    assert headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode("ascii")


@pytest.mark.parametrize("secret", ["", "whsec_", "other_abc", "whsec_not base64!"])
def test_what_is_no_secret_is_refused_without_repeating_it(secret: str) -> None:
    with pytest.raises(ValueError, match="secret is whsec_ and base64"):
        signed_headers(Secret(secret), "evt_1", 1, b"")


def test_an_id_has_no_full_stop() -> None:
    with pytest.raises(ValueError, match="no full stop"):
        signed_headers(new_webhook_secret(), "a.b", 1, b"")
