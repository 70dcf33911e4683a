"""Whatever a service, a proxy or the network answers: a readable line, the right exit code, no traceback, no key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from pytest_httpx import HTTPXMock
from umbral_chat._core.cli.failures import MENDS

if TYPE_CHECKING:
    from core.tests.cli.conftest import Run

URL = "http://127.0.0.1:9/v1/status"
KEY = "s3cret-key"


def problem(code: str, status: int = 400, **extra: object) -> dict[str, object]:
    return {"type": "about:blank", "title": "The title", "status": status, "code": code, "detail": "The why.", **extra}


@pytest.mark.parametrize("code", [*MENDS, "a_code_of_a_newer_service"])
def test_a_problem_is_shown_with_title_detail_code_and_mend(run: Run, httpx_mock: HTTPXMock, code: str) -> None:
    httpx_mock.add_response(url=URL, status_code=409, json=problem(code, 409, field="content", limit=32000))
    result = run("--key", KEY, "status")
    assert result.exit_code == 1
    for part in ("The title (409 ", code, "The why.", "field: content", "limit: 32000", MENDS.get(code, "")):
        assert part in result.stderr
    assert KEY not in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (httpx.ConnectError("All connection attempts failed"), "nothing listens there"),
        (httpx.ConnectError("[Errno -2] Name or service not known"), "Name or service not known"),
        (httpx.ConnectTimeout(""), "no connection within 5 s"),
        (httpx.ReadTimeout(""), "no answer in time"),
        (httpx.ReadError(""), "ReadError"),
        (httpx.RemoteProtocolError("Server disconnected"), "Server disconnected"),
    ],
)
def test_a_service_that_is_not_reached_is_exit_code_3(
    run: Run, httpx_mock: HTTPXMock, error: httpx.RequestError, said: str
) -> None:
    httpx_mock.add_exception(error, url=URL)
    result = run("status")
    assert result.exit_code == 3
    assert said in result.stderr
    assert "umbral-chat serve" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (502, b"<html>Bad Gateway</html>", "text/html"),
        (404, b"", None),
        (301, b"", None),
        (500, b"[1]", "application/json"),
        (500, b"\xff\xfe", "application/problem+json"),
        (200, b"<html>Welcome</html>", "text/html"),
        (200, b'{"broken', "application/json"),
        (200, b'{"status": "ok"}', "application/json"),
        (200, b"[]", "application/json"),
        (404, b'{"detail": "Not Found"}', "application/json"),
    ],
)
def test_an_answer_of_another_server_is_reported_as_such(
    run: Run, httpx_mock: HTTPXMock, status: int, content: bytes, kind: str | None
) -> None:
    headers = {"content-type": kind} if kind else {}
    httpx_mock.add_response(url=URL, status_code=status, content=content, headers=headers)
    result = run("status")
    assert result.exit_code == 1
    assert "check --url" in result.stderr
    assert "Traceback" not in result.output


def test_a_problem_cannot_control_the_terminal(run: Run, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=URL, status_code=400, json=problem("bad", detail="a\x1b[2J\x9b5mb[red]c"))
    assert r"a\u001b[2J\u009b5mb[red]c" in run("status").stderr


def test_the_key_is_sent_and_no_proxy_is_asked_for_this_machine(
    run: Run, httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:1")
    monkeypatch.setenv("UMBRAL_CHAT_KEY", KEY)
    httpx_mock.add_response(url=URL, json={"mode": "local"}, match_headers={"Authorization": f"Bearer {KEY}"})
    assert run("status").exit_code == 0
    httpx_mock.add_response(url=URL, json={"mode": "local"}, match_headers={"Authorization": "Bearer other"})
    assert run("status", "--key", "other").exit_code == 0


@pytest.mark.parametrize("key", ["two\nlines", "pässwort", "tab\t"])
def test_a_key_that_no_header_carries_is_refused_and_not_repeated(run: Run, key: str) -> None:
    result = run("status", "--key", key)
    assert result.exit_code == 2
    assert key not in result.output


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8750", "ftp://x", "http://", "http://x:port", "http://x/?a=1", "http://[::1"]
)
def test_an_invalid_url_is_wrong_usage(run: Run, url: str) -> None:
    result = run("status", "--url", url)
    assert result.exit_code == 2
    assert "http://127.0.0.1:8750" in result.stderr


@pytest.mark.parametrize("url", ["https://me:hush@x.example", "hush@x.example", "//hush@x", "http://u:hush@[::1"])
def test_a_password_in_a_url_is_refused_and_not_repeated(run: Run, url: str) -> None:
    result = run("status", "--url", url)
    assert result.exit_code == 2
    assert "hush" not in result.output


def test_the_command_s_own_options_override_the_environment(
    run: Run, httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UMBRAL_CHAT_URL", "http://env.invalid")
    httpx_mock.add_response(url="http://option.invalid/base/v1/status", json={"mode": "local"})
    assert run("status", "--url", "http://option.invalid/base/").exit_code == 0
