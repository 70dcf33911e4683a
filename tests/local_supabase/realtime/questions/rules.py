"""The rules by which two answers are the same: what differs from run to run is replaced."""

from __future__ import annotations

import json
import re
import struct
from typing import Any

from tests.local_supabase.realtime.limits import REFUSED_SIZE

from .retrying import MAX_ROUNDS, STALL
from .round import JOINS, QUIET_TIME, RATE_SECONDS, REPLACED_LIFE, SHORT_LIFE, SILENCE, TIME_SCALE

RULES = f"""
- Ids: a UUID, a presence's `phx_ref` and `phx_ref_prev`, a subscription's number and the time in a topic's name are
  each replaced by a word.
- Refs are compared as they are: the questions are asked in the same order.
- Times: the seconds until an answer are counted in whole pauses of the server (5 s before a refused join, 2 s before a
  refused handshake, 66 s of silence), rounded down. “N seconds ago” loses its number.
- Spacing: what is JSON is compared as JSON, in bodies, text frames and binary ones.
- Counts of a race are compared as whether there were any; sizes of long frames in kilobytes.
- A socket that ends while a frame is still being sent is over, whichever way the client library says it.

The stand-in is asked differently from the real server, as
[asked-2.129.8.py.txt](realtime/questions/asked-2.129.8.py.txt) shows, in this:

- Pauses are a tenth: of the 5 s before a refused join, of the 2 s before a refused handshake, of the 5 s of a rate's
  tick, and of the {RATE_SECONDS} s for which is sent to use up the rate of messages. What the stand-in takes is
  multiplied by {1 / TIME_SCALE:.0f}. The 66 s of silence are {SILENCE} s here, multiplied by {66 / SILENCE:.0f}.
  Only the rate of joins is asked with the real tick, since all {JOINS} joins come before one ends; the real server
  was given 50 ms between two of them, here there is no pause.
- Tokens that end while a client listens are valid for {SHORT_LIFE} s, where the real server was given 5 and 6 s; the
  one that is replaced before its end is valid for {REPLACED_LIFE} s instead of 6 s, and is replaced at once and not
  after 1 s. A token's end is written in whole seconds, so that there is no tenth of it.
- Sizes: what is too much is {REFUSED_SIZE // 1000} kB, by the Free plan's limit, where the real server was sent 3,200
  kB, by a limit of its own. The message of 250 kB and the frame of 5.1 MB are the same.
- Spacing of questions: the real server was listened to for a set time after each one; here until as many frames came
  as are recorded, and for {QUIET_TIME} s more, in which nothing else may come (after a token that is replaced, past its
  old end). The rests of 10 s and 1 s around the rates are left out: setting a limit here counts rates anew.
- Limits are set through `/_control`, where the real server's were those of its tenant. Both were asked directly,
  and not through a gateway.

A group of questions is asked once. Where an answer differs, that is a difference, unless the stand-in or its database
took {STALL} s or more for trivial requests meanwhile: then the group is asked again, at most {MAX_ROUNDS} times in all,
until two rounds agree one after the other, and a warning names what differed.
"""
"""The rules in words, for the README."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_RACES = {"rate: sent before the end", "rate: listener heard"}
_SIZES = {"db message of 250 kB"}
_PAUSES = {"handshake delays": 2.0, "silent socket: frames within 75 s": 66.0}
"""Seconds of the pause in these questions; in all others it is that of a refused join."""

_TIMED = {
    "handshake delays",
    "heartbeat beside a refused join (ref 92, seconds)",
    "three refused joins on one socket, seconds each",
    "silent socket: frames within 75 s",
    "joins rate refusal",
}
"""Questions whose answers contain seconds, besides joins."""

_EARLY = 0.05
"""Share of a pause by which a measured time may be short."""


def normal(question: str, answer: Any) -> Any:
    """The answer with what differs from run to run replaced."""
    if question in _RACES:
        return "some" if answer else "none"
    if question in _SIZES:
        return [f"{size // 1000} kB" for size in answer]
    if question == "frame over 5 MB":
        return "over" if isinstance(answer, str) or "CLOSE" in str(answer) else answer
    if question in _TIMED or _is_join(answer):
        answer = _in_pauses(answer, _PAUSES.get(question, 5.0))
    return _plain(answer)


def _is_join(answer: Any) -> bool:
    return isinstance(answer, list) and len(answer) == 2 and isinstance(answer[1], float)


def _in_pauses(value: Any, pause: float) -> Any:
    if isinstance(value, list):
        return [_in_pauses(each, pause) for each in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{int(value / pause + _EARLY)} pauses"
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        if set(value) == {"binary"} and isinstance(value["binary"], str):
            return {"binary": _plain(_broadcast(bytes.fromhex(value["binary"])))}
        return {_words(name): _id(name, each) for name, each in value.items()}
    return _words(value) if isinstance(value, str) else value


def _id(name: str, value: Any) -> Any:
    if name in {"phx_ref", "phx_ref_prev"}:
        return f"<{name}>"
    if name == "id" and isinstance(value, int):
        return "<number>"
    return _plain(value)


def _words(text: str) -> Any:
    if text.startswith(("{", "[")):
        try:
            return _plain(json.loads(text))
        except ValueError:
            pass
    text = re.sub(r"\d+ seconds ago", "<n> seconds ago", _UUID.sub("<uuid>", text))
    return re.sub(r"fact:r\d+", "fact:r<time>", text)


def _broadcast(data: bytes) -> list[Any]:
    """Kind, encoding, topic, event, meta and payload of a binary broadcast."""
    kind, *lengths, encoding = struct.unpack_from("5B", data)
    at, parts = 5, []
    for length in lengths:
        parts.append(data[at : at + length].decode())
        at += length
    topic, event, meta = parts
    body = data[at:]
    return [kind, encoding, topic, event, meta, body.decode() if encoding == 1 else body.hex()]


__all__ = ["RULES", "normal"]
