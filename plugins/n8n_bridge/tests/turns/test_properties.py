"""The rules of turns in virtual time: each message is answered once, in order, in bounded time, whatever crashes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from umbral_chat_n8n_bridge.relay.turns import TURN_MESSAGES, TurnSettings

from .world import World

TIMES = st.floats(0, 120, allow_nan=False).map(lambda one: round(one, 2))
CRASHES = st.frozensets(st.integers(1, 40), max_size=4)

RULES = st.builds(
    TurnSettings,
    during_run=st.sampled_from(["queue", "join", "interrupt"]),
    burst_quiet=st.sampled_from([0.0, 2.0, 5.0]),
    burst_wait=st.sampled_from([4.0, 15.0]),
    characters=st.sampled_from([30, 32_000]),
)


@st.composite
def worlds(draw: st.DrawFn, crashes: st.SearchStrategy[frozenset[int]] = CRASHES) -> World:
    begins = sorted(draw(st.lists(TIMES, max_size=2, unique=True)))
    ends = [*begins[1:], 200.0]
    return World(
        draw(RULES),
        said=sorted(draw(st.lists(st.tuples(TIMES, st.integers(1, 20)), min_size=1, max_size=12))),
        typed=draw(st.lists(TIMES, max_size=10)),
        durations=draw(st.lists(st.floats(0.1, 40), max_size=6)),
        agents=[
            (begin, draw(st.floats(min_value=begin, max_value=end))) for begin, end in zip(begins, ends, strict=False)
        ],
        crashes=draw(crashes),
    )


NO_CRASHES: st.SearchStrategy[frozenset[int]] = st.just(frozenset())


@given(world=worlds())
def test_every_message_is_answered_by_one_run_and_in_order(world: World) -> None:
    world.play()
    answered = [run.seqs for run in world.runs if run.outcome in {"completed", "cancelled"}]
    ways = [*answered, *world.dead, *[(seq,) for seq in world.human]]
    assert sorted(seq for seqs in ways for seq in seqs) == list(range(1, len(world.said) + 1))
    for group in (answered, world.dead, [(seq,) for seq in world.human]):
        assert [seq for seqs in group for seq in seqs] == sorted(seq for seqs in group for seq in seqs)
    for run in world.runs:
        assert run.seqs == tuple(range(run.seqs[0], run.seqs[-1] + 1))
    if not world.crashed:
        assert world.dead == []


@given(world=worlds())
def test_a_run_never_begins_while_another_goes_on_or_an_agent_answers(world: World) -> None:
    world.play()
    for before, run in zip(world.runs, world.runs[1:], strict=False):
        assert run.begun >= before.ended
    for run in world.runs:
        assert not world.agent_at(run.begun)
        assert run.outcome != "completed" or not any(run.begun <= begin < run.ended for begin, _ in world.agents)


@given(world=worlds(NO_CRASHES))
def test_the_wait_is_bounded(world: World) -> None:
    world.play()
    wait = world.rules.burst_wait if world.rules.burst_quiet else 0.0
    free = 0.0
    for run in world.runs:
        newest = world.said[run.seqs[-1] - 1][0] if run.generation > 1 else world.said[run.seqs[0] - 1][0]
        handled = max(free, newest)
        assert run.begun <= handled + wait + 1e-6
        free = run.ended


@given(world=worlds())
def test_what_one_run_answers_is_bounded_and_as_the_rules_say(world: World) -> None:
    world.play()
    rules = world.rules
    for run in world.runs:
        assert len(run.seqs) <= TURN_MESSAGES
        assert len(run.seqs) == 1 or sum(world.said[seq - 1][1] for seq in run.seqs) <= rules.characters
        assert run.outcome != "interrupted" or rules.during_run == "interrupt"
        if not rules.gathers:
            assert len(run.seqs) == 1
        if rules.during_run == "queue":
            first = world.said[run.seqs[0] - 1][0]
            assert all(world.said[seq - 1][0] <= first + rules.burst_wait for seq in run.seqs[1:])


@given(world=worlds(NO_CRASHES))
def test_all_that_wait_are_answered_together_where_they_are_joined(world: World) -> None:
    world.play()
    if world.rules.during_run == "queue":
        return
    for run in world.runs:
        world.now = run.begun
        waiting = [seq for seq in world.after(run.seqs[-1]) if world.said[seq - 1][0] < run.begun]
        if waiting:
            characters = sum(world.said[seq - 1][1] for seq in (*run.seqs, waiting[0]))
            assert characters > world.rules.characters or len(run.seqs) == TURN_MESSAGES


def test_typing_prolongs_a_burst_up_to_its_longest_wait() -> None:
    rules = TurnSettings(burst_quiet=2.0, burst_wait=10.0)

    def begun(*typed: float) -> list[tuple[float, int]]:
        world = World(rules, said=[(0.0, 5), (5.0, 5)], typed=list(typed))
        world.play()
        return [(run.begun, len(run.seqs)) for run in world.runs]

    assert begun() == [(2.0, 1), (7.0, 1)]
    assert begun(1.0, 3.0) == [(7.0, 2)]
    assert begun(*[float(one) for one in range(1, 30)]) == [(10.0, 2)]


def test_a_user_who_never_stops_cannot_put_off_the_answer_for_ever() -> None:
    world = World(
        TurnSettings("interrupt"), said=[(float(one), 1) for one in range(3 * TURN_MESSAGES)], durations=[5.0]
    )
    world.play()
    completed = [run for run in world.runs if run.outcome == "completed"]
    assert len(completed[0].seqs) == TURN_MESSAGES


def test_a_message_that_was_to_join_is_not_forgotten_when_its_turn_begins_without_it() -> None:
    # It crashes when the second is recorded to join, and before the run begins; then an agent has taken over.
    world = World(TurnSettings("join"), said=[(0.0, 5), (0.0, 5)], agents=[(10.0, 200.0)], crashes=frozenset({2}))
    world.play()
    assert world.human == [1, 2]
