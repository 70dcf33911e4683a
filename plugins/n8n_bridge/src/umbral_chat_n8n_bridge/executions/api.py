"""n8n's public API, as far as executions need it (n8n 2.41: `GET executions`, `GET executions/{id}`,
`POST executions/{id}/stop`, `GET workflows/{id}`). Its key needs the scopes `execution:list`, `execution:read`,
`execution:stop` and, for the doctor, `workflow:read`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from umbral_chat.errors import UmbralChatError
from umbral_chat.http_kit.outbound import OutboundError

from umbral_chat_n8n_bridge.executions.records import ExecutionPage

if TYPE_CHECKING:
    from umbral_chat.http_kit.outbound import OutboundClient
    from umbral_chat.settings import Secret

TIMEOUT = 15.0
"""Seconds for one call."""

DATA_LIMIT = 8 * 1024 * 1024
"""Bytes of an execution with its data. A larger one counts as unreadable."""

PAGE = 100

T = TypeVar("T")

StopResult = Literal["stopped", "over", "unknown"]


class ExecutionsUnavailable(UmbralChatError):
    """n8n's API did not answer with what was asked for. `status`: of its answer; None: there was none, or it cannot be
    read. The message has nothing of the answer in it."""

    def __init__(self, detail: str, status: int | None = None) -> None:
        super().__init__(detail)
        self.status = status


class ExecutionsApi:
    """The API of one n8n. Every method raises ExecutionsUnavailable."""

    def __init__(self, client: OutboundClient, url: str, key: Secret) -> None:
        """`url`: with its version, as `https://n8n.example.com/api/v1`."""
        self._client, self._base, self._key = client, url.rstrip("/"), key

    async def page(self, workflow: str, *, status: str | None = None, cursor: str | None = None) -> ExecutionPage:
        """A page of a workflow's executions, the newest first. Those that run are listed only by the status `running`,
        and all others without one."""
        query = {"workflowId": workflow, "limit": str(PAGE), "status": status, "cursor": cursor}
        given = urlencode({name: value for name, value in query.items() if value is not None})
        return _decoded(_pages, await self._get(f"executions?{given}"))

    async def execution(self, execution_id: str, *, data: bool) -> dict[str, Any] | None:
        """One execution; None: there is none with this id, for this key."""
        try:
            body = await self._get(
                f"executions/{quote(execution_id, safe='')}?includeData={'true' if data else 'false'}"
            )
        except ExecutionsUnavailable as error:
            if error.status == 404:
                return None
            raise
        return _decoded(_objects, body)

    async def workflow(self, workflow: str) -> dict[str, Any]:
        """A workflow with its nodes and settings."""
        return _decoded(_objects, await self._get(f"workflows/{quote(workflow, safe='')}"))

    async def stop(self, execution_id: str) -> StopResult:
        """Stop one execution, and never several. `over`: it has ended by itself; `unknown`: there is none."""
        url = self._client.parse(f"{self._base}/executions/{quote(execution_id, safe='')}/stop", field="api_url")
        try:
            answer = await self._client.post(url, b"", self._headers(), timeout=TIMEOUT)
        except OutboundError as error:
            raise ExecutionsUnavailable(f"n8n's API: {error.detail}") from None
        match answer.status:
            case 200:
                return "stopped"
            case 409:
                return "over"
            case 404:
                return "unknown"
            case status:
                raise ExecutionsUnavailable(f"n8n's API answered {status}.", status)

    def _headers(self) -> dict[str, str]:
        return {"X-N8N-API-KEY": self._key.reveal(), "Accept": "application/json"}

    async def _get(self, path: str) -> bytes:
        url = self._client.parse(f"{self._base}/{path}", field="api_url")
        try:
            answer = await self._client.get(url, self._headers(), timeout=TIMEOUT, answer_limit=DATA_LIMIT)
        except OutboundError as error:
            raise ExecutionsUnavailable(f"n8n's API: {error.detail}") from None
        if answer.status != 200:
            raise ExecutionsUnavailable(f"n8n's API answered {answer.status}.", answer.status)
        if not answer.complete:
            raise ExecutionsUnavailable("An answer of n8n's API is too large.")
        return answer.body


def _decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ExecutionsUnavailable("An answer of n8n's API cannot be read.") from None


_pages = msgspec.json.Decoder(ExecutionPage)
_objects = msgspec.json.Decoder(dict[str, Any])

__all__ = ["ExecutionsApi", "ExecutionsUnavailable", "StopResult"]
