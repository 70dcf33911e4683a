"""The section `n8n`: the chats, each with its workflow."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from umbral_chat.errors import InvalidRequest
from umbral_chat.http_kit.outbound import parse_url, signed_headers
from umbral_chat.settings import Positive, Seconds, Secret, Section

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}\Z")
"""Names of chats: they are segments of URLs, parts of conversations' ids, and keys of the settings file."""


DuringRun = Literal["queue", "join", "interrupt"]
"""What becomes of a message that comes while a workflow runs: it waits for a run of its own; those that wait are
answered by one run together; or it ends the run, and the next one answers both."""


FilesChoice = Literal["refuse", "pass"]
"""What becomes of files of visitors."""


class ChatSettings(Section, frozen=True):
    """One chat: an n8n workflow with a Chat Trigger, and the conversations that belong to it."""

    webhook_url: Annotated[str, Meta(description="The chat URL of the workflow, as n8n shows it.")]
    authorization: Annotated[
        Secret | None, Meta(description="Value of the header Authorization, where the trigger asks for one.")
    ] = None
    signing_secret: Annotated[
        Secret | None, Meta(description="Secret of Standard Webhooks (`whsec_…`) that signs each call to n8n.")
    ] = None
    prefix: Annotated[
        str | None,
        Meta(description="Conversations whose id begins so belong to the chat; the name and a colon where left out."),
    ] = None
    n8n_keys: Annotated[
        list[str],
        Meta(description="Names of the service keys that its workflows write with: what they write is not relayed."),
    ] = msgspec.field(default_factory=list)
    origins: Annotated[
        list[str], Meta(description="Origins whose pages may use the chat's gateway; `*` for all. Programs always may.")
    ] = msgspec.field(default_factory=list)
    timeout: Annotated[
        Seconds, Meta(le=86_400, description="Seconds after which an execution that still answers is given up.")
    ] = 1_800.0
    silence: Annotated[
        Seconds, Meta(le=3_600, description="Seconds in which n8n must begin its answer, and go on with it.")
    ] = 300.0
    late_answer: Annotated[
        float,
        Meta(
            ge=0,
            le=3_600,
            description="Seconds to wait for a message of the workflow's own where n8n's answer has no text.",
        ),
    ] = 120.0
    tries: Annotated[
        int, Meta(ge=1, le=100, description="Calls after which a message that n8n does not accept is given up.")
    ] = 10
    repeat_unknown: Annotated[
        bool,
        Meta(
            description="Call again where it is not known whether the workflow ran. It may run twice; by default the "
            "message becomes a dead letter."
        ),
    ] = False
    api_url: Annotated[
        str | None, Meta(description="n8n's public API, as `https://n8n.example.com/api/v1`; with `api_key`.")
    ] = None
    api_key: Annotated[
        Secret | None,
        Meta(
            description="Its key, with the scopes execution:list, execution:read, execution:stop and workflow:read: "
            "with it a cancel stops the execution, and n8n is asked how one ended whose answer was lost."
        ),
    ] = None
    workflow_id: Annotated[
        str | None,
        Meta(description="The workflow's id, as in its address in n8n's editor; needed with `api_key`."),
    ] = None
    executions_saved: Annotated[
        bool,
        Meta(
            description="n8n saves the executions of workflows that leave it open (EXECUTIONS_DATA_SAVE_ON_SUCCESS and "
            "EXECUTIONS_DATA_SAVE_ON_ERROR are `all`, as they are unless set): then a message that no execution is "
            "found for is sent again."
        ),
    ] = False
    ask_for: Annotated[
        float,
        Meta(
            ge=0, le=86_400, description="Seconds for which n8n is asked how an execution ended whose answer was lost."
        ),
    ] = 600.0
    question_wait: Annotated[
        Seconds,
        Meta(
            le=604_800,
            description="Seconds for which a workflow's question (a Chat node that waits) may be answered.",
        ),
    ] = 86_400.0
    during_run: Annotated[
        DuringRun,
        Meta(
            description="What becomes of a message that comes while the workflow runs. `queue`: it waits for a run of "
            "its own. `join`: all that wait are answered by the next run together. `interrupt`: the run is cancelled, "
            "and the next one answers both."
        ),
    ] = "queue"
    burst_quiet: Annotated[
        float,
        Meta(
            ge=0,
            le=60,
            description="Messages in quick succession are answered by one run, which begins so many seconds after the "
            "last of them, or after the user stopped typing; 0: each message has its own.",
        ),
    ] = 0.0
    burst_wait: Annotated[
        Seconds, Meta(le=300, description="Longest that the first message of such a burst waits, in seconds.")
    ] = 15.0
    handoff_pause: Annotated[
        float,
        Meta(
            ge=0, description="Seconds without a message of an agent after which the assistant answers again; 0: never."
        ),
    ] = 0.0
    human_notice: Annotated[
        str, Meta(max_length=500, description="Shown by the gateway for a message that an agent is to answer.")
    ] = "Thank you. A member of our team will answer here."
    failure_notice: Annotated[
        str, Meta(max_length=500, description="Shown by the gateway for a message that got no answer.")
    ] = "Sorry, something went wrong. Please try again."
    message_chars: Annotated[
        Positive, Meta(le=32_000, description="Longest message that the gateway accepts, in characters.")
    ] = 8_000
    session_per_minute: Annotated[
        int, Meta(ge=0, description="Messages of one session in a minute, at all instances together; 0 is no limit.")
    ] = 20
    address_per_minute: Annotated[
        int, Meta(ge=0, description="Gateway requests of one address in a minute, at one instance; 0 is no limit.")
    ] = 120
    address_header: Annotated[
        str | None,
        Meta(
            description="Header in which a trusted proxy names the visitor's address, such as X-Real-IP; the last "
            "address of a list counts. Unset: the address of the connection."
        ),
    ] = None
    chat_per_minute: Annotated[
        int, Meta(ge=0, description="Messages of the whole chat in a minute, at one instance; 0 is no limit.")
    ] = 600
    session_per_day: Annotated[
        int, Meta(ge=0, description="Messages of one session in a day, at all instances together; 0 is no limit.")
    ] = 500
    runs: Annotated[
        Positive,
        Meta(le=1_000, description="Conversations whose workflow runs at once, at one instance; the others wait."),
    ] = 32
    waiting: Annotated[
        Positive, Meta(description="Gateway requests that wait for an answer at once, at one instance.")
    ] = 500
    sockets: Annotated[Positive, Meta(description="WebSockets of widgets at once with `push`, at one instance.")] = (
        1_000
    )
    session_waiting: Annotated[
        int,
        Meta(ge=0, description="Such requests and WebSockets of one session, as of several tabs; 0 is no limit."),
    ] = 8
    address_waiting: Annotated[
        int, Meta(ge=0, description="Such requests and WebSockets of one address; 0 is no limit.")
    ] = 100
    push: Annotated[
        bool,
        Meta(
            description="Have n8n's widget keep its WebSocket open, over which it is sent what agents write, and what "
            "the workflow writes later. The widget opens it only without `enableStreaming`: use either."
        ),
    ] = False
    join_repeats: Annotated[
        bool,
        Meta(
            description="A gateway message with the text of the session's last one, which is not answered yet, is no "
            "new one: its request gets that one's answer. For pages that repeat requests; n8n's widget does not."
        ),
    ] = False

    files: Annotated[
        FilesChoice,
        Meta(
            description="Files of visitors, as n8n's widget sends them with `allowFileUploads`. `pass`: they go to the "
            "workflow with their message, and are not kept in the log. `refuse`: a message with files is refused."
        ),
    ] = "refuse"
    files_bytes: Annotated[
        Positive, Meta(le=33_554_432, description="Most bytes of all files of one message together.")
    ] = 5_242_880
    files_count: Annotated[Positive, Meta(le=50, description="Most files of one message.")] = 10
    files_kept: Annotated[
        Seconds,
        Meta(
            le=604_800,
            description="Seconds for which files wait in the shared store for a run that does not come, such as those "
            "of a dead letter. They are removed when their run is over.",
        ),
    ] = 86_400.0

    def __post_init__(self) -> None:
        try:
            parse_url(self.webhook_url, field="webhook_url", trusted=True)
        except InvalidRequest as error:
            raise ValueError(error.detail) from None
        given = [one is not None for one in (self.api_url, self.api_key, self.workflow_id)]
        if any(given) and not all(given):
            raise ValueError("api_url, api_key and workflow_id belong together: give all of them, or none")
        if self.api_url is not None:
            try:
                parse_url(self.api_url, field="api_url", trusted=True)
            except InvalidRequest as error:
                raise ValueError(error.detail) from None
        if self.signing_secret is not None:
            signed_headers(self.signing_secret, "id", 0, b"")  # which refuses a secret of another form


