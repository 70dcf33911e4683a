"""Whether a fault bit, and what is told of falling and of coming back."""

from __future__ import annotations

from .kinds import Fault
from .modes import InMode, changes, entered, mode_of
from .observations import Observation
from .outcomes import Outcome, doubtful, outcome, tame
from .run import Struck, Trip

LIVE = [InMode(0.0, "live")]


def struck(kind: str = "drop", began: float = 10.0, ended: float = 12.0, **more: int | str) -> Struck:
    made = Struck(Fault(kind), began, ended)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def of(one: Struck, *others: Struck, modes: list[list[InMode]], found: tuple[Observation, ...] = ()) -> Outcome:
    trips = [Trip(11.0, 0.1, 0), Trip(12.5, 0.5, 1), Trip(14.0, 0.1, 0)]
    return outcome(one, [one, *others], modes, found, trips, 0.02)


def test_the_link_falls_with_the_first_instance_and_is_back_with_the_last() -> None:
    one = [*LIVE, InMode(10.5, "polling"), InMode(13.0, "live")]
    other = [*LIVE, InMode(11.5, "polling"), InMode(14.0, "live")]
    found = of(struck(), modes=[one, other])
    assert (found.degraded, found.live_again, found.served, found.bit) == (0.5, 2.0, 1.0, True)


def test_what_another_fault_may_have_done_is_not_told() -> None:
    fallen = [*LIVE, InMode(11.5, "polling"), InMode(14.0, "live")]
    assert of(struck(), struck(began=11.0), modes=[fallen, LIVE]).degraded is None
    later = of(struck(), struck(began=13.0), modes=[fallen, LIVE])
    assert (later.degraded, later.live_again) == (1.5, None)
    assert of(struck("clock_back"), modes=[fallen, LIVE]).degraded is None, "it feels no clock"
    before = [InMode(0.0, "polling"), InMode(10.5, "live"), InMode(11.0, "polling")]
    assert of(struck(), modes=[before, LIVE]).degraded is None


def test_a_fault_bit_when_it_was_counted_or_its_link_fell_or_entries_came_late() -> None:
    still = [LIVE, LIVE]
    assert not of(struck(), modes=still).bit
    assert of(struck(hits=1), modes=still).bit
    assert not of(struck(hits=1, missed="in the way"), modes=still).bit
    late = Observation("r0", "c", 0, "a", 11.0, 11.6, "live", 0.6)
    assert of(struck(), modes=still, found=(late,)).bit
    assert not of(struck(), modes=still, found=(late._replace(seen=11.3),)).bit
    assert not of(struck(), modes=still, found=(late._replace(acknowledged=14.0, seen=19.0),)).bit
    assert not of(struck("clients_cut"), modes=still, found=(late,)).bit, "it has counts of its own"


def test_a_kind_that_never_bit_is_tame() -> None:
    hit, missed = Outcome("drop", "", bit=True, missed=False), Outcome("lose", "", bit=False, missed=True)
    assert list(tame([hit, missed], ["drop"])) == []
    (violation,) = tame([hit, missed, missed], ["drop", "lose"])
    assert violation.kind == "tame"
    assert "lose was drawn 2 times, done 0 times" in violation.what
    assert len(list(tame([], ["drop"]))) == 1


def test_only_some_faults_make_deliveries_doubtful() -> None:
    (span,) = doubtful([struck("drop"), struck("lose")])
    assert span.began == 10.0
    assert span.ended > 12.0 + 3.0, "a delay of 3 s may be drawn"


def test_modes_are_the_operators_and_the_links_and_a_killed_process_changes_none() -> None:
    def status(mode: str, *, enabled: bool) -> dict[str, object]:
        return {"mode": mode, "realtime": {"enabled": enabled}}

    seen = [mode_of(status(mode, enabled=on)) for mode, on in (("live", True), ("polling", True), ("polling", False))]
    assert seen == ["live", "polling", "off"]
    modes = [InMode(0.0, "polling"), InMode(1.0, "live"), InMode(2.0, ""), InMode(3.0, "polling"), InMode(4.0, "off")]
    assert changes(modes) == [("polling", "live"), ("polling", "off")]
    assert entered(modes, "live") == [1.0]
