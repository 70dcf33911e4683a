"""A plain poll: what follows a cursor, each entry once, and nothing when there is nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from umbral_chat.model.entries import Message, Redaction
from umbral_chat.providers.presence import PresenceState, Viewer

from .conftest import Instance, Start


async def test_following_the_cursor_brings_each_entry_once_and_in_order(service: Instance) -> None:
    for number in range(25):
        await service.send(f"message {number}")
    cursor, contents, sizes = "0", [], []
    while True:
        page = await service.poll(cursor, limit=10)
        contents += [entry.content for entry in page.entries if isinstance(entry, Message)]
        sizes.append((len(page.entries), page.has_more, page.head))
        cursor = page.cursor
        if not page.has_more:
            break
    assert contents == [f"message {number}" for number in range(25)]
    assert sizes == [(10, True, 25), (10, True, 25), (5, False, 25)]
    assert (await service.poll(cursor)).entries == []


async def test_who_is_behind_is_asked_to_come_back_at_once_and_who_is_not_after_a_while(service: Instance) -> None:
    for number in range(3):
        await service.send(str(number))
    assert (await service.poll(limit=2)).poll_after_ms == 0
    assert (await service.poll()).poll_after_ms == 250


async def test_the_longer_the_silence_the_later_the_next_poll(
    service: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursor = await service.send("hello")
    before = service.services.base.clock.monotonic()
    await service.poll(cursor)
    now = service.services.base.clock.monotonic()
    monkeypatch.setattr(service.services.base.clock, "monotonic", lambda: now + 60)
    # 250 ms for each 30 s of silence, which began somewhere in that poll.
    assert 500 <= (await service.poll(cursor)).poll_after_ms <= 501 + (now - before) * 250 / 30
    monkeypatch.setattr(service.services.base.clock, "monotonic", lambda: now + 6000)
    assert (await service.poll(cursor)).poll_after_ms == 5000
    await service.draft("I am wri")
    assert (await service.poll(cursor)).poll_after_ms == 250


async def test_a_conversation_that_was_never_made_reads_as_empty(service: Instance) -> None:
    events = await service.poll(conversation="never")
    assert (events.entries, events.cursor, events.head, events.has_more) == ([], "0", 0, False)
    await service.send("now it is", conversation="never")
    assert len((await service.poll(events.cursor, conversation="never")).entries) == 1


async def test_text_comes_back_as_it_was_sent(service: Instance) -> None:
    contents = ['"\\/\b\n', "नमस्ते 👩‍👩‍👧‍👦 שלום", "\u2028</script>", "x" * 32_000]
    for content in contents:
        await service.send(content)
    assert [entry.content for entry in (await service.poll()).entries if isinstance(entry, Message)] == contents


async def test_unchanged_it_is_answered_304_without_touching_the_store(service: Instance) -> None:
    cursor = await service.send("hello")
    tag = (await service.ask(cursor)).headers["etag"]
    # That poll loaded the view: one read, or two where the entry's own hint came in while the first was under way.
    reads = service.history.calls["read"]
    assert reads in {1, 2}
    for _ in range(5):
        answer = await service.ask(cursor, known=tag)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
        assert answer.headers["poll-after-ms"] == "250"
        assert answer.headers["cache-control"] == "private, no-cache"
    # The transport reads heads meanwhile; a poll would have read.
    assert service.history.calls["read"] == reads


async def test_an_answer_may_not_be_shared_and_tells_its_tag(service: Instance) -> None:
    answer = await service.ask()
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["etag"].startswith('W/"')


@pytest.mark.parametrize("change", ["send", "draft", "redact", "other cursor", "other limit"])
async def test_whatever_changes_the_answer_is_no_304(service: Instance, change: str) -> None:
    cursor = await service.send("hello", message_id="m0")
    tag = (await service.ask(cursor)).headers["etag"]
    query: dict[str, Any] = {"after": cursor}
    match change:
        case "send":
            await service.send("more")
        case "draft":
            await service.draft("I am wri")
        case "redact":
            await service.client.delete("/v1/conversations/room/messages/m0")
        case "other cursor":
            query["after"] = "0"
        case _:
            query["limit"] = 7
    answer = await service.ask(**query, known=tag)
    assert answer.status_code == 200
    assert answer.headers["etag"] != tag


async def test_a_tag_from_before_it_was_made_hides_no_deletion(service: Instance) -> None:
    tag = (await service.ask()).headers["etag"]
    await service.send("hello")
    assert (await service.client.delete("/v1/conversations/room")).status_code == 204
    answer = await service.ask(known=tag)
    assert (answer.status_code, answer.json()["code"]) == (410, "conversation_deleted")


async def test_the_tag_of_one_caller_is_not_anothers(start: Start) -> None:
    keys = [{"name": name, "key": f"secret-of-{name}-0123456789"} for name in ("one", "other")]
    service = await start(CORE__KEYS=json.dumps(keys))
    one, other = (f"Bearer {key['key']}" for key in keys)
    tag = (await service.ask(key=one)).headers["etag"]
    assert (await service.ask(key=one, known=tag)).status_code == 304
    assert (await service.ask(key=other, known=tag)).status_code == 200
    assert (await service.ask(known=tag)).status_code == 401


async def test_a_draft_is_shown_while_it_is_written_and_gone_when_its_message_is_stored(service: Instance) -> None:
    cursor = await service.send("a question")
    await service.draft("The answer")
    drafts = (await service.poll(cursor)).drafts
    assert [(draft.message_id, draft.offset, draft.text) for draft in drafts] == [("m1", 0, "The answer")]
    await service.send("The answer is 42.", message_id="m1")
    events = await service.poll(cursor)
    assert (len(events.entries), events.drafts) == (1, [])


async def test_what_was_redacted_comes_blank_and_so_does_its_redaction(service: Instance) -> None:
    await service.send("my secret", message_id="m0")
    await service.poll()
    await service.client.delete("/v1/conversations/room/messages/m0")
    message, redaction = (await service.poll()).entries
    assert isinstance(message, Message)
    assert (message.content, message.redacted, message.seq) == ("", True, 1)
    assert isinstance(redaction, Redaction)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("after=7", 400, "invalid_cursor"),
        ("after=aaaaaaaaaa.1", 410, "cursor_expired"),
        ("limit=-1", 400, "invalid_field"),
        ("limit=101", 400, "invalid_field"),
        ("wait=soon", 400, "invalid_field"),
        ("since=0", 400, "unknown_parameter"),
        ("presence=", 400, "invalid_field"),
        (f"presence={'v' * 65}", 400, "invalid_field"),
        ("device=", 400, "invalid_field"),
        ("device=a%0Ab", 400, "invalid_field"),
        (f"device={'d' * 65}", 400, "invalid_field"),
        ("wait=20&after=aaaaaaaaaa.1", 410, "cursor_expired"),
    ],
)
async def test_a_bad_question_is_a_problem_with_its_code(service: Instance, query: str, status: int, code: str) -> None:
    await service.send("hello")
    answer = await service.client.get(f"/v1/conversations/room/events?{query}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert service.counted("umbral_chat.polls", "error") == 1


async def test_a_cursor_past_the_head_is_refused_with_where_to_start(service: Instance) -> None:
    cursor = await service.send("hello")
    epoch = cursor.partition(".")[0]
    answer = await service.ask(f"{epoch}.2")
    assert (answer.status_code, answer.json()["code"], answer.json()["start"]) == (410, "cursor_expired", "0")


async def test_other_methods_are_refused(service: Instance) -> None:
    for method in ("POST", "PUT", "DELETE", "TRACE"):
        assert (await service.client.request(method, "/v1/conversations/room/events")).status_code == 405


async def test_each_kind_of_answer_is_counted(service: Instance) -> None:
    await service.send("one")
    cursor = await service.send("two")
    await service.poll()
    tag = (await service.ask(cursor)).headers["etag"]
    await service.ask(cursor, known=tag)
    await service.poll(wait=1)
    await service.poll(cursor, wait=0.01)
    await service.ask("7")
    kinds = ("new", "empty", "304", "long_new", "long_empty", "error")
    assert {kind: service.counted("umbral_chat.polls", kind) for kind in kinds} == dict.fromkeys(kinds, 1)
    assert service.counted("umbral_chat.deliveries", "poll") == 4


async def test_polls_keep_presence_interested_without_asking_it_each_time(
    service: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    presence, clock = service.services.presence, service.services.base.clock
    assert presence is not None
    cursor = await service.send("hello")
    tag = (await service.ask(cursor)).headers["etag"]
    now, asked, state = clock.monotonic(), list[str](), presence.state

    def counted(conversation: str, viewer: Viewer) -> PresenceState:
        asked.append(conversation)
        return state(conversation, viewer)

    monkeypatch.setattr(presence, "state", counted)
    for seconds, times in ((0.0, 1), (0.5, 1), (0.9, 1), (1.1, 2), (2.0, 2), (2.2, 3)):
        monkeypatch.setattr(clock, "monotonic", lambda at=now + seconds: at)
        assert (await service.ask(cursor, known=tag)).status_code == 304
        assert len(asked) == times, seconds
