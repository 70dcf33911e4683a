"""What the plugin gives: its route in the document, its offer, its settings in use."""

from __future__ import annotations

import msgspec
from umbral_chat_polling.answer import Events

from .conftest import Start


async def test_the_route_stands_in_the_document(start: Start) -> None:
    service = await start()
    document = (await service.client.get("/schema/openapi.json")).json()
    route = document["paths"]["/v1/conversations/{conversation}/events"]["get"]
    assert {parameter["name"] for parameter in route["parameters"]} == {
        "conversation",
        "after",
        "limit",
        "wait",
        "presence",
        "signals",
        "device",
        "If-None-Match",
    }
    assert {"200", "304"} <= set(route["responses"])
    assert route["x-right"] == "read"
    (example,) = route["responses"]["200"]["content"]["application/json"]["examples"].values()
    shown = msgspec.convert(example["value"], Events, strict=False)
    assert msgspec.to_builtins(shown.entries[0])["content"]
    answer = document["components"]["schemas"]["Events"]["properties"]
    assert {"entries", "cursor", "head", "has_more", "poll_after_ms", "mode", "signals", "drafts"} <= set(answer)


async def test_connect_offers_polling_under_the_public_url(start: Start) -> None:
    service = await start(CORE__PUBLIC_URL="https://chat.example/", POLLING__BATCH_SIZE="7")
    offers = (await service.client.post("/v1/conversations/a:b/connect")).json()["offers"]
    poll = offers[-1]  # the edges of other plugins are preferred
    assert (poll["edge"], poll["url"]) == ("poll", "https://chat.example/v1/conversations/a:b/events")
    assert poll["parameters"]["batch_size"] == 7
    assert poll["parameters"]["wait"] == 55


async def test_the_offered_url_answers_with_the_offered_parameters(start: Start) -> None:
    service = await start()
    await service.send("hello")
    offer = (await service.client.post("/v1/conversations/room/connect")).json()["offers"][-1]
    parameters = offer["parameters"]
    query = {"wait": parameters["wait"], "limit": parameters["batch_size"]}
    assert len((await service.client.get(offer["url"], params=query)).json()["entries"]) == 1
