"""simple-chat.json in a real n8n: what the visitor gets, and what stands in the log."""

import json
import urllib.request

import pytest

from n8n.e2e.harness.faults import Network
from n8n.e2e.harness.stage import Stage

FAILED = {"message": "Error in workflow"}


def test_the_answer_comes_back_and_both_messages_are_in_the_log(stage: Stage) -> None:
    answer = stage.n8n.chat(stage.setups.chat, "first-session", "Hello there")
    assert (answer.status, answer.body) == (200, {"output": "You said: Hello there"})
    entries = stage.service.log("first-session")
    assert [entry["kind"] for entry in entries] == ["message", "message"]
    assert [entry["sender"]["id"] for entry in entries] == ["visitor", "assistant"]
    assert stage.service.messages("first-session") == [("user", "Hello there"), ("assistant", "You said: Hello there")]
    assert stage.n8n.last_run(stage.setups.chat) == "success"


def test_the_next_message_of_a_session_is_appended(stage: Stage) -> None:
    for word in ("one", "two"):
        assert stage.n8n.chat(stage.setups.chat, "appended", word).body == {"output": f"You said: {word}"}
    assert stage.service.messages("appended") == [
        ("user", "one"),
        ("assistant", "You said: one"),
        ("user", "two"),
        ("assistant", "You said: two"),
    ]


def test_sessions_are_conversations_of_their_own(stage: Stage) -> None:
    stage.n8n.chat(stage.setups.chat, "session-a", "from a")
    stage.n8n.chat(stage.setups.chat, "session-b", "from b")
    assert stage.service.messages("session-a")[0] == ("user", "from a")
    assert stage.service.messages("session-b")[0] == ("user", "from b")


def test_a_text_arrives_as_it_was_written(stage: Stage) -> None:
    text = 'He said "no {{ $json.x }}"\n\tC:\\new – 你好 🙂 </script>' + " long" * 2000
    assert stage.n8n.chat(stage.setups.chat, "as-written", text).body == {"output": f"You said: {text}"}
    assert stage.service.messages("as-written") == [("user", text), ("assistant", f"You said: {text}")]


def test_a_lost_answer_is_asked_for_again_and_nothing_is_stored_twice(stage: Stage, network: Network) -> None:
    network.lose = 1
    answer = stage.n8n.chat(stage.setups.chat_over_network, "lossy", "once")
    assert (answer.status, answer.body) == (200, {"output": "You said: once"})
    assert network.seen == 3, "question, question again, answer"
    assert stage.service.messages("lossy") == [("user", "once"), ("assistant", "You said: once")]


def test_a_wrong_key_is_an_error(stage: Stage) -> None:
    answer = stage.n8n.chat(stage.setups.chat_wrong_key, "wrong-key", "Hello")
    assert (answer.status, answer.body) == (500, FAILED)
    assert stage.n8n.last_run(stage.setups.chat_wrong_key) == "error"
    assert stage.service.log("wrong-key") == []


def test_a_service_that_does_not_answer_is_an_error(stage: Stage, network: Network) -> None:
    network.down_after = 0
    answer = stage.n8n.chat(stage.setups.chat_over_network, "no-answer", "Hello")
    assert (answer.status, answer.body) == (500, FAILED)
    assert network.seen == 3, "n8n tried three times"
    assert stage.n8n.last_run(stage.setups.chat_over_network) == "error"
    assert stage.service.log("no-answer") == []


def test_an_answer_that_could_not_be_kept_is_not_shown(stage: Stage, network: Network) -> None:
    network.down_after = 1
    answer = stage.n8n.chat(stage.setups.chat_over_network, "not-kept", "Hello")
    assert (answer.status, answer.body) == (500, FAILED)
    assert stage.n8n.last_run(stage.setups.chat_over_network) == "error"
    assert stage.service.messages("not-kept") == [("user", "Hello")]


def test_a_message_without_a_session_is_an_error(stage: Stage) -> None:
    answer = stage.n8n.chat(stage.setups.chat, "", "Hello")
    assert (answer.status, answer.body) == (500, FAILED)


def test_an_ai_agent_in_the_marked_place_gets_the_question_and_its_memory(stage: Stage) -> None:
    chat = stage.setups.chat_with_agent
    assert stage.n8n.chat(chat, "with-agent", "Hello").body == {"output": "1: Hello"}
    assert stage.n8n.chat(chat, "with-agent", "And now?").body == {"output": "2: And now?"}
    assert stage.n8n.chat(chat, "another-agent", "Hello").body == {"output": "1: Hello"}
    assert stage.service.messages("with-agent") == [
        ("user", "Hello"),
        ("assistant", "1: Hello"),
        ("user", "And now?"),
        ("assistant", "2: And now?"),
    ]


SORRY = "Sorry, I have no answer to that."


@pytest.mark.parametrize("said", ["empty", "blank", "none", "missing"])
def test_an_answer_without_text_is_replaced_by_the_configured_one(stage: Stage, said: str) -> None:
    chat, session = stage.setups.chat_odd_answers, f"odd-{said}"
    answer = stage.n8n.chat(chat, session, said)
    assert (answer.status, answer.body) == (200, {"output": SORRY})
    assert stage.service.messages(session) == [("user", said), ("assistant", SORRY)]
    assert stage.n8n.last_run(chat) == "success"


def test_an_answer_that_is_no_text_is_kept_as_json(stage: Stage) -> None:
    answer = stage.n8n.chat(stage.setups.chat_odd_answers, "odd-json", "json")
    assert (answer.status, answer.body) == (200, {"output": '{"a":[1]}'})
    assert stage.service.messages("odd-json")[1] == ("assistant", '{"a":[1]}')


@pytest.mark.parametrize("said", ["", " \n"])
def test_an_empty_message_is_asked_for_again_and_not_stored(stage: Stage, said: str) -> None:
    answer = stage.n8n.chat(stage.setups.chat, "says-nothing", said)
    assert (answer.status, answer.body) == (200, {"output": "Please write something."})
    assert stage.service.log("says-nothing") == []
    assert stage.n8n.last_run(stage.setups.chat) == "success"


@pytest.mark.parametrize("said", ["", "Look at this"])
def test_a_file_needs_no_words(stage: Stage, said: str) -> None:
    session = f"file-{len(said)}"
    answer = upload(stage, session, said, "scan.png")
    assert answer == {"output": f"You said: {said or 'Files: scan.png'}"}
    question = stage.service.log(session)[0]
    assert question["content"] == said
    assert question["metadata"] == {"attachments": [{"id": "scan.png", "name": "scan.png", "type": "image/png"}]}


def upload(stage: Stage, session: str, said: str, name: str) -> object:
    """As the chat widget sends a file: a form."""
    fields = {"action": "sendMessage", "sessionId": session, "chatInput": said}
    parts = [
        f'--edge\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}' for field, value in fields.items()
    ]
    head = (
        f'--edge\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\nContent-Type: image/png\r\n\r\n'
    )
    body = "\r\n".join([*parts, f"{head}pixels", "--edge--", ""]).encode()
    request = urllib.request.Request(  # noqa: S310 - our own loopback URL
        f"{stage.n8n.url}{stage.setups.chat_with_files.path}",
        body,
        {"Content-Type": "multipart/form-data; boundary=edge"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own loopback URL
        return json.load(answer)
