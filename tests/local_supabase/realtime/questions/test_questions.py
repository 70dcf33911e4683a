"""The stand-in answers what the real server answered."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import psycopg
import pytest

from tests.local_supabase.people import command
from tests.local_supabase.stack.api import Stack

from .connection_questions import basics, handshake, idle, refused_joins, tokens
from .differences import ANSWERS, DIFFERENCES, ORIGINAL, README, Difference, forbidden, with_section
from .kinds import FREE, KINDS, kind_of
from .limit_questions import limits, rate
from .message_questions import broadcast, presence, replay, rest
from .retrying import SHOW_WARNING, ask_until_settled, watch_for_stalls
from .round import QuestionRound, scale_time
from .rules import normal

Group = Callable[[QuestionRound], Awaitable[None]]

GROUPS: dict[str, Group] = {
    "handshake no key": handshake,
    "v1 heartbeat reply": basics,
    "join private stranger (no policy)": refused_joins,
    "join short token": tokens,
    "ack + self (v2)": broadcast,
    "presence join": presence,
    "replay join": replay,
    "third channel of two": limits,
    "rate: sent before the end": rate,
    "batch ok": rest,
    "silent socket: frames within 75 s": idle,
}
"""The groups by their first question, in the order of the recorded answers."""

POLICIES = """
create policy fact_r on realtime.messages for select to authenticated
  using (realtime.topic() like 'fact:%' and realtime.topic() <> 'fact:only');
create policy fact_only on realtime.messages for select to authenticated
  using (realtime.topic() = 'fact:only' and auth.uid() = '{0}');
create policy fact_b on realtime.messages for select to authenticated
  using (realtime.topic() like 'bonly:%' and extension = 'broadcast');
create policy fact_w on realtime.messages for insert to authenticated
  with check (realtime.topic() like 'fact:w%');