class BridgeSettings(Section, frozen=True):
    """Chats of n8n: user messages are passed to a workflow, and its answers come into the log."""

    chats: Annotated[dict[str, ChatSettings], Meta(description="The chats: `[n8n.chats.NAME]` each.")] = msgspec.field(
        default_factory=dict
    )
    files_waiting: Annotated[
        Positive,
        Meta(
            description="Most bytes of visitors' files that one instance reads at once or has stored for runs that are "
            "not over, of all chats together. Beyond them a message with files is refused for the time being."
        ),
    ] = 268_435_456

    def __post_init__(self) -> None:
        taken: dict[str, str] = {}
        for name, chat in self.chats.items():
            if not NAME.match(name):
                raise ValueError(f"{name!r} is no name of a chat: 1 to 32 of a-z 0-9 _ -, a letter or digit first")
            prefix = prefix_of(name, chat)
            if not PREFIX.match(prefix) or prefix.startswith("internal"):
                raise ValueError(
                    f"the prefix of {name} is 1 to 48 of A-Z a-z 0-9 _ - . :, and not that of internal ones"
                )
            for other, one in taken.items():
                if prefix.startswith(one) or one.startswith(prefix):
                    raise ValueError(f"the prefixes of {other} and {name} overlap: a conversation belongs to one chat")
            taken[name] = prefix
            if chat.files == "pass" and self.files_waiting < chat.files_bytes:
                raise ValueError(f"files_waiting is less than the files_bytes of {name}: no such message would pass")


PREFIX = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,47}\Z")


def prefix_of(name: str, chat: ChatSettings) -> str:
    """What the ids of the chat's conversations begin with."""
    return f"{name}:" if chat.prefix is None else chat.prefix


__all__ = ["BridgeSettings", "ChatSettings", "DuringRun", "FilesChoice", "prefix_of"]
