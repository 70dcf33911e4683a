"""Certificates are verified wherever there is TLS."""

from __future__ import annotations

import ssl

import pytest
from umbral_chat_realtime_supabase.http_transport import http_transport


@pytest.mark.parametrize("url", ["https://project.example", "HTTPS://project.example/rest/v1", "https://127.0.0.1:1"])
def test_a_client_of_https_verifies_certificates(url: str) -> None:
    context = http_transport(url)._pool._ssl_context
    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.cert_store_stats()["x509_ca"] > 0
