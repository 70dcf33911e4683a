"""A visitor whose subject is the name of a service key, or of an operator, is neither of them."""

from __future__ import annotations

from .conftest import Caller, Instance


async def test_a_token_is_not_the_key_of_its_subjects_name(service: Instance) -> None:
    key, token = await service.key("plain"), await service.visitor("plain", name=None)
    await key.here(device="server")
    seen = (await (await service.key()).who())["people"]
    assert [person["id"] for person in seen] == ["plain"]
    # It hid the key, and made it leave.
    await token.here(device="server", invisible=True)
    assert (await key.who())["count"] == 1
    assert await token.left(device="server")
    assert not await token.left(device="server")
    assert (await key.who())["count"] == 1
    assert await key.left(device="server")
    assert (await key.who())["count"] == 0


async def test_a_token_is_not_who_a_key_speaks_for_in_another_role(service: Instance) -> None:
    n8n, token = await service.key(), await service.visitor("grace", name=None)
    grace = {"role": "agent", "id": "grace"}
    await n8n.here(sender=grace)
    await token.here(invisible=True)
    assert await token.left()
    assert [person["role"] for person in (await n8n.who())["people"]] == ["agent"]
    # Whom the service means by a visitor's role and id, is the visitor.
    await token.here()
    assert (await n8n.who())["count"] == 2
    assert await n8n.left(role="user", id="grace")
    assert [person["role"] for person in (await n8n.who())["people"]] == ["agent"]


async def test_a_token_does_not_end_the_typing_of_the_key_of_its_name(service: Instance) -> None:
    key, token = await service.key("plain"), await service.visitor("plain", name=None)

    async def typing(of: Caller) -> int:
        return len((await of.who())["typing"])

    await key.types()
    await token.types()
    assert await typing(key) == 2
    await token.types(typing=False)
    assert await typing(key) == 1
    await token.say("A visitor's word")
    assert await typing(key) == 1
    await key.say("The key's word")
    assert await typing(key) == 0


async def test_a_poll_of_a_token_does_not_renew_the_key_of_its_name(service: Instance) -> None:
    key, token = await service.key("plain"), await service.visitor("plain", name=None)
    await key.here(device="shared")
    presence = service.app.state.services.presence
    renewed: list[object] = []
    presence.renew = lambda conversation, person, device: renewed.append((person.kind, device))  # noqa: ARG005
    await key.poll(device="shared")
    assert renewed == [("key", "shared")]
    renewed.clear()
    presence.renew = lambda conversation, person, device: renewed.append(getattr(person, "kind", None))  # noqa: ARG005
    await token.poll(device="shared")
    assert renewed == [None]
