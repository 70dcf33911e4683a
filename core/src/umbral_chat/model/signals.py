"""Signals: what is ephemeral and not in the log."""

from __future__ import annotations

from typing import Literal

import msgspec

from umbral_chat.model.entries import Sender


class _Signal(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="signal"):
    conversation: str


class DraftSignal(_Signal, frozen=True, tag="draft"):
    """A message that is being written, whole so far: cumulative, so that a lost one costs nothing.

    An empty `text` with `ended` says that its producer fell silent or its entry came.
    """

    message_id: str
    text: str
    sender: Sender
    ended: bool = False


class ReadSignal(_Signal, frozen=True, tag="read"):
    """Somebody has read up to `seq`."""

    subject: str
    seq: int


class StatusSignal(_Signal, frozen=True, tag="status"):
    """How this conversation is delivered now; the one thing that readers are told about a failing transport."""

    mode: str
    reason: str


class PresenceSignal(_Signal, frozen=True, tag="presence"):
    """The presence list changed: ask for the one of this version."""

    version: int


class TypingSignal(_Signal, frozen=True, tag="typing"):
    """Somebody types, or stopped."""

    sender: Sender
    typing: bool


Signal = DraftSignal | ReadSignal | StatusSignal | PresenceSignal | TypingSignal

signal_encoder = msgspec.json.Encoder()
signal_decoder: msgspec.json.Decoder[Signal] = msgspec.json.Decoder(Signal)

Mode = Literal["local", "polling", "live"]
"""How entries of other instances arrive: not at all (this process is alone), by ticks, or pushed."""

__all__ = [
    "DraftSignal",
    "Mode",
    "PresenceSignal",
    "ReadSignal",
    "Signal",
    "StatusSignal",
    "TypingSignal",
    "signal_decoder",
    "signal_encoder",
]
