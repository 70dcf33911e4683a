"""A secret that came with a line break, as from a file, is refused at start, wherever it is set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from umbral_chat._core.settings.load import load
from umbral_chat.errors import SettingsError

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "text", [SECRET + "\n", SECRET + "\r\n", " " + SECRET, SECRET + "\u2028", SECRET[:9] + "\n" + SECRET]
)
@pytest.mark.parametrize(
    ("setting", "where"),
    [
        ("token_secrets = [{}]", r"core\.token_secrets\[0\]"),
        ('keys = [{{name = "n8n", key = {}}}]', r"core\.keys\[0\]\.key"),
    ],
)
def test_a_secret_with_a_line_break_is_refused_by_name(tmp_path: Path, text: str, setting: str, where: str) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text("[core]\n" + setting.format(json.dumps(text)), encoding="utf-8")
    with pytest.raises(SettingsError, match=where + r" .* holds a line break .*\$\(cat FILE\)") as raised:
        load(file, {})
    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    "url",
    [
        "https://me:hush@x.example",
        "https://x.example?apikey=hush",
        "https://x.example/#hush",
        "https://x.example:hush",
        "https://x.example/\nhush",
        "https://[hush",
        "ftp://hush.example",
        "hush.example",
        "hush",
    ],
)
def test_a_public_url_that_is_none_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError, match=r"core.*public_url must be an http") as raised:
        load(None, {"UMBRAL_CHAT_CORE__PUBLIC_URL": url})
    assert "hush" not in str(raised.value)
    assert load(None, {"UMBRAL_CHAT_CORE__PUBLIC_URL": "https://x.example/chat/"}).core.public_url


def test_so_is_one_of_the_environment(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"core\.token_secrets\[0\] .*UMBRAL_CHAT_CORE__TOKEN_SECRETS.* line break"):
        load(None, {"UMBRAL_CHAT_CORE__TOKEN_SECRETS": json.dumps([SECRET + "\n"])})
