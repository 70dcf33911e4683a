"""Where presence is not there its routes are not, the status says so, and everything else works."""

from __future__ import annotations

from .conftest import Start


async def test_without_presence_everything_else_works(start: Start) -> None:
    service = await start(CORE__DISABLED_PLUGINS='["presence"]')
    n8n, ada = await service.key(), await service.visitor()
    for method, what in (("PUT", "presence"), ("GET", "presence"), ("DELETE", "presence"), ("POST", "typing")):
        answer = await n8n.ask(method, what)
        assert (answer.status_code, answer.json()["code"]) == (404, "route_not_found")
    status = (await n8n.client.get("/v1/status")).json()
    assert status["presence"] is None
    assert "presence and typing: no plugin provides them; pip install 'umbral-chat[presence]'" in status["missing"]
    cursor = await ada.say("hello")
    found = await n8n.poll(after=cursor, presence="0", device="tab")
    assert (found["typing"], found["presence"]) == ([], None)
    document = (await n8n.client.get("/schema/openapi.json")).json()
    assert "/v1/conversations/{conversation}/presence" not in document["paths"]
