"""Settings that moved: the old names work, warn with the new one, and never override it."""

from __future__ import annotations

from pathlib import Path

import pytest
from umbral_chat._core.plugins import boot
from umbral_chat._core.settings.origin import Origin
from umbral_chat.errors import SettingsError
from umbral_chat.settings import Settings

OLD, NEW = "UMBRAL_CHAT_POLLING__CACHE__TTL", "UMBRAL_CHAT_CORE__CACHE__TTL"


def settings(file: Path, text: str = "", **environ: str) -> Settings:
    file.write_text(text, encoding="utf-8")
    return boot(file, environ)[0]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def test_the_old_name_in_a_file_works_and_warns(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = settings(file, "[polling]\ninterval = 2\n[polling.cache]\nentries = 2\nttl = 5\n")
    assert (found.core.cache.entries, found.core.cache.ttl, found.core.cache.conversations) == (2, 5.0, 5000)
    assert found.section("polling").interval == 2
    assert found.origin("core.cache.ttl") == Origin("file", str(file))
    assert [record.getMessage() for record in caplog.records] == [
        f"The setting [polling.cache] (file {file}) is [core.cache] now; the old name works until 0.3."
    ]


def test_the_old_name_of_a_variable_works_and_warns(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = settings(file, **{OLD: "5"})
    assert found.core.cache.ttl == 5
    assert found.origin("core.cache.ttl") == Origin("environment", OLD)
    assert [record.getMessage() for record in caplog.records] == [
        f"The setting {OLD} is {NEW} now; the old name works until 0.3."
    ]


def test_the_new_name_overrides_the_old_one(file: Path) -> None:
    both = "[polling.cache]\nentries = 2\nttl = 5\n[core.cache]\nttl = 7\n"
    assert settings(file, both).core.cache.ttl == 7
    assert settings(file, both).core.cache.entries == 2
    assert settings(file, **{OLD: "5", NEW: "7"}).core.cache.ttl == 7
    assert settings(file, both, **{OLD: "9"}).core.cache.ttl == 9, "the environment overrides a file"


def test_a_wrong_value_under_the_old_name_is_refused(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"core\.cache\.ttl .*settings\.toml"):
        settings(file, "[polling.cache]\nttl = 0\n")
    with pytest.raises(SettingsError, match=NEW):
        settings(file, **{OLD: "never"})
    with pytest.raises(SettingsError, match=r"polling\.cache"):
        settings(file, "[polling]\ncache = 3\n")
    with pytest.raises(SettingsError, match=r"must be a table"):
        settings(file, "core = 3\n[polling.cache]\nttl = 1\n")


def test_without_an_old_name_nothing_warns(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert settings(file, "[core.cache]\nttl = 7\n").core.cache.ttl == 7
    assert caplog.records == []
