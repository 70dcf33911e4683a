"""Umbral Chat: the live layer under every n8n chat. The log is the truth; a transport only makes it fast.

The names of this module are what plugins and programs build on. Each is imported when it is first used, so that a
command line that prints its version does not pay for a web framework.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from umbral_chat.clock import Clock
    from umbral_chat.context import Base, Services
    from umbral_chat.errors import (
        ClaimExpired,
        Conflict,
        ConversationDeleted,
        CursorExpired,
        Forbidden,
        Gone,
        HistoryUnavailable,
        InvalidRequest,
        NewerSchema,
        NotFound,
        PluginError,
        RequestError,
        SettingsError,
        StoreError,
        TakeoverConflict,
        TooLarge,
        TooManyRequests,
        TryLater,
        UmbralChatError,
        Unauthorized,
        Unavailable,
        Undeliverable,
    )
    from umbral_chat.markers import hookimpl
    from umbral_chat.model.conversations import (
        Conversation,
        Deleted,
        Head,
        InboxFilter,
        InboxPage,
        LogPage,
        MessagePage,
    )
    from umbral_chat.model.cursor import START, Cursor
    from umbral_chat.model.entries import (
        Changes,
        Edit,
        Entry,
        Finish,
        FoldedMessage,
        Member,
        Message,
        Redaction,
        Role,
        Run,
        Sender,
        Status,
        Update,
        entry_decoder,
        entry_encoder,
    )
    from umbral_chat.model.receipts import Receipt
    from umbral_chat.model.requests import EditBody, SendBody
    from umbral_chat.model.runs import (
        CancelBody,
        ProgressBody,
        RunBody,
        RunEndBody,
        RunEnded,
        RunProgress,
        RunStarted,
        RunView,
    )
    from umbral_chat.model.signals import (
        CHANNEL_SIGNALS,
        DraftSignal,
        PersonThere,
        PresenceSignal,
        ReadSignal,
        RosterSignal,
        RunSignal,
        Signal,
        StatusSignal,
        TypingSignal,
        signal_decoder,
        signal_encoder,
    )
    from umbral_chat.model.writes import Appended, Write, WriteEdit, WriteMessage, WriteRedaction, WriteRun, WriteUpdate
    from umbral_chat.providers.auth import Authenticator, Authorizer, Principal, Right
    from umbral_chat.providers.consumers import (
        Claim,
        ClaimConsumer,
        Claims,
        ConsumerService,
        ConsumerState,
        DeadLetter,
    )
    from umbral_chat.providers.edges import (
        BeginsAt,
        BoundsConcurrency,
        BoundsTries,
        Check,
        CheckResult,
        Consumer,
        ConsumerSource,
        LogEnd,
        Offer,
        SelectsEntries,
        TakesEnds,
        TakesImported,
        WantsConversations,
    )
    from umbral_chat.providers.history import History, OperatorInbox, RenewsEpochs, Storage, TellsWhetherItWrites
    from umbral_chat.providers.presence import (
        DEVICE,
        Availability,
        DeviceHere,
        PersonHere,
        PersonSeen,
        PersonTyping,
        Presence,
        PresenceLink,
        PresenceList,
        PresenceState,
        Renewal,
        Report,
        TypingNow,
        Viewer,
        viewer,
    )
    from umbral_chat.providers.store import Lease, RecentSignals, Record, SharedStore, StoredSignal
    from umbral_chat.providers.transport import (
        Announces,
        EntryHint,
        HeadHint,
        SignalHint,
        StandsBy,
        StateChanged,
        StateName,
        ToggleHint,
        Transport,
        TransportEvent,
        TransportState,
    )
    from umbral_chat.settings import Secret, Section, Settings

__version__ = "0.1.0"

_PLACES = {
    "umbral_chat.model.receipts": "Receipt",
    "umbral_chat.model.requests": "EditBody SendBody",
    "umbral_chat.clock": "Clock",
    "umbral_chat.context": "Base Services",
    "umbral_chat.errors": (
        "ClaimExpired Conflict ConversationDeleted CursorExpired Forbidden Gone HistoryUnavailable "
        "InvalidRequest NewerSchema NotFound PluginError RequestError SettingsError StoreError TakeoverConflict "
        "TooLarge TooManyRequests TryLater UmbralChatError Unauthorized Unavailable Undeliverable"
    ),
    "umbral_chat.markers": "hookimpl",
    "umbral_chat.model.conversations": "Conversation Deleted Head InboxFilter InboxPage LogPage MessagePage",
    "umbral_chat.model.cursor": "START Cursor",
    "umbral_chat.model.entries": (
        "Changes Edit Entry Finish FoldedMessage Member Message Redaction Role Run Sender Status Update "
        "entry_decoder entry_encoder"
    ),
    "umbral_chat.model.runs": ("CancelBody ProgressBody RunBody RunEndBody RunEnded RunProgress RunStarted RunView"),
    "umbral_chat.model.signals": (
        "CHANNEL_SIGNALS DraftSignal PersonThere PresenceSignal ReadSignal RosterSignal RunSignal Signal "
        "StatusSignal TypingSignal signal_decoder signal_encoder"
    ),
    "umbral_chat.model.writes": "Appended Write WriteEdit WriteMessage WriteRedaction WriteRun WriteUpdate",
    "umbral_chat.providers.auth": "Authenticator Authorizer Principal Right",
    "umbral_chat.providers.consumers": "Claim ClaimConsumer Claims ConsumerService ConsumerState DeadLetter",
    "umbral_chat.providers.edges": (
        "BeginsAt BoundsConcurrency BoundsTries Check CheckResult Consumer ConsumerSource LogEnd Offer SelectsEntries "
        "TakesEnds TakesImported WantsConversations"
    ),
    "umbral_chat.providers.history": "History OperatorInbox RenewsEpochs Storage TellsWhetherItWrites",
    "umbral_chat.providers.presence": (
        "DEVICE Availability DeviceHere PersonHere PersonSeen PersonTyping Presence PresenceLink PresenceList "
        "PresenceState Renewal Report TypingNow Viewer viewer"
    ),
    "umbral_chat.providers.store": "Lease RecentSignals Record SharedStore StoredSignal",
    "umbral_chat.providers.transport": (
        "Announces EntryHint HeadHint SignalHint StandsBy StateChanged StateName ToggleHint Transport TransportEvent "
        "TransportState"
    ),
    "umbral_chat.settings": "Secret Section Settings",
}
"""Where each public name is defined."""

_MODULES = {name: module for module, names in _PLACES.items() for name in names.split()}

if not TYPE_CHECKING:  # a checker reads the imports above, and is to complain about any other name

    def __getattr__(name: str) -> object:
        module = _MODULES.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(module), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "CHANNEL_SIGNALS",
    "DEVICE",
    "START",
    "Announces",
    "Appended",
    "Authenticator",
    "Authorizer",
    "Availability",
    "Base",
    "BeginsAt",
    "BoundsConcurrency",
    "BoundsTries",
    "CancelBody",
    "Changes",
    "Check",
    "CheckResult",
    "Claim",
    "ClaimConsumer",
    "ClaimExpired",
    "Claims",
    "Clock",
    "Conflict",
    "Consumer",
    "ConsumerService",
    "ConsumerSource",
    "ConsumerState",
    "Conversation",
    "ConversationDeleted",
    "Cursor",
    "CursorExpired",
    "DeadLetter",
    "Deleted",
    "DeviceHere",
    "DraftSignal",
    "Edit",
    "EditBody",
    "Entry",
    "EntryHint",
    "Finish",
    "FoldedMessage",
    "Forbidden",
    "Gone",
    "Head",
    "HeadHint",
    "History",
    "HistoryUnavailable",
    "InboxFilter",
    "InboxPage",
    "InvalidRequest",
    "Lease",
    "LogEnd",
    "LogPage",
    "Member",
    "Message",
    "MessagePage",
    "NewerSchema",
    "NotFound",
    "Offer",
    "OperatorInbox",
    "PersonHere",
    "PersonSeen",
    "PersonThere",
    "PersonTyping",
    "PluginError",
    "Presence",
    "PresenceLink",
    "PresenceList",
    "PresenceSignal",
    "PresenceState",
    "Principal",
    "ProgressBody",
    "ReadSignal",
    "Receipt",
    "RecentSignals",
    "Record",
    "Redaction",
    "Renewal",
    "RenewsEpochs",
    "Report",
    "RequestError",
    "Right",
    "Role",
    "RosterSignal",
    "Run",
    "RunBody",
    "RunEndBody",
    "RunEnded",
    "RunProgress",
    "RunSignal",
    "RunStarted",
    "RunView",
    "Secret",
    "Section",
    "SelectsEntries",
    "SendBody",
    "Sender",
    "Services",
    "Settings",
    "SettingsError",
    "SharedStore",
    "Signal",
    "SignalHint",
    "StandsBy",
    "StateChanged",
    "StateName",
    "Status",
    "StatusSignal",
    "Storage",
    "StoreError",
    "StoredSignal",
    "TakeoverConflict",
    "TakesEnds",
    "TakesImported",
    "TellsWhetherItWrites",
    "ToggleHint",
    "TooLarge",
    "TooManyRequests",
    "Transport",
    "TransportEvent",
    "TransportState",
    "TryLater",
    "TypingNow",
    "TypingSignal",
    "UmbralChatError",
    "Unauthorized",
    "Unavailable",
    "Undeliverable",
    "Update",
    "Viewer",
    "WantsConversations",
    "Write",
    "WriteEdit",
    "WriteMessage",
    "WriteRedaction",
    "WriteRun",
    "WriteUpdate",
    "__version__",
    "entry_decoder",
    "entry_encoder",
    "hookimpl",
    "signal_decoder",
    "signal_encoder",
    "viewer",
]
