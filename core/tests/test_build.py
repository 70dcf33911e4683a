"""How the parts of a service are put together, where no part's own test would see it."""

from __future__ import annotations

from pathlib import Path

from umbral_chat._core.app import create_app
from umbral_chat._core.parts import ServiceParts
from umbral_chat._core.plugins.boot import boot
from umbral_chat.model.cursor import START
from umbral_chat.model.entries import Sender
from umbral_chat.model.signals import DraftSignal
from umbral_chat.model.writes import WriteMessage

from tests.stores import store_variables


async def test_a_message_that_only_a_read_brings_ends_its_draft(tmp_path: Path) -> None:
    """Of another instance's message a transport may tell no more than that the log has grown."""
    given = {f"UMBRAL_CHAT_{name.upper()}": value for name, value in store_variables(tmp_path / "chat.sqlite3").items()}
    app = create_app(*boot(environ={"UMBRAL_CHAT_CONFIG": ""} | given))
    async with app.lifespan():
        services: ServiceParts = app.state.services
        sender = Sender("assistant")
        await services.storage.history.ensure("room")
        async with services.feeds.reading("room"):
            await services.feeds.read("room", START, 10)
            services.drafts.learn(DraftSignal(conversation="room", message_id="m", text="The answ", sender=sender))
            assert [draft.text for draft in services.drafts.of("room")] == ["The answ"]
            write = WriteMessage(
                conversation="room", subject="elsewhere", sender=sender, content="The answer", message_id="m"
            )
            await services.storage.history.append(write)
            services.feeds.hint_head("room", (await services.storage.history.heads(["room"]))["room"])
            batch = await services.feeds.read("room", START, 10)
            assert [line.message_id for line in batch.entries] == ["m"]
            assert services.drafts.of("room") == []
