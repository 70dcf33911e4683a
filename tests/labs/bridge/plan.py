"""What one run is asked for, and what its seed decides: messages, faults of n8n, kills, what n8n never takes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, NamedTuple

Kind = Literal["slow", "error", "cut", "cut_before", "proxy", "busy", "stopped", "restarted"]

KINDS: tuple[Kind, ...] = ("slow", "error", "cut", "cut_before", "proxy", "busy", "stopped", "restarted")
"""How n8n fails. `slow`: an execution takes long; `error`: it fails (500, or an `error` line of the stream); `cut`: the
connection is lost in the middle of the answer, and the execution goes on; `cut_before`: it is lost before n8n has a
record of an execution, and there is none; `proxy`: a 504 with a page, while the execution goes on; `busy`: 429 or 503;
`stopped`: n8n ends as it is asked to, and is away; `restarted`: it is killed, and started again at once."""

PROCESS: tuple[Kind, ...] = ("stopped", "restarted")
"""Those that the lab does to n8n's process; the others are the scripted n8n's own, or those of the proxy before a real
one."""

Forever = Literal["refused", "too_large", "absent", "forbidden"]

FOREVER: tuple[Forever, ...] = ("refused", "too_large", "absent", "forbidden")
"""How n8n never takes a message: 400 and 413, which are final; 404 and 403, until the tries end."""

MERCY = 2
"""Times that n8n answers a message with `busy`."""

TRIES = 7
"""Bound of calls that the bridge is given: more than two outages of n8n and `MERCY` together use up. With the
pauses between them, a 404 takes a minute to reach it."""

REAL_TRIES = 9
"""The same before a real n8n, which is away for half a minute and not for three seconds."""

EARLY = 0.35
"""Share of a run's messages among which those are drawn that n8n never takes: their tries take the longest."""


class Chat(NamedTuple):
    """A chat of the bridge, and its workflow."""

    name: str
    streams: bool
    """Whether the workflow streams its answer, or its last node answers."""
    asks: bool
    """Whether the bridge has a key for n8n's API."""

    @property
    def workflow(self) -> str:
        """Its id."""
        return f"workflow-{self.name}"


CHATS = (Chat("streamed", True, True), Chat("whole", False, True), Chat("blind", True, False))
"""Conversations are spread over them."""


@dataclass(frozen=True)
class Plan:
    """One run."""

    seed: int = 1
    messages: int = 2_000
    conversations: int = 100
    seconds: float = 240.0
    """In which the messages are sent and everything is broken."""
    round: float = 120.0
    """In so many of these seconds n8n fails once in every way."""
    unhit: float = 10.0
    """Seconds for which a fault that hit nothing goes on."""
    tries: int = TRIES
    kills: int = 4
    """`kill -9` of one of the two instances."""
    forever: int = 9
    """Messages that n8n never takes."""
    slow: float = 90.0
    """Seconds that an execution takes in the fault `slow`."""
    ask_for: float = 120.0
    """Seconds for which the bridge asks n8n how a call ended."""
    deadline: float = 900.0
    """Seconds after which the run is given up."""

    @property
    def places(self) -> list[tuple[Chat, str]]:
        """The conversations with their chats."""
        return [
            (chat := CHATS[number % len(CHATS)], f"{chat.name}:lab.{self.seed}.{number}")
            for number in range(self.conversations)
        ]


class Message(NamedTuple):
    """One that a user sends."""

    key: str
    chat: Chat
    conversation: str
    content: str


class Window(NamedTuple):
    """From `begin` to `end`, in seconds of the run, n8n fails so."""

    begin: float
    end: float
    kind: Kind


class KillAt(NamedTuple):
    """`kill -9` of an instance, which is started again `down` seconds later."""

    at: float
    instance: int
    down: float


@dataclass(frozen=True)
class Drawn:
    """What the seed decided."""

    messages: Sequence[Message]
    windows: Sequence[Window]
    kills: Sequence[KillAt]
    forever: dict[str, Forever]
    """By message, how n8n never takes it."""


def draw(plan: Plan) -> Drawn:
    """Everything that is left to chance, except the moments at which things meet. Raises ValueError for a plan with too
    few conversations for what is never taken, at most one message in each."""
    if plan.forever > plan.conversations:
        raise ValueError(f"{plan.forever} undeliverable messages need as many conversations")
    random = Random(f"{plan.seed}/plan")
    places = plan.places
    weights = [random.paretovariate(2.5) for _ in places]  # chats are not equally long
    where = places + random.choices(places, weights, k=plan.messages - len(places))
    random.shuffle(where)
    messages = [
        Message(f"m{number}", chat, name, f"m{number} " + "x" * random.randrange(200))
        for number, (chat, name) in enumerate(where)
    ]
    early = messages[: max(plan.forever, int(len(messages) * EARLY))]
    one_of_each = list({one.conversation: one for one in random.sample(early, len(early))}.values())
    forever = {one.key: FOREVER[number % len(FOREVER)] for number, one in enumerate(one_of_each[: plan.forever])}
    return Drawn(messages, _windows(plan, random), _kills(plan, random), forever)


def _windows(plan: Plan, random: Random) -> list[Window]:
    """Each kind at least once, one after the other, with a time between them in which all is well."""
    kinds = list(KINDS) * max(1, round(plan.seconds / plan.round))
    random.shuffle(kinds)
    slot = plan.seconds / len(kinds)
    found = []
    for number, kind in enumerate(kinds):
        length = min(slot * 0.6, random.uniform(1.5, 3.0))
        begin = slot * number + random.uniform(0.0, slot - length)
        found.append(Window(begin, begin + length, kind))
    return found


def _kills(plan: Plan, random: Random) -> list[KillAt]:
    """One in each equal slice of the first two thirds, of the instances in turn: their leases must have time to end."""
    slot = plan.seconds * 2 / 3 / max(1, plan.kills)
    first = random.randrange(2)
    return [
        KillAt(slot * (number + random.uniform(0.2, 0.8)), (first + number) % 2, random.uniform(0.0, 2.0))
        for number in range(plan.kills)
    ]


def answer_to(key: str) -> str:
    """What the workflow answers to a message, whichever way it answers."""
    return f"re {key}: " + " ".join(f"w{number}" for number in range(6)) + "."


__all__ = [
    "CHATS",
    "FOREVER",
    "KINDS",
    "MERCY",
    "PROCESS",
    "REAL_TRIES",
    "TRIES",
    "Chat",
    "Drawn",
    "Forever",
    "KillAt",
    "Kind",
    "Message",
    "Plan",
    "Window",
    "answer_to",
    "draw",
]
