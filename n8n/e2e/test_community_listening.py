"""*Execute workflow* on the trigger in the editor: a subscription of its own, which takes nothing from the published
workflow."""

import time
from collections.abc import Callable

from n8n.e2e.harness.fresh import Fresh

LIMIT = 60.0


def until(what: str, ready: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not ready():
        assert time.monotonic() < end, f"not within {LIMIT:.0f} s: {what}"
        time.sleep(0.1)


def listen(fresh: Fresh) -> str:
    """As the editor's button does; the id of the execution that waits, once its subscription is there."""
    path = f"/rest/workflows/{fresh.echo.id}/run"
    started = fresh.n8n.editor.post(path, {"triggerToStartFrom": {"name": "Trigger"}}, **{"push-ref": "e2e"})
    until("a subscription for the test", lambda: bool(temporary(fresh)))
    return str(started["executionId"])


def temporary(fresh: Fresh) -> set[str]:
    return {name for name in fresh.service.subscriptions() if name.startswith("n8n.test.")}


def test_a_test_execution_takes_nothing_from_the_published_workflow(fresh: Fresh) -> None:
    fresh.subscribed()
    fresh.service.push("echo.before", "not for the test", role="user")
    fresh.service.until("echo.before", 2)
    execution = listen(fresh)
    assert len(temporary(fresh)) == 1
    fresh.service.push("echo.listened", "hello", role="user")
    # One by the test, one by the published workflow.
    found = fresh.service.until("echo.listened", 3)
    assert found == [("user", "hello"), ("assistant", "You said: hello"), ("assistant", "You said: hello")]
    until("the execution ends", lambda: fresh.n8n.status(execution) == "success")
    until("its subscription is deleted", lambda: not temporary(fresh))

    fresh.service.push("echo.after", "hello", role="user")
    assert len(fresh.service.until("echo.after", 2)) == 2, "the published one goes on"
    assert len(fresh.service.messages("echo.before")) == 2


def test_a_test_that_is_stopped_leaves_no_subscription(fresh: Fresh) -> None:
    fresh.subscribed()
    execution = listen(fresh)
    fresh.n8n.editor.post(f"/rest/executions/{execution}/stop", {})
    until("its subscription is deleted", lambda: not temporary(fresh))
