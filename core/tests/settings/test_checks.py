"""Service keys as settings, and the refusal to listen without one where others reach the service."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from umbral_chat._core.runtime.addresses import is_loopback
from umbral_chat._core.settings.checks import check_exposure
from umbral_chat._core.settings.load import load
from umbral_chat.errors import SettingsError
from umbral_chat.settings import Core, Key, Secret

KEY = "0123456789abcdef"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()


def keys(tmp_path: Path, *rows: str) -> Core:
    file = tmp_path / "keys.toml"
    file.write_text(f"[core]\nkeys = [{', '.join(rows)}]\n", encoding="utf-8")
    return load(file, {}).core


def test_a_key_is_given_itself_or_as_its_hash(tmp_path: Path) -> None:
    core = keys(tmp_path, f"{{name='n8n', key='{KEY}'}}", f"{{name='ops', sha256='{'0' * 64}', rights=['read']}}")
    assert core.keys[0] == Key(name="n8n", key=Secret(KEY))
    assert core.keys[1].rights == ["read"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["{name='a'}"], r"core.keys\[0\] 'a' .* has neither of key and sha256"),
        ([f"{{name='a', key='{KEY}', sha256='{'0' * 64}'}}"], r"has both of key and sha256: give exactly one"),
        ([f"{{name='a', sha256='{'A' * 64}'}}"], r"core.keys\[0\].sha256 .* must be text that matches"),
        ([f"{{key='{KEY}'}}"], r"core.keys\[0\].name .* is missing"),
        ([f"{{name='', key='{KEY}'}}"], r"core.keys\[0\].name is '' .* text of 1 to 128 characters"),
        (["{name='a', key=''}"], "visible ASCII characters"),
        (["{name='a', key='two words'}"], "visible ASCII characters"),
        ([f"{{name='a', key='{KEY}'}}", f"{{name='a', sha256='{'0' * 64}'}}"], r"keys\[1\].name is 'a' .*unique"),
        ([f"{{name='a', key='{KEY}'}}", f"{{name='b', sha256='{DIGEST}'}}"], "has the same key as 'a'"),
        ([f"{{name='a', key='{KEY}', rights=['send_ass']}}"], "'send_ass': did you mean send_as"),
        (["{name='a', key='x'}"], "fewer than 12 characters, and would be guessed.*openssl rand"),
        (["{name='a', key='elevenchars'}"], "fewer than 12 characters"),
        ([f"{{name='a', sha256='{hashlib.sha256(b'x').hexdigest()}'}}"], "fewer than two characters"),
        ([f"{{name='a', key='{KEY}', rights=['zzz']}}"], r"'zzz': there are \* \(all\) and: admin, import"),
        ([f"{{name='a', key='{KEY}', right=['read']}}"], r"Unknown key right in core.keys\[0\].*did you mean rights"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, rows: list[str], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        keys(tmp_path, *rows)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST"])
def test_loopback_needs_no_key(host: str) -> None:
    assert is_loopback(host)
    check_exposure(Core(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.1", "chat.example", "::ffff:10.0.0.1"])  # noqa: S104
def test_any_other_address_is_refused_without_a_key_and_the_mend_is_said(host: str) -> None:
    with pytest.raises(SettingsError, match=r"UMBRAL_CHAT_CORE__KEYS=.* or listen on 127\.0\.0\.1"):
        check_exposure(Core(host=host))
    check_exposure(Core(host=host, keys=[Key(name="a", key=Secret(KEY))]))