"""


@pytest.fixture
async def start_round(supabase: Stack) -> AsyncIterator[Callable[[], Awaitable[QuestionRound]]]:
    """Starts rounds: with scaled limits, no connected client, and the policies that the questions are about."""
    user = str(uuid.uuid4())
    with psycopg.connect(supabase.admin_db_url, autocommit=True) as connection:
        connection.execute(POLICIES.format(user).encode())

    async def begin() -> QuestionRound:
        await command(supabase, "realtime/reset")
        await scale_time(supabase)
        return QuestionRound(supabase, ANSWERS, user)

    yield begin
    await command(supabase, "realtime/reset")
    with psycopg.connect(supabase.admin_db_url, autocommit=True) as connection:
        for name in ("fact_r", "fact_only", "fact_b", "fact_w"):
            connection.execute(f"drop policy {name} on realtime.messages".encode())


@pytest.mark.filterwarnings(SHOW_WARNING)
@pytest.mark.parametrize("first", GROUPS, ids=lambda first: GROUPS[first].__name__)
async def test_its_answers_are_the_real_servers(
    first: str, start_round: Callable[[], Awaitable[QuestionRound]], supabase: Stack
) -> None:
    async def ask() -> tuple[dict[str, Any], float]:
        round_ = await start_round()
        async with watch_for_stalls(supabase) as watch:
            await GROUPS[first](round_)
        assert set(round_.found) == _questions(first)
        differences = {
            name: {"real": normal(name, _wanted(name)), "here": normal(name, answer)}
            for name, answer in round_.found.items()
            if normal(name, answer) != normal(name, _wanted(name))
        }
        return differences, watch.stalled

    await ask_until_settled(ask)


def test_every_question_is_of_one_group() -> None:
    assert set().union(*map(_questions, GROUPS)) == set(ANSWERS)
    assert len(ANSWERS) == 145


def test_differences_are_named_and_touch_nothing_that_matters() -> None:
    assert forbidden(DIFFERENCES) == []
    made_up = {
        "three refused joins on one socket, seconds each": Difference(0, "nobody waits"),
        "unknown event": Difference([], " "),
        "no such question": Difference([], "nobody asks"),
        "untrack": Difference([], "the presence lab tracks and never untracks"),
    }
    assert forbidden(made_up) == [name for name in made_up if name != "untrack"]


def test_the_original_script_asked_these_questions() -> None:
    """The script is kept as it was: data, and not run."""
    script = ORIGINAL.read_text("utf-8")
    groups = re.findall(r"^@fact\nasync def (\w+)\(", script, re.MULTILINE)
    assert groups == [group.__name__ for group in GROUPS.values()]
    # Of a name that the script composed in a loop, one part.
    made = re.compile("^(handshake|replay) | got$")
    assert [name for name in ANSWERS if f"'{name}'" not in script and f"'{made.sub('', name)}'" not in script] == []


def test_every_question_is_of_one_kind() -> None:
    assert sorted(question for questions in KINDS.values() for question in questions) == sorted(ANSWERS)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("third channel of two", "rates"),
        ("replay public", "refusals"),
        ("batch no auth", "refusals"),
        ("single not allowed", "refusals"),
        ("batch private not allowed", "refusals"),
        ("empty topic", "refusals"),
        ("topic without realtime:", "refusals"),
        ("broadcast on a topic not joined", "refusals"),
        ("its track", "refusals"),
        ("v1 leave", "closes"),
        ("db message of 250 kB", "payload limits"),
        ("db public, v1", "frame types"),
        ("binary raw heard by v1", "frame types"),
    ],
)
def test_no_difference_is_allowed_where_clients_depend_on_the_answer(question: str, kind: str) -> None:
    assert kind_of(question) == kind
    assert forbidden({question: Difference([], "nobody notices")}) == [question]


def test_where_a_difference_is_allowed_nothing_was_refused_closed_or_binary() -> None:
    """Compares the list with the answers, by signs of a refusal, a close, a frame type or a pause."""
    signs = ('"error"', "phx_close", "CLOSE", '"binary"', "exceed")

    def has_sign(answer: Any) -> bool:
        status = answer[0] if isinstance(answer, list) and answer and isinstance(answer[0], int) else 0
        pause = answer[1] if isinstance(answer, list) and len(answer) == 2 and isinstance(answer[1], float) else 0
        return any(sign in json.dumps(answer) for sign in signs) or 400 <= status < 600 or pause >= 1

    assert len([question for question in ANSWERS if has_sign(ANSWERS[question])]) > 40
    assert [question for question in FREE if has_sign(ANSWERS[question])] == []


def test_the_readme_lists_the_differences() -> None:
    text = README.read_text("utf-8")
    assert with_section(text) == text, "make reference"


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        # Frame types, pauses, refs, words and bodies stay what they are.
        ("batch heard v2", [[None, None, "t", "broadcast", {"payload": 1}]], [{"binary": "0401000001745b5d"}]),
        ("join expired token", [{"status": "error"}, 5.01], [{"status": "error"}, 0.01]),
        ("three refused joins on one socket, seconds each", [5.0, 10.0, 15.0], [5.0, 5.0, 5.0]),
        ("v1 leave", [{"ref": "4"}], [{"ref": "5"}]),
        ("v1 leave", [{"ref": "4"}], [{"ref": "4", "join_ref": "2"}]),
        ("batch empty", [422, '{"errors":{}}'], [422, '{"errors":[]}']),
        ("too big with ack", [{"response": "payload_size_exceeded"}], [{"response": {"error": "x"}}]),
        ("rate: listener heard", 3, 0),
    ],
)
def test_the_rules_keep_what_matters(question: str, one: Any, other: Any) -> None:
    assert normal(question, one) != normal(question, other)


def _questions(first: str) -> set[str]:
    names = list(ANSWERS)
    begin = names.index(first)
    ends = [names.index(each) for each in GROUPS if names.index(each) > begin]
    return set(names[begin : min(ends, default=len(names))])


def _wanted(question: str) -> Any:
    return DIFFERENCES[question].answer if question in DIFFERENCES else ANSWERS[question]
