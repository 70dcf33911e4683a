"""Every error that Umbral Chat raises on purpose, in one tree.

UmbralChatError
├── RequestError                 the caller can mend it; becomes problem details with the class's status and code
│   ├── InvalidRequest           400  invalid_request, and by code: invalid_cursor, invalid_field, unknown_field …
│   ├── Unauthorized             401  unauthorized, token_expired
│   ├── Forbidden                403  forbidden
│   ├── NotFound                 404  conversation_not_found, message_not_found, unknown_run
│   ├── Conflict                 409  idempotency_conflict, message_id_taken, draft_offset, realtime_disabled …
│   │   └── ClaimExpired              claim_expired
│   ├── Gone                     410
│   │   ├── CursorExpired             cursor_expired
│   │   └── ConversationDeleted       conversation_deleted
│   ├── RequestTimeout           408  request_timeout
│   ├── TooLarge                 413  body_too_large
│   ├── UriTooLong               414  uri_too_long
│   ├── UnsupportedMedia         415  unsupported_media_type, unsupported_encoding
│   ├── UpgradeRequired          426  upgrade_required
│   ├── TooManyRequests          429  rate_limited, too_many_own_drafts, too_many_own_readers …
│   └── HeadersTooLarge          431  headers_too_large
├── Unavailable                  503  a part that is needed for the answer does not respond now
│   └── HistoryUnavailable            history_unavailable
├── ConsumerError                      a consumer did not handle an entry
│   ├── Undeliverable                      and never will
│   └── TryLater                           and is not to be asked before some time has passed
├── SettingsError                     a setting is wrong; names it, its origin and what would be valid
├── PluginError                       a plugin is broken, too new, or claims what another claims
└── StoreError                        a store's file cannot be used as it is
    └── NewerSchema                   the file was written by a newer version
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class UmbralChatError(Exception):
    """Root of the tree. Its message is written for the user: it has no secret in it, and says what to do, if
    anything."""


class RequestError(UmbralChatError):
    """Something about a request is wrong, and the caller can mend it.

    `code` is stable: clients decide by it. `field` names the wrong part of the body, query or headers, `limit` the
    bound that was exceeded; `extra` are further members of the problem details, `headers` go on the answer.
    """

    status: ClassVar[int] = 400
    default_code: ClassVar[str] = "invalid_request"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        field: str | None = None,
        limit: int | float | None = None,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.default_code
        self.field = field
        self.limit = limit
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})


class InvalidRequest(RequestError):
    """The request is malformed or breaks a rule of form."""


class Unauthorized(RequestError):
    """No credentials, or none that are valid."""

    status = 401
    default_code = "unauthorized"


class Forbidden(RequestError):
    """The principal is authenticated and does not have the right."""

    status = 403
    default_code = "forbidden"


class NotFound(RequestError):
    """What the path names does not exist."""

    status = 404
    default_code = "not_found"


class Conflict(RequestError):
    """The request contradicts what is stored."""

    status = 409
    default_code = "conflict"


class ClaimExpired(Conflict):
    """These claims ended before: their leases expired, or they were acknowledged or released. Their entries are given
    to the next claim, unless they were acknowledged."""

    default_code = "claim_expired"

    def __init__(self, claim_ids: Sequence[str]) -> None:
        super().__init__(
            "Of these claims, some are not held any more; the others were taken. Claim again: what is unhandled comes "
            "again.",
            extra={"claim_ids": list(claim_ids)},
        )
        self.claim_ids = list(claim_ids)


class Gone(RequestError):
    """What the request refers to no longer exists."""

    status = 410
    default_code = "gone"


class CursorExpired(Gone):
    """The cursor is of another epoch or past the head: start over from cursor `0`, or from a history page."""

    default_code = "cursor_expired"

    def __init__(self, detail: str = "This cursor does not belong to the log as it is now.") -> None:
        super().__init__(f"{detail} Start over with after=0, or load a history page and follow from its cursor.")
        self.extra = {"start": "0", "reconnect": True}


class ConversationDeleted(Gone):
    """The conversation was deleted; readers are not to reconnect, and only an explicit creation revives it."""

    default_code = "conversation_deleted"

    def __init__(self, conversation: str) -> None:
        super().__init__(
            f"Conversation {conversation!r} was deleted. Do not reconnect; POST /v1/conversations makes it anew."
        )
        self.extra = {"reconnect": False}


class TooLarge(RequestError):
    """The body is larger than the service accepts."""

    status = 413
    default_code = "body_too_large"


class RequestTimeout(RequestError):
    """The head or the body of the request did not arrive in time; the connection is closed."""

    status = 408
    default_code = "request_timeout"


class UriTooLong(RequestError):
    """The request line is longer than the service accepts; the connection is closed."""

    status = 414
    default_code = "uri_too_long"


class HeadersTooLarge(RequestError):
    """There are more headers, or longer ones, than the service accepts; the connection is closed."""

    status = 431
    default_code = "headers_too_large"


class UnsupportedMedia(RequestError):
    """The body is not JSON, or has an encoding that is not supported."""

    status = 415
    default_code = "unsupported_media_type"


class UpgradeRequired(RequestError):
    """The path is a WebSocket's, and the request does not ask for one in a version that is spoken here."""

    status = 426
    default_code = "upgrade_required"

    def __init__(self, detail: str) -> None:
        # RFC 9110, 15.5.22, and RFC 6455, 4.4: the answer says what to upgrade to.
        headers = {"Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        super().__init__(detail, headers=headers)


class TooManyRequests(RequestError):
    """The principal is past one of its limits; `Retry-After` says when to try again."""

    status = 429
    default_code = "rate_limited"


class Unavailable(RequestError):
    """A part that is needed for the answer does not respond now; the same request may succeed later."""

    status = 503
    default_code = "unavailable"

    def __init__(self, detail: str, *, code: str | None = None, retry_after: int = 1) -> None:
        super().__init__(detail, code=code, headers={"Retry-After": str(retry_after)})


class HistoryUnavailable(Unavailable):
    """The history store cannot be reached or cannot write: nothing was stored."""

    default_code = "history_unavailable"


class ConsumerError(UmbralChatError):
    """A consumer raises one of these from `handle`. `reason` is one line for operators: it is stored with the dead
    letter and shown in the status, so nothing of the entry's content may be in it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Undeliverable(ConsumerError):
    """The entry will never be handled: it becomes a dead letter at once, and the consumer goes on with the next one."""


class TryLater(ConsumerError):
    """The entry is not to be tried again before `seconds` (at most an hour) have passed, as a receiver asked by
    `Retry-After`. It counts as a try."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.seconds = seconds


class SettingsError(UmbralChatError):
    """A setting is wrong: the message names it, its origin, and what would be valid."""


class PluginError(UmbralChatError):
    """A plugin cannot be used: the message names it, the reason, and what to do."""


class StoreError(UmbralChatError):
    """A store's file cannot be used as it is."""


class NewerSchema(StoreError):
    """The file was written by a newer version than this one; it was opened read-only and left untouched."""


__all__ = [
    "ClaimExpired",
    "Conflict",
    "ConsumerError",
    "ConversationDeleted",
    "CursorExpired",
    "Forbidden",
    "Gone",
    "HeadersTooLarge",
    "HistoryUnavailable",
    "InvalidRequest",
    "NewerSchema",
    "NotFound",
    "PluginError",
    "RequestError",
    "RequestTimeout",
    "SettingsError",
    "StoreError",
    "TooLarge",
    "TooManyRequests",
    "TryLater",
    "UmbralChatError",
    "Unauthorized",
    "Unavailable",
    "Undeliverable",
    "UnsupportedMedia",
    "UpgradeRequired",
    "UriTooLong",
]
