"""Every `code` of a problem answer, as data, and the page `docs/reference/errors.md` that is made from it."""

from __future__ import annotations

from typing import NamedTuple

from umbral_chat.model.ids import ID_CHARACTERS, ID_LIMIT

INTRODUCTION = """\
# Errors

Every error is a problem (RFC 9457), with the media type `application/problem+json`:

```json
{
  "type": "about:blank",
  "title": "Bad Request",
  "status": 400,
  "detail": "There is no field 'contents' here.",
  "code": "unknown_field",
  "field": "contents"
}
```

`code` is for programs and does not change. `detail` is for people and may. `field` names the part of the body, query or
headers that is wrong, and `limit` the bound that was exceeded, where there are such. An answer that is not 2xx or
304 changed nothing, with one exception: after a 503, or when no answer came, a send may have been stored. Send it again
with the same idempotency key.

Some codes have further members: `cursor_expired` has `start`, the cursor to start over with; `conversation_deleted` has
`reconnect: false`, `forbidden` has the missing `right`, `already_taken` has `assignee`, the agent who has the
conversation, `run_ended` has `outcome` and `reason`, `draft_offset` has `expected`, the offset to go on from, and
`claim_expired` has `claim_ids`, those that were not held.
A 429 and a 503 have `Retry-After` in seconds where the service knows when to try again.

"""


class Code(NamedTuple):
    """One code; `mend` is what the caller can do about it."""

    name: str
    status: int
    meaning: str
    mend: str


