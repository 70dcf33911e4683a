"""One Umbral Chat and one n8n for the whole run, stopped however it ends; a failure is reported with their logs."""

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from n8n.e2e.harness.faults import Network
from n8n.e2e.harness.fresh import Fresh, fresh_n8n
from n8n.e2e.harness.process import HarnessError, say, tail
from n8n.e2e.harness.server import CLI_LOG
from n8n.e2e.harness.stage import Stage
from n8n.e2e.harness.stage import stage as set_stage

FOLDER = pytest.StashKey[Path]()
KEEP_AT_MOST = 3600.0


def pytest_addoption(parser: pytest.Parser) -> None:
    beside = Path(sys.executable).parent / "umbral-chat"
    group = parser.getgroup("n8n end-to-end test")
    group.addoption(
        "--keep", action="store_true", help="keep both running after the tests: until Ctrl-C, an hour at most"
    )
    group.addoption("--umbral-chat", default=str(beside), help="the command to test (default: beside this Python)")


def pytest_configure(config: pytest.Config) -> None:
    # `timeout` and CI end a run by SIGTERM: like Ctrl-C, it must not leave an n8n behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    config.stash[FOLDER] = Path(tempfile.mkdtemp(prefix="umbral-chat-e2e-"))


def pytest_unconfigure(config: pytest.Config) -> None:
    if config.getoption("--keep"):
        say(f"kept: {config.stash[FOLDER]}")
    else:
        shutil.rmtree(config.stash[FOLDER], ignore_errors=True)


@pytest.fixture(scope="session")
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    config = request.config
    with ExitStack() as running:
        try:
            ready = running.enter_context(set_stage(config.getoption("--umbral-chat"), config.stash[FOLDER]))
        except HarnessError as error:
            # Every other test would fail with the same error.
            request.session.shouldstop = "the service or n8n could not be started"
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        yield ready
        if config.getoption("--keep"):
            wait_for_interrupt(ready)


@pytest.fixture(scope="session")
def fresh(request: pytest.FixtureRequest) -> Iterator[Fresh]:
    """An n8n with the community package, and a service of its own."""
    folder = request.config.stash[FOLDER] / "fresh"
    with fresh_n8n(request.config.getoption("--umbral-chat"), folder) as ready:
        yield ready


@pytest.fixture
def network(stage: Stage) -> Iterator[Network]:
    """The network between n8n and the service, for the setups that use it; its faults are removed afterwards."""
    stage.network.heal()
    yield stage.network
    stage.network.heal()


def wait_for_interrupt(stage: Stage) -> None:
    say(f"n8n: {stage.n8n.url} · Umbral Chat: {stage.service.url}, key {stage.service.key} · Ctrl-C ends both")
    try:
        time.sleep(KEEP_AT_MOST)
    except KeyboardInterrupt:
        say("stopping")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for log in sorted(item.config.stash[FOLDER].glob("**/logs/*.log")):
            # What n8n's commands wrote matters only where they ran.
            if report.when == "setup" or log.name != CLI_LOG:
                report.sections.append((f"last lines of {log.name}", tail(log)))
    return report
