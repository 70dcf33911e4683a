"""The doctor's check of a chat's access to n8n's executions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from umbral_chat.http_kit.outbound import OutboundClient
from umbral_chat.providers.edges import Check, CheckResult

from umbral_chat_n8n_bridge.executions.api import ExecutionsApi, ExecutionsUnavailable
from umbral_chat_n8n_bridge.executions.records import saves_all

if TYPE_CHECKING:
    from collections.abc import Iterable

    from umbral_chat.context import Services

    from umbral_chat_n8n_bridge.chats import Chat

SECONDS = 40.0
"""The doctor waits so long: two calls, each of at most 15 s."""


def checks(chats: Iterable[Chat], services: Services) -> list[Check]:
    """One for each chat that has a key."""
    return [
        Check(f"n8n executions of {chat.name}", partial(_look, chat, services), seconds=SECONDS, needs_store=False)
        for chat in chats
        if chat.settings.api_key is not None
    ]


async def _look(chat: Chat, services: Services) -> CheckResult:
    settings = chat.settings
    if settings.api_url is None or settings.api_key is None or settings.workflow_id is None:
        return CheckResult(ok=True, detail="not set", skipped=True)
    async with OutboundClient(services.base.settings.core.outbound, trusted=True) as client:
        api = ExecutionsApi(client, settings.api_url, settings.api_key)
        try:
            await api.page(settings.workflow_id)
            workflow = await api.workflow(settings.workflow_id)
        except ExecutionsUnavailable as error:
            return CheckResult(ok=False, detail=str(error), mend=_mend(chat.name, error.status))
    if saves_all(workflow, by_default=settings.executions_saved):
        return CheckResult(ok=True, detail="the key is accepted, and n8n saves the workflow's executions")
    return CheckResult(
        ok=False,
        detail="it is not known that n8n saves every execution of the workflow: a message whose outcome is unknown is "
        "never sent again",
        mend="In the workflow's settings set both “Save failed production executions” and “Save successful production "
        f"executions” to Save; or, if n8n does so by default, n8n.chats.{chat.name}.executions_saved = true.",
    )


def _mend(chat: str, status: int | None) -> str:
    match status:
        case 401:
            return f"n8n does not know the key: make one in n8n (Settings, n8n API) for n8n.chats.{chat}.api_key."
        case 403:
            return "The key needs the scopes execution:list, execution:read, execution:stop and workflow:read."
        case 404:
            return (
                f"Set n8n.chats.{chat}.api_url as https://n8n.example.com/api/v1, and workflow_id as in n8n's editor."
            )
        case _:
            return f"Is n8n running, and n8n.chats.{chat}.api_url its address from here?"


__all__ = ["SECONDS", "checks"]
