"""The shell: transports that hang, raise, end and come back, and an operator who cannot decide."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from umbral_chat._core.delivery.failover import Choice, Failover
from umbral_chat._core.delivery.toggle import ToggleState
from umbral_chat.model.conversations import Head
from umbral_chat.model.signals import ReadSignal
from umbral_chat.providers.transport import HeadHint, StateChanged, StateName, TransportEvent, TransportState
from umbral_chat.settings import Realtime, Retry
from umbral_chat.telemetry import Telemetry
from umbral_chat.transport_kit.signal_outbox import SignalOutbox

from ..feed.virtual import LoopClock, run  # noqa: TID252 - tests are no package
from .transports import DAWN, RestingTransport, ScriptedTransport

HINT = HeadHint("room", Head("aaaaaaaaaa", 1))


class Instance:
    def __init__(self, *transports: ScriptedTransport, refuse: bool = False) -> None:
        self.heard: list[TransportEvent] = []
        self.choices: list[Choice] = []
        self.refuse = refuse
        self.telemetry = Telemetry(None)
        self.signals = SignalOutbox()
        self.failover = Failover(
            transports,
            settings=Realtime(connect_timeout=10, retry=Retry(initial=0.5, max=5)),
            clock=LoopClock(),
            telemetry=self.telemetry,
            signals=self.signals,
            receive=self.receive,
            changed=self.choices.append,
        )

    def receive(self, event: TransportEvent) -> None:
        if self.refuse:
            raise ValueError("not understood")
        self.heard.append(event)

    def mode(self) -> str:
        return self.failover.mode

    def toggle(self, enabled: bool) -> None:
        self.failover.toggled(ToggleState(enabled=enabled))


@asynccontextmanager
async def running(*transports: ScriptedTransport, enabled: bool = True) -> AsyncIterator[Instance]:
    instance = Instance(*transports)
    task = asyncio.create_task(instance.failover.run(enabled=enabled))
    await asyncio.sleep(0.1)
    try:
        yield instance
    finally:
        task.cancel()
        outcome = (await asyncio.gather(task, return_exceptions=True))[0]
        assert isinstance(outcome, asyncio.CancelledError), outcome
        await asyncio.sleep(0)


def pair() -> tuple[ScriptedTransport, ScriptedTransport]:
    return ScriptedTransport("pushing", 10), ScriptedTransport("polling", 0)


def test_it_goes_live_falls_back_and_comes_back_and_each_change_is_told_once() -> None:
    async def main() -> None:
        pushing, polling = pair()
        async with running(pushing, polling) as instance:
            assert instance.mode() == "live"
            pushing.become("down", "the socket closed")
            await asyncio.sleep(0.1)
            assert instance.mode() == "polling"
            state = next(status for status in instance.failover.status() if status.name == "pushing")
            assert (state.state.state, state.state.reason, state.in_use) == ("down", "the socket closed", False)
            assert state.next_attempt_in is not None
            await asyncio.sleep(2)
            assert instance.mode() == "live"
            assert [choice.mode for choice in instance.choices] == ["live", "polling", "live"]
        assert (pushing.state.state, polling.state.state) == ("off", "off")
        assert (pushing.starts, pushing.stops, polling.starts, polling.stops) == (2, 2, 1, 1)

    run(main())


def test_polling_rests_for_as_long_as_something_else_is_live() -> None:
    async def main() -> None:
        pushing, polling = ScriptedTransport("pushing", 10), RestingTransport()
        pushing.becomes = "connecting"
        async with running(pushing, polling) as instance:
            assert (instance.mode(), polling.rests) == ("polling", [])
            states: list[StateName] = ["live", "degraded", "live"]
            for number, state in enumerate(states, 1):
                pushing.become(state)
                await asyncio.sleep(0.1)
                assert polling.rests == [True, False, True][:number]
            instance.toggle(enabled=False)
            assert polling.rests == [True, False, True, False]

    run(main())


def test_realtime_refused_for_an_hour_costs_no_more_tries_than_the_budget_and_is_live_soon_after() -> None:
    async def main() -> None:
        pushing, polling = pair()
        pushing.start_failure = ConnectionRefusedError("refused")
        async with running(pushing, polling) as instance:
            await asyncio.sleep(3590)
            assert (instance.mode(), polling.state.state) == ("polling", "live")
            assert 40 < pushing.starts <= Realtime().retry.budget
            pushing.start_failure, before = None, pushing.starts
            await until(lambda: pushing.starts > before, within=3600)
            await until(lambda: instance.mode() == "live", within=5)

    run(main())


def test_on_that_is_said_again_tries_at_once_what_waits_and_leaves_what_runs() -> None:
    async def main() -> None:
        pushing, polling = pair()
        async with running(pushing, polling) as instance:
            instance.toggle(enabled=True)
            await asyncio.sleep(0.1)
            assert (pushing.starts, pushing.stops) == (1, 0), "it is live"
            pushing.becomes = "down"
            pushing.become("down", "switched off in the database")
            await asyncio.sleep(30)  # tried in vain until the pauses are long
            tries = pushing.starts
            pushing.becomes = "connecting"
            instance.toggle(enabled=True)
            await asyncio.sleep(0.1)
            assert pushing.starts == tries + 1
            instance.toggle(enabled=True)
            await asyncio.sleep(0.1)
            assert pushing.starts == tries + 1, "it is connecting already"
            pushing.become("live")
            await asyncio.sleep(0.1)
            assert instance.mode() == "live"

    run(main())


async def until(condition: Callable[[], bool], *, within: float) -> None:
    for _ in range(round(within / 0.05)):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {within:g} s")


def test_toggling_two_hundred_times_ends_as_it_was_told_last_and_never_starts_what_runs() -> None:
    async def main() -> None:
        pushing, polling = pair()
        pushing.start_takes = pushing.stop_takes = 0.05
        async with running(pushing, polling) as instance:
            await asyncio.sleep(1)
            for number in range(200):
                instance.toggle(bool(number % 2))
                if number % 10 == 0:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(1)
            assert (pushing.state.state, instance.mode()) == ("live", "live")
            assert pushing.starts < 20, "every switch was carried out, long after it counted"
            instance.toggle(False)
            await asyncio.sleep(1)
            assert (pushing.state.state, instance.mode()) == ("off", "polling")
            assert polling.starts == 1

    run(main())


@pytest.mark.parametrize("takes", [0.0, 1000.0])
def test_a_transport_that_does_not_start_is_tried_again_and_holds_up_no_other(takes: float) -> None:
    async def main() -> None:
        pushing, polling = pair()
        pushing.start_failure, pushing.start_takes = OSError("no route"), takes
        async with running(pushing, polling) as instance:
            await asyncio.sleep(15)
            assert (polling.state.state, instance.mode()) == ("live", "polling")
            pushing.start_failure, pushing.start_takes = None, 0.0
            await asyncio.sleep(30)
            assert instance.mode() == "live"

    run(main())


@pytest.mark.parametrize("takes", [0.0, 1000.0])
def test_a_transport_that_does_not_stop_holds_up_neither_the_switch_nor_the_end(takes: float) -> None:
    async def main() -> None:
        pushing, polling = pair()
        async with running(pushing, polling) as instance:
            pushing.stop_failure, pushing.stop_takes = OSError("no"), takes
            instance.toggle(False)
            await asyncio.sleep(0.1)
            assert instance.mode() == "polling"
            instance.toggle(True)
            await asyncio.sleep(10)
            assert instance.mode() == "live"
        assert polling.state.state == "off"

    run(main())


@pytest.mark.parametrize("name", ["pushing", "polling"])
@pytest.mark.parametrize("how", ["raise", "end", "cancel"])
def test_a_transport_whose_events_break_off_is_started_again(
    name: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        transports = {transport.name: transport for transport in pair()}
        broken = transports[name]
        async with running(*transports.values()) as instance:
            if how == "end":
                broken.end()
            else:
                broken.break_(OSError("gone") if how == "raise" else asyncio.CancelledError())
            await asyncio.sleep(6)
            assert broken.starts == 2
            broken.put(HINT)
            await asyncio.sleep(0.1)
            assert instance.heard == [HINT]

    with caplog.at_level(logging.CRITICAL):
        run(main())


def test_an_event_that_cannot_be_taken_costs_neither_the_transport_nor_the_next_event(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        pushing, polling = pair()
        async with running(pushing, polling) as instance:
            instance.refuse = True
            pushing.put(HINT)
            await asyncio.sleep(0.1)
            instance.refuse = False
            pushing.put(HINT)
            await asyncio.sleep(1)
            assert (instance.heard, instance.mode(), pushing.starts) == ([HINT], "live", 1)

    with caplog.at_level(logging.CRITICAL):
        run(main())


def test_an_old_state_that_waited_behind_other_events_does_not_count() -> None:
    async def main() -> None:
        pushing, polling = pair()
        async with running(pushing, polling) as instance:
            instance.choices.clear()
            pushing.put(StateChanged(TransportState("connecting", "long ago", DAWN)))
            pushing.put(StateChanged(TransportState("down", "long ago", DAWN)))
            await asyncio.sleep(1)
            assert (instance.choices, instance.mode()) == ([], "live")

    run(main())


def test_signals_go_out_over_what_is_used_and_a_transport_that_refuses_or_hangs_costs_only_them() -> None:
    async def main() -> None:
        pushing, polling = pair()
        signals = [ReadSignal(conversation="room", subject=f"u{seq}", seq=seq) for seq in range(2000)]
        async with running(pushing, polling) as instance:
            pushing.publish_failure = OSError("refused")
            instance.signals.put(signals[0])
            await asyncio.sleep(0.1)
            pushing.publish_failure, pushing.publish_takes = None, 1000.0
            instance.signals.put(signals[1])
            await asyncio.sleep(1)
            pushing.publish_takes = 0.0
            for signal in signals[2:]:
                instance.signals.put(signal)  # while it hangs: the oldest are dropped, the newest kept
            await asyncio.sleep(10)
            assert pushing.published == signals[-1000:]
            instance.toggle(False)
            instance.signals.put(signals[0])
            await asyncio.sleep(0.1)
            assert polling.published == [signals[0]]

    run(main())


def test_the_state_of_each_transport_can_be_read_as_a_metric() -> None:
    async def main() -> None:
        pushing, polling = pair()
        async with running(pushing, polling) as instance:
            pushing.become("down")
            await asyncio.sleep(0.01)
            told = {labels for labels, number in instance.failover._states() if number}
            assert told == {("pushing", "down"), ("polling", "live")}

    run(main())
