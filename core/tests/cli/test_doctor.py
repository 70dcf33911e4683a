"""`doctor`: each part of a set-up is checked, a fault has a mend, and the checks change nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
import pytest
from umbral_chat import hookimpl
from umbral_chat._core.cli import checkup
from umbral_chat._core.cli.machine_checks import Finding, database_finding, plugin_findings
from umbral_chat._core.delivery.toggle import Toggle
from umbral_chat._core.plugins import PluginHost, PluginStatus, boot
from umbral_chat._core.sqlite import open_storage
from umbral_chat.clock import SystemClock
from umbral_chat.errors import SettingsError, StoreError
from umbral_chat.providers.edges import Check, CheckResult
from umbral_chat.providers.history import Storage

if TYPE_CHECKING:
    from umbral_chat._core.parts import ServiceParts

    from core.tests.cli.conftest import FakeService, Run


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "chat.sqlite3"
    path.parent.mkdir()
    asyncio.run(_open(path))
    return path


async def _open(path: Path) -> None:
    async with open_storage(path, clock=SystemClock()).lifespan:
        pass


def states(output: str) -> dict[str, str]:
    return {check["name"]: check["state"] for check in json.loads(output)["checks"]}


def test_a_valid_set_up_has_no_fault_and_is_not_changed(run: Run, database: Path) -> None:
    before = database.read_bytes()
    result = run("doctor", "--database", str(database), "--json")
    assert result.exit_code == 0, result.output
    found = states(result.stdout)
    assert [found[name] for name in ("settings", "address", "plugin polling", "database")] == ["ok"] * 4
    assert found["service"] == "skipped"
    assert database.read_bytes() == before
    assert [path.name for path in database.parent.iterdir()] == ["chat.sqlite3"]


def test_a_first_start_is_no_fault_and_makes_no_file(run: Run, tmp_path: Path) -> None:
    result = run("doctor", "--database", str(tmp_path / "new.sqlite3"))
    assert result.exit_code == 0, result.output
    assert "will be created at the first start" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_wrong_settings_are_one_red_line_and_exit_code_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UMBRAL_CHAT_CORE__PROT", "1")
    result = run("doctor")
    assert result.exit_code == 1
    assert "✗ settings" in result.stdout
    assert "Traceback" not in result.output


def test_an_open_address_without_keys_is_a_fault(run: Run, monkeypatch: pytest.MonkeyPatch, database: Path) -> None:
    monkeypatch.setenv("UMBRAL_CHAT_CORE__HOST", "0.0.0.0")  # noqa: S104
    result = run("doctor", "--database", str(database), "--json")
    assert result.exit_code == 1
    assert states(result.stdout)["address"] == "failed"


def no_database(path: Path) -> None:
    path.write_bytes(b"something else entirely, and long enough to be distinguished" * 100)


def another_program_s(path: Path) -> None:
    path.unlink()
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE notes (text); PRAGMA user_version = 3; PRAGMA application_id = 42")
    connection.close()


def newer(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA user_version = 9999")
    connection.close()


def damaged(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xff" * 4096 * 3)


@pytest.mark.parametrize("harm", [no_database, another_program_s, newer, damaged])
def test_a_database_that_cannot_be_used_is_a_fault_with_a_mend(
    run: Run, database: Path, harm: Callable[[Path], None]
) -> None:
    harm(database)
    before = database.read_bytes()
    finding = database_finding(database)
    assert finding.state == "failed"
    assert finding.mend
    assert database.read_bytes() == before
    assert run("doctor", "--database", str(database)).exit_code == 1


def test_a_directory_that_is_missing_is_a_fault_with_a_mend(tmp_path: Path) -> None:
    finding = database_finding(tmp_path / "no" / "chat.sqlite3")
    assert finding.state == "failed"
    assert "mkdir" in str(finding.mend)


CRASH = """
import asyncio, os, sys, signal
from umbral_chat.clock import SystemClock
from umbral_chat.providers.history import Storage
from umbral_chat._core.sqlite import open_storage
from umbral_chat._core.delivery.toggle import Toggle