CODES = (
    Code("invalid_request", 400, "The request is wrong in a way that has no code of its own.", "Read `detail`."),
    Code("invalid_json", 400, "The body is not JSON, or holds a lone surrogate.", "Send valid JSON."),
    Code(
        "invalid_http_request",
        400,
        "The request breaks the rules of HTTP/1.1 (RFC 9112), or is ambiguous about where it ends. The connection is "
        "closed.",
        "Send well-formed HTTP; `detail` says what is not.",
    ),
    Code(
        "trailers_refused",
        400,
        "Header fields follow a chunked body. The connection is closed.",
        "Send them before the body.",
    ),
    Code(
        "invalid_handshake",
        400,
        "The request for a WebSocket has no valid key (RFC 6455, section 4.2).",
        "Connect with a WebSocket client; a proxy in between has to pass its headers on.",
    ),
    Code("invalid_frame", 400, "A frame of the WebSocket is no JSON object with a `type`.", "Send one."),
    Code("unknown_type", 400, "The WebSocket has no frame of this type.", "See the AsyncAPI document."),
    Code("invalid_encoding", 400, "The body, the query or a header is not UTF-8.", "Encode text as UTF-8."),
    Code("missing_body", 400, "The route needs a body.", "Send JSON."),
    Code("unexpected_body", 400, "The route takes no body.", "Leave it out; filters go in the query."),
    Code("too_deep", 400, "The body or token is nested too deep.", "See `limit` (`core.limits.depth`)."),
    Code("incomplete_body", 400, "The connection ended in the middle of the body.", "Send it again."),
    Code("missing_field", 400, "A field that must be there is not.", "Add the field that `field` names."),
    Code("unknown_field", 400, "The body has a field that this route does not know.", "Remove or rename it."),
    Code("invalid_field", 400, "A field or parameter has the wrong form or is out of bounds.", "See `field`, `limit`."),
    Code("nul_character", 400, "Text holds a NUL character.", "Remove it."),
    Code(
        "invalid_number",
        400,
        "A number cannot be stored: a whole one beyond 2^53, or one too great for a double. One with a fraction or an "
        "exponent is stored as the nearest double.",
        "Send it as text.",
    ),
    Code("metadata_too_large", 400, "The metadata has too many bytes.", "Keep it elsewhere and store a reference."),
    Code("unknown_parameter", 400, "The query has a parameter that is not known here.", "Remove or rename it."),
    Code("duplicate_parameter", 400, "A query parameter was given twice.", "Give it once."),
    Code("duplicate_header", 400, "A header that may be sent only once was sent twice.", "Send it once."),
    Code(
        "empty_path_segment",
        400,
        "The path has an empty segment, as when an id is an empty variable, or ends with a slash.",
        "Check that every variable in the URL has a value.",
    ),
    Code(
        "invalid_path_segment",
        400,
        "A segment of the path is `.` or `..`, holds an encoded slash, or is not percent-encoded UTF-8.",
        "Send the path as the reference has it; a slash inside an id is written `~2F`.",
    ),
    Code(
        "invalid_conversation_id",
        400,
        "No conversation can have this id.",
        f"Use 1–{ID_LIMIT} of `{ID_CHARACTERS}`; write other characters as `~` and two hexadecimal digits a byte.",
    ),
    Code(
        "invalid_cursor",
        400,
        "This is not a cursor of this service; a bare number is not one either.",
        "Send back a `cursor` as it was given, or `0` for the beginning.",
    ),
    Code(
        "time_in_future",
        400,
        "The time of an imported entry lies in the future, by the service's clock.",
        "Send the time that the entry had; compare the clocks.",
    ),
    Code(
        "refused_url",
        400,
        "The URL is not one that is called: its form, its port, or its host, which is not on the public internet.",
        "Read `detail`; the deployer lists further networks in `core.outbound.allow`.",
    ),
    Code(
        "not_supported",
        400,
        "The history of this installation cannot search the inbox so, or have conversations taken over.",
        "Leave the filter out, or use a history that can: the embedded one, or Supabase.",
    ),
    Code("nothing_to_change", 400, "A PATCH names nothing to change.", "Give at least one field."),
    Code(
        "idempotency_key_mismatch",
        400,
        "`Idempotency-Key` and `client_id` mean the same, and the two that were sent differ.",
        "Send one of them.",
    ),
    Code("unauthorized", 401, "No credentials, or none that are valid.", "Send `Authorization: Bearer KEY_OR_TOKEN`."),
    Code("invalid_ticket", 401, "The ticket is unknown, expired, used, or for another stream.", "Get another one."),
    Code(
        "session_ended",
        401,
        "The operator's session was signed out, was unused for too long, or its key was removed.",
        "Sign in again: `POST /v1/session`.",
    ),
    Code("token_expired", 401, "The conversation token has expired.", "Ask for a new one and go on from the cursor."),
    Code("forbidden", 403, "The caller does not have the right.", "Use a key with the right that `right` names."),
    Code("foreign_conversation", 403, "The token is for another conversation.", "Use the token of this one."),
    Code(
        "may_not_speak_as",
        403,
        "The caller may not write as this sender.",
        "Leave `sender` out, or use a key with `send_as`.",
    ),
    Code(
        "not_your_run",
        403,
        "The run is for a message of another sender.",
        "Cancel runs for your own messages, or use a key with the right `moderate`.",
    ),
    Code("not_your_message", 403, "The message was written by another author.", "Use a key with the right `moderate`."),
    Code(
        "internal_conversation",
        403,
        "The conversation is internal: tokens, and members who are no agents, have no right on it.",
        "Use a service key, or a user who is a member with the role `agent`.",
    ),
    Code(
        "origin_refused",
        403,
        "A page of an origin that is not allowed opens a stream, asks for a ticket, or uses an operator's session; "
        "with the session's cookie also a change without `Origin`.",
        "Name the page's origin in `core.cors_origins`; a session is for this service's own pages alone.",
    ),
    Code("not_loopback", 403, "Without keys the service answers to loopback names only.", "Set `core.keys`."),
    Code(
        "foreign_origin",
        403,
        "Without keys the service refuses requests of web pages of other origins, other local ports included.",
        "Set `core.keys`, or name the page's origin in `core.cors_origins`.",
    ),
    Code(
        "behind_proxy",
        403,
        "Without keys every caller is the administrator, and this request came through a proxy.",
        "Set `core.keys`, and send `Authorization: Bearer KEY`.",
    ),
    Code("other_subject", 403, "The newer token of a WebSocket is another subject's.", "Open a socket of its own."),
    Code("not_found", 404, "What the path names does not exist.", "Check the path."),
    Code("route_not_found", 404, "There is no such route in this installation.", "See `missing` in `GET /v1/status`."),
    Code("conversation_not_found", 404, "The conversation was never created.", "Send its first message, or create it."),
    Code("message_not_found", 404, "The conversation has no message with this id.", "Check the message id."),
    Code(
        "unknown_run",
        404,
        "The conversation has no run with this id, or it ended long ago.",
        "Check the run's id; ends are remembered for an hour.",
    ),
    Code("not_subscribed", 404, "The WebSocket does not follow the conversation.", "There is nothing to end."),
    Code(
        "subscription_not_found",
        404,
        "There is no subscription of this name: it was never made, was deleted, or expired.",
        "See `GET /v1/subscriptions`.",
    ),
    Code("presence_not_installed", 404, "The service has no presence.", "Install the extra `presence`."),
    Code("metrics_off", 404, "Metrics are switched off.", "Set `telemetry.metrics = true`."),
    Code("method_not_allowed", 405, "The route does not take this method.", "See the header `Allow`."),
    Code(
        "request_timeout",
        408,
        "The headers or the body did not arrive in time. The connection is closed.",
        "Send it again, faster (`core.limits.header_timeout`, `core.limits.body_timeout`).",
    ),
    Code("conflict", 409, "The request contradicts what is stored.", "Read `detail`."),
    Code(
        "idempotency_conflict",
        409,
        "This idempotency key was used before with another body.",
        "Give each new message a key of its own.",
    ),
    Code(
        "already_taken",
        409,
        "Another agent has the conversation; `assignee` is its subject.",
        "Leave it to them, or hand it over: a PATCH with `assignee` alone.",
    ),
    Code("no_sign_in", 409, "The service has no keys, and needs no sign-in.", "Go on without."),
    Code(
        "message_id_taken",
        409,
        "The conversation already has a message with this id.",
        "Choose another, or leave it out.",
    ),
    Code("message_redacted", 409, "A redacted message cannot be edited.", "Send a new message."),
    Code(
        "draft_offset",
        409,
        "The piece does not begin where the draft's text ends.",
        "Go on from the offset `expected`, or send `replace` to cut what follows the piece's offset.",
    ),
    Code(
        "draft_ended",
        409,
        "The message is in the log, or its draft was silent for too long.",
        "Send no more pieces. After `interrupted`, its author may send the whole message.",
    ),
    Code("draft_too_long", 409, "The draft is longer than a message may be.", "End it, and begin another message."),
    Code(
        "run_ended",
        409,
        "The run has ended, in another way than this request would end it. `outcome` and `reason` say how.",
        "Stop: begin another run for further work.",
    ),
    Code(
        "claim_expired",
        409,
        "Some of these claims are not held any more (`claim_ids`): their leases expired, or they were ended before. "
        "The others were taken.",
        "Claim again: what is unhandled comes again. Hold claims for longer, or take fewer entries at once.",
    ),
    Code("consumer_running", 409, "A durable consumer of this name runs already.", "Use another name."),
    Code(
        "consumer_forgotten",
        409,
        "A durable consumer of this name was deleted, and instances may still stop it.",
        "Use another name.",
    ),
    Code(
        "not_your_draft",
        409,
        "Another author is writing the message with this id.",
        "Use a message id of your own, or leave it out.",
    ),
    Code(
        "subscription_exists",
        409,
        "There is another subscription of this name.",
        "Delete that one, or choose another name.",
    ),
    Code(
        "subscriptions_full",
        409,
        "There are as many subscriptions as there may be.",
        "Delete one that is not needed (`subscriptions.most`).",
    ),
    Code("subscription_paused", 409, "The subscription is paused, and gives no claims.", "PATCH it to go on."),
    Code("subscription_pushes", 409, "The subscription sends its events to a URL.", "Claim from one without `push`."),
    Code(
        "subscription_contended",
        409,
        "The subscription is changed by others at the same time.",
        "Send the change again.",
    ),
    Code("realtime_off", 409, "Realtime was switched off.", "Poll, until `connect` offers streams again."),
    Code(
        "realtime_disabled",
        409,
        "Realtime is off in the settings, which the API cannot change.",
        "Remove `realtime.enabled = false` and restart.",
    ),
    Code("already_authenticated", 409, "The WebSocket is authenticated already.", "Use `renew`."),
    Code("already_subscribed", 409, "The WebSocket follows the conversation already.", "Unsubscribe first."),
    Code("older_token", 409, "The newer token of a WebSocket expires before the one in use.", "Ask for a new one."),
    Code("gone", 410, "What the request refers to no longer exists.", "Read `detail`."),
    Code(
        "cursor_expired",
        410,
        "The cursor is of another epoch, or past the head: following from it would be silently wrong.",
        "Start over with `after=0`, or load a history page and follow from its cursor.",
    ),
    Code(
        "conversation_deleted",
        410,
        "The conversation was deleted.",
        "Stop: do not reconnect or retry. `POST /v1/conversations` creates it anew.",
    ),
    Code("body_too_large", 413, "The body has too many bytes.", "See `limit` (`core.limits.body_bytes`)."),
    Code(
        "uri_too_long",
        414,
        "The request line has too many bytes. The connection is closed.",
        "See `limit` (`core.limits.request_line_bytes`).",
    ),
    Code(
        "unsupported_media_type", 415, "The body is a form, or of another type than JSON.", "Send `application/json`."
    ),
    Code(
        "unsupported_encoding",
        415,
        "The body is compressed, has a byte order mark, or is not UTF-8 but UTF-16 or UTF-32.",
        "Send it uncompressed, as UTF-8 without a byte order mark.",
    ),
    Code(
        "upgrade_required",
        426,
        "The path is a WebSocket's, and the request does not ask for one, or for another version of it than 13.",
        "Connect with a WebSocket client; a proxy in between has to pass `Upgrade` and `Connection` on.",
    ),
    Code(
        "rate_limited",
        429,
        "This caller sends requests or writes faster than it may.",
        "Wait as long as `Retry-After` says.",
    ),
    Code(
        "too_many_runs",
        429,
        "As many runs go on, in this conversation or in all together, as may.",
        "End one of them, or wait until one has ended (`core.limits.runs`).",
    ),
    Code(
        "too_many_sessions",
        429,
        "The key has as many sessions of operators as it may.",
        "Let one sign out, or wait until one has ended.",
    ),
    Code(
        "too_many_drafts", 429, "Too many messages are being written in this conversation.", "Wait until one has ended."
    ),
    Code(
        "too_many_claims",
        429,
        "As many claims of this consumer are open as may be (1,000).",
        "Acknowledge or release some.",
    ),
    Code(
        "too_many_own_drafts",
        429,
        "This caller is writing as many messages at once in this conversation as it may.",
        "Send one of them, or wait until one has ended.",
    ),
    Code(
        "too_many_own_readers",
        429,
        "This caller holds as many long polls and streams as it may.",
        "Close some, or poll without `wait`.",
    ),
    Code(
        "too_many_subscriptions",
        429,
        "The WebSocket follows as many conversations as one may (`streaming.subscriptions`).",
        "Unsubscribe from some, or open another socket.",
    ),
    Code("too_many_devices", 429, "Too many devices of this person are in this conversation.", "Let one leave."),
    Code("too_many_present", 429, "Too many devices are in this conversation.", "Try again when some have left."),
    Code(
        "headers_too_large",
        431,
        "There are too many headers, or they have too many bytes. The connection is closed.",
        "See `limit` (`core.limits.headers`, `core.limits.header_bytes`).",
    ),
    Code("internal_error", 500, "A mistake in the service.", "Its log has the details."),
    Code(
        "unavailable",
        503,
        "A part that is needed for the answer does not respond now.",
        "Try again after `Retry-After`.",
    ),
    Code(
        "draining",
        503,
        "This instance stops, and opens no more streams.",
        "Connect to another instance, or to its successor.",
    ),
    Code(
        "history_unavailable",
        503,
        "The history does not respond, or cannot write.",
        "Try again after `Retry-After`, a send with the same idempotency key.",
    ),
    Code(
        "too_many_readers", 503, "This instance holds as many long polls as it may.", "Try again after `Retry-After`."
    ),
    Code(
        "too_many_connections",
        503,
        "This instance holds as many connections as it may.",
        "Try again after `Retry-After`; close connections that are not used.",
    ),
    Code(
        "drafts_full",
        503,
        "This instance holds as many drafts, or as much text of drafts, as it may.",
        "Send the message when it is written, or try again after `Retry-After`.",
    ),
    Code(
        "draft_contended",
        503,
        "Several instances take pieces of this draft at the same time.",
        "Send the piece again, to one instance.",
    ),
    Code("stopping", 503, "The instance stopped while a WebSocket was being opened.", "Come back."),
    Code("not_started", 503, "The service has not started yet.", "Try again in a moment."),
    Code("error", 0, "An HTTP error that has no code of its own.", "See the status."),
)
"""By status, and within a status from the general to the special. Status 0: any."""


def errors_page(codes: tuple[Code, ...] = CODES) -> str:
    """The text of `docs/reference/errors.md`."""
    lines = ["| code | status | meaning | what to do |", "| --- | --- | --- | --- |"]
    lines += [f"| `{one.name}` | {one.status or 'any'} | {one.meaning} | {one.mend} |" for one in codes]
    return INTRODUCTION + "\n".join(lines) + "\n"


__all__ = ["CODES", "Code", "errors_page"]
