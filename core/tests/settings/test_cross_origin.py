"""Origins that no browser sends are refused at start, with the one that was meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from umbral_chat._core.plugins.boot import boot
from umbral_chat._core.settings.checks import check_cors_origins
from umbral_chat.errors import SettingsError
from umbral_chat.settings import Core


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://shop.example/", "https://shop.example"),
        ("https://shop.example/chat?x=1#y", "https://shop.example"),
        ("shop.example", "https://shop.example"),
        ("shop.example:8443", "https://shop.example:8443"),
        ("//shop.example", None),
        ("https://Shop.Example", "https://shop.example"),
        ("HTTPS://shop.example", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("https://müller.example", "https://xn--mller-kva.example"),
        (" https://shop.example", "https://shop.example"),
        ("https://*.shop.example", None),
        ("https://shop.example:port", None),
        ("https://", None),
        ("", None),
        ("https://shop.example https://other.example", None),
    ],
)
def test_what_can_never_match_is_refused(written: str, meant: str | None) -> None:
    with pytest.raises(SettingsError) as refusal:
        check_cors_origins(Core(cors_origins=["https://good.example", written]))
    assert str(refusal.value).startswith("core.cors_origins[1] is ")
    assert ("Write " + (repr(meant) if meant else "scheme://host")) in str(refusal.value)


def test_a_password_is_not_repeated() -> None:
    for written in ("https://user:hush@shop.example", "hush@shop.example/x"):
        with pytest.raises(SettingsError, match=r"core\.cors_origins\[0\] .*before @") as refusal:
            check_cors_origins(Core(cors_origins=[written]))
        assert "hush" not in str(refusal.value)


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "https://shop.example",
        "http://localhost:3000",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
        "https://xn--mller-kva.example",
        "chrome-extension://abcdefghijklmnop",
        "capacitor://localhost",
    ],
)
def test_what_a_browser_sends_is_taken(origin: str) -> None:
    check_cors_origins(Core(cors_origins=[origin]))


def test_it_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no path or slash"):
        boot(environ={"UMBRAL_CHAT_CONFIG": "", "UMBRAL_CHAT_CORE__CORS_ORIGINS": json.dumps(["https://a.example/"])})