async def main():
    storage = open_storage(sys.argv[1], clock=SystemClock())
    async with storage.lifespan:
        await storage.history.ensure("a")
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def test_files_that_a_crash_left_beside_the_database_are_kept(database: Path) -> None:
    done = subprocess.run([sys.executable, "-c", CRASH, str(database)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    log = database.with_name(database.name + "-wal")
    before = log.read_bytes()
    assert before
    assert database_finding(database).state == "ok"
    assert log.read_bytes() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_is_a_fault(database: Path) -> None:
    database.parent.chmod(0o500)
    try:
        assert database_finding(database).state == "failed"
    finally:
        database.parent.chmod(0o700)


def test_a_broken_plugin_is_a_fault_and_a_disabled_one_is_not() -> None:
    class Host:
        statuses = [  # noqa: RUF012  # a stand-in
            PluginStatus(name="a", distribution="d-a", version="1", state="active", provides=("routes",)),
            PluginStatus(name="b", distribution=None, version=None, state="disabled"),
            PluginStatus(
                name="c", distribution="d-c", version="1", state="broken", reason="no module x", mend="pip install x"
            ),
            PluginStatus(name="d", distribution="d-d", version="1", state="active", faults=("checks raised",)),
        ]

    found = {finding.name: finding for finding in plugin_findings(Host())}  # type: ignore[arg-type]
    assert [finding.state for finding in found.values()] == ["ok", "skipped", "failed", "failed"]
    assert found["plugin c"].mend == "pip install x"
    assert "no module x" in found["plugin c"].detail
    assert "checks raised" in found["plugin d"].detail


def test_the_plugins_own_checks_are_run(run: Run, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def well() -> CheckResult:
        return CheckResult(ok=True, detail="all well")

    async def ill() -> CheckResult:
        return CheckResult(ok=False, detail="no connection", mend="plug it in")

    async def raising() -> CheckResult:
        raise OSError("boom")

    async def explaining() -> CheckResult:
        raise SettingsError("The variable X is wrong: set it to Y.")

    checks = [Check("well", well), Check("ill", ill), Check("raising", raising), Check("explaining", explaining)]
    monkeypatch.setattr(PluginHost, "checks", lambda _self, _services: checks)
    result = run("doctor", "--database", str(database), "--json")
    assert result.exit_code == 1
    found = states(result.stdout)
    assert [found[check.name] for check in checks] == ["ok", "failed", "failed", "failed"]
    printed = run("doctor", "--database", str(database)).stdout
    assert "→ plug it in" in printed
    assert "✗ raising: OSError: boom" in printed
    # An error that is raised on purpose is shown by its message alone, without its class.
    assert "✗ explaining: The variable X is wrong: set it to Y." in printed


def test_a_check_may_be_skipped_and_has_its_own_timeout(
    run: Run, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def idle() -> CheckResult:
        return CheckResult(ok=True, detail="no key is set", skipped=True)

    async def slow() -> CheckResult:
        await asyncio.sleep(60)
        raise AssertionError("it was waited for")

    checks = [Check("idle", idle), Check("slow", slow, seconds=0.05)]
    monkeypatch.setattr(PluginHost, "checks", lambda _self, _services: checks)
    result = run("doctor", "--database", str(database), "--json")
    found = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert found["idle"]["state"] == "skipped"
    assert found["slow"]["detail"] == "no answer within 0.05 s"
    assert result.exit_code == 1


def test_a_store_that_cannot_be_opened_is_a_fault_and_checks_without_store_are_run(
    run: Run, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []

    def check(name: str, *, needs_store: bool) -> Check:
        async def look() -> CheckResult:
            ran.append(name)
            return CheckResult(ok=True, detail="seen")

        return Check(name, look, needs_store=needs_store)

    @asynccontextmanager
    async def shut() -> AsyncIterator[None]:
        raise StoreError("the disk is gone")
        yield

    def storage(*given: Any, **more: Any) -> Storage:
        return replace(open_storage(*given, **more), lifespan=shut())

    checks = [check("inside", needs_store=True), check("outside", needs_store=False)]
    monkeypatch.setattr("umbral_chat._core.service.open_storage", storage)
    monkeypatch.setattr(PluginHost, "checks", lambda _self, _services: checks)
    result = run("doctor", "--database", str(database))
    assert result.exit_code == 1
    assert "✗ store: the disk is gone" in result.stdout
    assert "– plugins' checks: they need the store" in result.stdout
    assert ran == ["outside"]


def test_a_check_gets_the_store_and_the_toggle_and_no_running_service(
    run: Run, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def switch() -> None:
        async with (storage := open_storage(database, clock=SystemClock())).lifespan:
            await Toggle(storage.store, SystemClock(), configured=True).set(enabled=False, by="ops")

    asyncio.run(switch())

    def checks(_: PluginHost, services: ServiceParts) -> list[Check]:
        async def parts() -> CheckResult:
            heads = await services.storage.history.heads(["room"])
            states = {one.state.state for one in services.failover.status()}
            detail = f"{heads} {sorted(states)} {services.toggle.state.enabled} {services.toggle.state.by}"
            return CheckResult(ok=True, detail=detail)

        async def live() -> CheckResult:
            return CheckResult(ok=services.failover.mode == "live", detail="asked where nothing runs")

        async def silent() -> CheckResult:
            return None  # type: ignore[return-value]  # a plugin's mistake

        return [Check("parts", parts), Check("live", live, needs_service=True), Check("silent", silent)]

    monkeypatch.setattr(PluginHost, "checks", checks)
    result = run("doctor", "--database", str(database), "--json")
    found = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert (found["parts"]["state"], found["parts"]["detail"]) == ("ok", "{} ['off'] False ops")
    assert found["live"]["state"] == "skipped"
    assert (found["silent"]["state"], found["silent"]["detail"]) == (
        "failed",
        "it returned None instead of a CheckResult",
    )


def test_checks_that_need_no_store_run_before_there_is_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look() -> CheckResult:
        return CheckResult(ok=True, detail="seen")

    checks = [Check("inside", look), Check("outside", look, needs_store=False)]
    monkeypatch.setattr(PluginHost, "checks", lambda _self, _services: checks)
    found = states(run("doctor", "--database", str(tmp_path / "new.sqlite3"), "--json").stdout)
    assert (found["outside"], found["plugins' checks"]) == ("ok", "skipped")
    assert "inside" not in found


class Acme:
    """A plugin with a consumer that cannot consume, or a check that cannot be run."""

    def __init__(self, hook: str, given: object) -> None:
        setattr(self, f"umbral_chat_{hook}", hookimpl(lambda: [given]))


class Deaf:
    name = "deaf"


@pytest.mark.parametrize(
    ("hook", "given", "name", "said"),
    [
        ("consumers", Deaf(), "providers", "which has no handle"),
        ("routes", print, "providers", "which is not a route handler"),
        ("checks", Check("mine", lambda: None), "checks of acme", "the check 'mine', whose `run` is not async"),  # type: ignore[arg-type,return-value]
    ],
)
def test_a_plugin_that_would_stop_the_start_is_a_fault(
    database: Path, hook: str, given: object, name: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = Acme(hook, given)
    monkeypatch.setattr(EntryPoint, "load", lambda _: plugin)
    point = EntryPoint("acme", "acme", "umbral_chat")
    settings, plugins = boot(environ={"UMBRAL_CHAT_CORE__DATABASE": str(database)}, entry_points=[point])

    async def look() -> list[Finding]:
        return [finding async for finding in checkup.provider_findings(settings, plugins)]

    (fault,) = [finding for finding in asyncio.run(look()) if finding.state == "failed"]
    assert fault.name == name
    assert said in fault.detail
    assert "acme" in fault.name + fault.detail


def ready(service: FakeService, status: str, *checks: dict[str, Any]) -> None:
    service.canned["GET", "/health/ready"] = (200, {"status": status, "checks": list(checks)})
    service.canned["GET", "/v1/status"] = (200, {"version": "9.8", "mode": "local", "missing": ["presence: none"]})


def test_a_running_service_is_asked_too(run: Run, service: FakeService, database: Path) -> None:
    ready(service, "ready", {"name": "history", "result": {"ok": True, "detail": "sqlite answers"}})
    result = run("doctor", "--database", str(database), service=service)
    assert result.exit_code == 0, result.output
    for part in ("is ready", "✓ service history: sqlite answers", "version 9.8, mode local", "missing presence"):
        assert part in result.stdout


def test_a_service_that_is_not_ready_is_a_fault(run: Run, service: FakeService, database: Path) -> None:
    ready(service, "degraded", {"name": "history", "result": {"ok": False, "detail": "disk full", "mend": "free some"}})
    result = run("doctor", "--database", str(database), service=service)
    assert result.exit_code == 1
    assert "✗ service history: disk full\n  → free some" in result.stdout


@pytest.mark.parametrize("answer", [(503, {"status": "draining"}), (200, {"hello": 1}), (200, [])])
def test_another_server_and_a_stopping_service_are_faults(
    run: Run, service: FakeService, database: Path, answer: tuple[int, Any]
) -> None:
    service.canned["GET", "/health/ready"] = answer
    result = run("doctor", "--database", str(database), service=service)
    assert result.exit_code == 1
    assert "✗ service" in result.stdout


def test_the_service_that_is_asked_is_the_settings_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --url: the address that `serve` would listen on, with the first key that the settings hold."""
    from click.testing import CliRunner
    from umbral_chat._core.cli import cli
    from umbral_chat._core.cli.service import Service

    asked: list[Service] = []

    async def service_findings(service: Service) -> Any:
        asked.append(service)
        return
        yield

    monkeypatch.setattr(checkup, "service_findings", service_findings)
    monkeypatch.setenv("UMBRAL_CHAT_CORE__HOST", "0.0.0.0")  # noqa: S104
    monkeypatch.setenv("UMBRAL_CHAT_CORE__PORT", "8123")
    monkeypatch.setenv("UMBRAL_CHAT_CORE__KEYS", '[{"name": "n8n", "key": "sesame-key-0000"}]')
    result = CliRunner().invoke(cli, ["doctor"])
    assert asked == [Service("http://127.0.0.1:8123", "sesame-key-0000")]
    assert "sesame" not in result.output
    CliRunner().invoke(cli, ["--url", "http://other.invalid", "doctor"])
    assert asked[1] == Service("http://other.invalid")  # where the settings' key has no business
