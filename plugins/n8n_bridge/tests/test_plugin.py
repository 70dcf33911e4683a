"""The plugin as the host sees it, and its settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from umbral_chat._core.plugins import boot
from umbral_chat.errors import SettingsError
from umbral_chat.settings import Settings
from umbral_chat_n8n_bridge.settings import BridgeSettings

URL = "http://127.0.0.1:5678/webhook/abc/chat"


def settings_of(chats: dict[str, Any]) -> Settings:
    settings, host, *_ = boot(None, {"UMBRAL_CHAT_CONFIG": "", "UMBRAL_CHAT_N8N__CHATS": json.dumps(chats)})
    assert {one.name: one.state for one in host.statuses}["n8n"] == "active"
    return settings


def test_without_a_chat_it_is_active() -> None:
    assert settings_of({}).section("n8n", BridgeSettings).chats == {}


def test_a_chat_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "umbral-chat.toml"
    file.write_text(f'[n8n.chats.support]\nwebhook_url = "{URL}"\nauthorization = "Basic YTpi"\ntries = 3\n')
    settings, *_ = boot(file, {})
    chat = settings.section("n8n", BridgeSettings).chats["support"]
    assert (chat.webhook_url, chat.tries) == (URL, 3)
    assert chat.authorization is not None
    assert chat.authorization.reveal() == "Basic YTpi"
    shown = {one.key: one.value for one in settings.effective()}["n8n.chats"]
    assert shown["support"]["authorization"] == "********"
    assert shown["support"]["webhook_url"] == URL


@pytest.mark.parametrize(
    ("chats", "said"),
    [
        ({"support": {"webhook_ulr": URL}}, "did you mean webhook_url"),
        ({"support": {}}, "webhook_url"),
        ({"support": {"webhook_url": "ftp://x"}}, "webhook_url"),
        ({"support": {"webhook_url": URL, "tries": 0}}, "n8n.chats.support.tries"),
        ({"support": {"webhook_url": URL, "signing_secret": "hunter2-hunter2"}}, "whsec_"),
        ({"Support!": {"webhook_url": URL}}, "Support!"),
        ({"a": {"webhook_url": URL, "prefix": "x:"}, "b": {"webhook_url": URL, "prefix": "x:y:"}}, "overlap"),
        ({"a": {"webhook_url": URL, "prefix": "internal:a"}}, "internal"),
        ({"support": "hunter2-hunter2"}, "must be a table"),
        ({"support": {"webhook_url": URL, "api_url": "http://127.0.0.1:5678/api/v1"}}, "belong together"),
        (
            {"support": {"webhook_url": URL, "api_url": "ftp://x", "api_key": "hunter2-hunter2", "workflow_id": "1"}},
            "api_url",
        ),
    ],
)
def test_mistakes_are_named_and_secrets_are_not_shown(chats: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings_of(chats)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)
