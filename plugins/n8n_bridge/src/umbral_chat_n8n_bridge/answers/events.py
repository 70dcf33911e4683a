"""What an answer of n8n consists of."""

from __future__ import annotations

from typing import Literal, NamedTuple

from umbral_chat.settings import Secret

Way = Literal["text", "silent", "failed", "never_began", "unknown"]
"""How an answer ended: with text; without, while the workflow may yet answer by itself; the workflow failed; it did not
begin; or it is not known whether it ran."""


class SegmentBegun(NamedTuple):
    """A message begins. Its number is unique in the answer."""

    segment: int


class Piece(NamedTuple):
    """Text that is added to a message."""

    segment: int
    text: str


class SegmentEnded(NamedTuple):
    """A message is complete; `failed`: its writing failed before its end."""

    segment: int
    failed: bool = False


class LineError(NamedTuple):
    """A node failed. The execution may go on. `stopped`: the execution was stopped, after which n8n leaves the body
    open for ever. What the line says is not passed on: it is written for the workflow's author."""

    stopped: bool = False


class Ended(NamedTuple):
    """The answer is over. `code` says why, for programs; it does not change:

    - `answered`;
    - `empty`, `echoed` (n8n answers with the request when the execution waits for long), `accepted` (a Webhook that
      answers at once), `started` (response nodes, which go on over n8n's own WebSocket): no text;
    - `workflow_failed`, `execution_stopped`, `answer_lost` (it succeeded, and its answer cannot be had any more),
      `choice_expected` (it takes a click of a button, and no text), `socket_refused` (n8n has no such execution, or a
      proxy before it lets no WebSocket pass);
    - `webhook_not_found`, `not_authorized`, `credentials_required`, `rate_limited`, `unavailable`, `refused`: did not
      begin; `not_executed`: so n8n's executions say;
    - `proxy_error`, `unexpected_answer`, `answer_too_large`, `connection_lost`, `timed_out`: not known.
    """

    way: Way
    code: str
    execution_id: str | None = None
    resume_token: Secret | None = None
    """Of `started`: what n8n wants to see before it opens its WebSocket."""


Event = SegmentBegun | Piece | SegmentEnded | LineError | Ended

__all__ = ["Ended", "Event", "LineError", "Piece", "SegmentBegun", "SegmentEnded", "Way"]
