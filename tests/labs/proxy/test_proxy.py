"""The lab without nginx, and the settings that it gives to one."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import nginx
from .__main__ import main
from .nginx import MISSING, PAGE, Nginx, NginxFailed, documented_settings


def test_without_nginx_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.which", lambda *_args, **_options: None)
    assert main([]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"{MISSING}\n")
    assert "apt-get install nginx" in MISSING


def test_what_is_tried_is_what_the_page_says(tmp_path: Path) -> None:
    documented = documented_settings()
    assert documented in PAGE.read_text("utf-8")
    tried = Nginx("nginx", tmp_path, 4321, read_timeout=20)._settings()
    assert tried.count("proxy_pass http://127.0.0.1:4321;") == documented.count("proxy_pass")
    assert "8750" not in tried
    assert tried.count("proxy_read_timeout 20s;") == documented.count("proxy_read_timeout")
    for line in documented.splitlines():
        if "proxy_pass" not in line and "proxy_read_timeout" not in line:
            assert line in tried


def test_a_page_without_settings_is_no_page_that_was_tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = tmp_path / "stream.md"
    page.write_text("nothing", "utf-8")
    monkeypatch.setattr(nginx, "PAGE", page)
    with pytest.raises(NginxFailed, match="no block"):
        documented_settings()
