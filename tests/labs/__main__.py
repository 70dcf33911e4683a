"""`python -m tests.labs NAME …`, which `make lab NAME=…` calls: runs a lab, or lists them.

The exit code is 2 for a name that is none, and else the lab's own: 0 when every promise held."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Lab:
    """A program, and what it is run with."""

    module: str
    about: str
    arguments: tuple[str, ...] = ()
    """Before those of the caller."""
    takes: tuple[str, ...] = ()
    """Of `seed` and `seeds`, those that it knows; the others are left out."""
    seed: str = ""
    """Where the caller names none; empty: the lab draws one."""


SEED = ("seed",)

LABS = {
    "crash": Lab("crash", "100,000 messages, 8 senders, 10 × kill -9: nothing lost, repeated or reordered", takes=SEED),
    "crash-short": Lab("crash", "5,000 messages and 3 kills of it", ("--messages", "5000", "--kills", "3"), takes=SEED),
    "crash-supabase": Lab(
        "crash",
        "10,000 messages on a local Supabase, 10 × kill -9 of its PostgreSQL",
        ("--store", "supabase", "--messages", "10000"),
        takes=SEED,
    ),
    "drafts": Lab(
        "drafts",
        "100 × kill -9 of the instance that holds half-written answers, on one and two instances and both stores",
        takes=SEED,
    ),
    "drafts-short": Lab("drafts", "5 kills of each", ("--kills", "5"), takes=SEED),
    "realtime": Lab(
        "realtime", "20,000 messages over two instances while Realtime breaks in every way that is known", takes=SEED
    ),
    "faults": Lab(
        "faults",
        "a whole deployment, broken in every way: SEEDS=n runs 1 to n, SEED=n replays one",
        takes=("seed", "seeds"),
    ),
    "faults-short": Lab("faults", "three seeds of it, one of each deployment and style", ("--seed", "2,3,6")),
    "faults-mutations": Lab("faults.mutations", "six deliberate bugs, each of which it must catch"),
    "presence": Lab(
        "presence", "200 people join, type, crash and leave over two instances whose Realtime is broken", takes=SEED
    ),
    "presence-short": Lab("presence", "two rounds of it", ("--rounds", "2", "--chaos", "12"), takes=SEED, seed="2"),
    "presence-mutations": Lab("presence.mutations", "deliberate bugs, each of which it must catch"),
    "subscriptions": Lab(
        "subscriptions",
        "5,000 messages, pushed and claimed while receivers, workers and instances fail: each once at least, in order",
        takes=SEED,
    ),
    "subscriptions-short": Lab(
        "subscriptions",
        "400 messages of it on SQLite",
        (
            "--entries",
            "400",
            "--conversations",
            "40",
            "--seconds",
            "20",
            "--kills",
            "2",
            "--forever",
            "3",
            "--store",
            "sqlite",
        ),
        takes=SEED,
    ),
    "bridge": Lab(
        "bridge",
        "2,000 messages before an n8n (ARGS=--n8n: a real one) that fails in every way: each answered once, in order",
        takes=SEED,
    ),
    "bridge-short": Lab(
        "bridge",
        "150 messages of it on SQLite",
        (
            *("--messages", "150", "--conversations", "15", "--seconds", "28", "--kills", "1", "--forever", "2"),
            *("--slow", "8", "--ask-for", "20", "--deadline", "90", "--store", "sqlite"),
        ),
        takes=SEED,
    ),
    "security": Lab("security", "attacks that one client can make on the others (ARGS=--short)"),
    "fuzz": Lab("fuzz", "every operation of the OpenAPI document is asked what it takes and what not", takes=SEED),
    "drain": Lab("drain", "2,000 SSE and 2,000 WebSocket connections through a restart: each is back from its cursor"),
    "drain-short": Lab("drain", "200 of each", ("--connections", "200")),
    "proxy": Lab("proxy", "readers on SSE and WebSocket behind nginx: nothing is lost, held back or cut"),
    "proxy-short": Lab("proxy", "150 messages and one reload of it", ("--messages", "150", "--reloads", "1")),
    "browser": Lab(
        "browser", "the JavaScript client in a real Chromium, on every edge, through everything that breaks"
    ),
    "browser-supabase": Lab("browser", "the same on a local Supabase, over its own channel", ("--supabase",)),
    "browser-short": Lab(
        "browser",
        "five scenarios of it on the best edge and on polls",
        ("--edges", "websocket,poll", "--scenarios", "two-clients,reload,network,leader,documented"),
    ),
    "widget": Lab(
        "widget", "n8n's stock chat widget with its companion, in a real Chromium: it shows the log, each message once"
    ),
    "widget-short": Lab(
        "widget", "five scenarios of it", ("--scenarios", "history,away,changed,without-service,documented")
    ),
    "widget-n8n": Lab("widget", "the same against a real n8n with the shipped workflows", ("--n8n",)),
    "pages": Lab(
        "pages", "the chat page and the inbox in a real Chromium: screens, speed, attacks, axe, the keyboard alone"
    ),
    "pages-short": Lab("pages", "less of each", ("--short",)),
    "autobahn": Lab("autobahn", "the Autobahn cases against the WebSocket of the real server (ARGS=--short)"),
    "replay": Lab("replay", "dialogues in many scripts are sent and read back four ways, byte for byte"),
}
"""By name, in the order in which they are listed."""


def command(name: str, arguments: Sequence[str]) -> list[str]:
    """What Python runs for this lab, with the caller's arguments. Raises KeyError for a name that is none."""
    lab = LABS[name]
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--seed", default=lab.seed)
    parser.add_argument("--seeds", default="")
    options, others = parser.parse_known_args(arguments)
    given = {"seeds": options.seeds, "seed": options.seed}
    drawn = [
        word for option in given if option in lab.takes and given[option] for word in (f"--{option}", given[option])
    ]
    return ["-m", f"tests.labs.{lab.module}", *lab.arguments, *drawn, *others]


def listing() -> str:
    """A line for each."""
    return "\n".join(["make lab NAME=… (SEED=n repeats a run):", *(f"  {name:20}{LABS[name].about}" for name in LABS)])


def main(arguments: list[str]) -> int:
    """Become the lab."""
    name, *others = arguments or [""]
    if name in LABS:
        os.execv(sys.executable, [sys.executable, *command(name, others)])  # noqa: S606 - no shell is wanted
    print(f"There is no lab {name!r}. {listing()}" if name else listing(), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
