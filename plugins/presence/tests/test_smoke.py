"""Replaced by the contract."""

from __future__ import annotations

from umbral_chat.model.entries import Sender
from umbral_chat.providers.presence import Report, Viewer
from umbral_chat_presence.claims import Moment
from umbral_chat_presence.engine import Engine
from umbral_chat_presence.names import Names
from umbral_chat_presence.settings import PresenceSettings

ALL = Viewer(ids=True, last_seen=True)


def at(seconds: float) -> Moment:
    return Moment(seconds, 1_000_000 + round(seconds * 1000))


def test_smoke() -> None:
    engine = Engine(PresenceSettings(), Names(b"x" * 32), "a")
    ann = Sender("user", "ann", "Ann")
    engine.report("room", Report(person=ann), at(0))
    state = engine.state("room", ALL, at(0))
    assert state.presence.count == 1
    assert engine.leave("room", ann, "default", at(1))
    assert engine.state("room", ALL, at(10)).presence.count == 1
    engine.report("room", Report(person=ann), at(10))
    engine.advance(at(11))
    engine.advance(at(12))
    assert engine.typing("room", ann, True, None, at(12)).typing
    assert engine.state("room", ALL, at(13)).typing
    assert not engine.state("room", ALL, at(20.1)).typing
    engine.advance(at(54))
    assert engine.state("room", ALL, at(55)).presence.count == 1
    state = engine.state("room", ALL, at(55.1))
    assert state.presence.count == 0
    engine.advance(at(500))
    assert not engine.rooms["room"].people
    assert engine.rooms["room"].seen
    engine.state("room", ALL, at(501))
    engine.advance(at(1000))
    assert engine.idle
